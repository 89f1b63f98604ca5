"""`tamperscope scan`."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tamperscope.cli._app import FAILED, FOUND, INTERRUPTED, answering, app, progress, say
from tamperscope.cli._collection import Collection, Engines
from tamperscope.cli._settings import Detectors, Refine, Settings, detector_fields, detector_names
from tamperscope.errors import TamperscopeError
from tamperscope.report.forms import Form

if TYPE_CHECKING:
    from tamperscope.scanning.photo import Outcome, Plan

__all__ = ["scan", "show"]

_FAILED = "not analysed"
_MANY = 20  # photos: fewer are counted at a glance


@app.command(
    epilog="""Examples:

tamperscope scan photo.jpg

tamperscope scan --recursive photos --out results --workers 2 --resume

tamperscope scan photo.jpg --detector adjpeg,ela --set ela.quality=95 --out results

tamperscope scan photo.jpg --detector dct,adjpeg,nadjpeg,ela,blk,noi --out results

tamperscope scan photo.jpg --detector ela,noi --refine crf --out results

tamperscope scan photo.jpg --out results --report pdf

tamperscope scan 'uploads/*.jpg' --json --fail-on 0.9 | jq .detections

tamperscope scan --engine ray s3://bucket/photos --out s3://bucket/found --workers 16 (docs/guide/cluster.md)

Exit code: 0 all files were analysed, 1 some could not be, 2 wrong usage, 3 a score reached --fail-on."""
)
def scan(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Photos, folders or glob patterns; with --engine also URIs and manifests.",
            show_default=False,
        ),
    ],
    detector: Detectors = None,
    refine: Refine = None,
    settings: Settings = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="DIR", help="Write results and pictures here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON record a line.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="With --out: also heatmaps as float32 .npy.")] = False,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders' folders.")] = False,
    report: Annotated[
        Form | None, typer.Option("--report", help="With --out: also a report of each photo, for people.")
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", "-w", min=1, max=10_000, help="Processes; with --engine, analyses at once."
        ),
    ] = 1,
    fail_on: Annotated[
        float | None,
        typer.Option("--fail-on", metavar="SCORE", min=0, max=1, help="Exit with 3 if a score reaches this."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="With --out: keep results of the same file, detector and fields.")
    ] = False,
    salvage: Annotated[
        bool, typer.Option("--salvage", help="Analyse truncated JPEG files as far as they decode.")
    ] = False,
    max_megapixels: Annotated[
        float, typer.Option(min=0.01, max=10_000, help="Refuse larger pictures before decoding them.")
    ] = 200,
    max_mebibytes: Annotated[
        float, typer.Option(min=0.01, max=65_536, help="Refuse larger files before reading them.")
    ] = 256,
    engine: Annotated[
        Engines | None,
        typer.Option("--engine", help="Scan a collection into tables and maps in --out."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="HOST:PORT", help="With --engine ray: the cluster to run on."),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option("--batch", min=1, max=100_000, help="With --engine: photos a file of the table; 32."),
    ] = None,
    maps: Annotated[
        bool, typer.Option("--maps/--no-maps", help="With --engine: write masks and heatmaps.")
    ] = True,
) -> None:
    """Say whether and where photos were edited, and draw it."""
    if (raw or resume or report) and not out:
        raise typer.BadParameter("--raw, --resume and --report need --out")
    collection = Collection(engine, workers, address, batch, maps)
    collection.check(out, printed=as_json or report is not None)
    plan = _plan(
        detector_names(detector, refine),
        settings or [],
        out=Path(out) if out and not engine else None,
        raw=raw,
        report=report,
        resume=resume,
        salvage=salvage,
        limits=(int(max_megapixels * 1e6), int(max_mebibytes * 2**20)),
    )
    if engine and out:
        raise typer.Exit(collection.scan(paths, out, plan, resume=resume, fail_on=fail_on))
    from tamperscope.scanning.batch import run
    from tamperscope.scanning.find import find_photos, plan_tasks

    found = list(find_photos(paths, recursive=recursive, note=say))
    failed = reached = False
    verdicts: Counter[str] = Counter()
    for entry in found:
        if isinstance(entry, TamperscopeError):
            failed = True
            verdicts[_FAILED] += 1
            say(str(entry))
    tasks = plan_tasks([entry for entry in found if isinstance(entry, Path)])
    outcomes = run(tasks, plan, workers)
    try:
        with progress("scanning", len(tasks)) as advance:
            for outcome in outcomes:
                show(outcome, as_json)
                failed |= not outcome.analysed or outcome.unreported is not None
                reached |= (
                    fail_on is not None and (outcome.score or 0) >= fail_on and outcome.score is not None
                )
                verdicts[_verdict(outcome)] += 1
                advance()
    except KeyboardInterrupt:
        say("interrupted" + (": finished results are whole, --resume goes on from here" if out else ""))
        raise typer.Exit(INTERRUPTED) from None
    if verdicts.total() > _MANY:
        said = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
        say(f"{verdicts.total()} photos: {said}")
    raise typer.Exit(FOUND if reached else FAILED if failed else 0)


def _plan(names: tuple[str, ...], settings: list[str], *, limits: tuple[int, int], **choices: Any) -> "Plan":
    """Turn options into a plan; what cannot be meant is wrong usage."""
    from tamperscope.io.decode import Limits
    from tamperscope.scanning.batch import check
    from tamperscope.scanning.photo import Plan

    with answering():
        plan = Plan(
            detectors=names, fields=detector_fields(names, settings), limits=Limits(*limits), **choices
        )
        check(plan)
    return plan


def _verdict(outcome: "Outcome") -> str:
    from tamperscope.report.json import gravest

    return gravest(outcome.record) if outcome.record and outcome.analysed else _FAILED


def show(outcome: "Outcome", as_json: bool) -> None:
    """Print what came of a photo: results on standard output, everything else on standard error."""
    if outcome.error:
        say(str(outcome.error))
        return
    from tamperscope.report.json import dumps

    assert outcome.record is not None  # noqa: S101  no error, so a record
    if as_json:
        typer.echo(dumps(outcome.record))
    elif outcome.analysed:
        typer.echo(_sentence(outcome.record))
    if not outcome.analysed:  # the record says so too; a person must not overlook it
        reasons = dict.fromkeys(entry["reason"] for entry in outcome.record["detections"])
        say(f"{outcome.record['path']}: not analysed: {'; '.join(reasons)}")
    if outcome.unreported:
        say(str(outcome.unreported))
    for warning in outcome.record["warnings"]:
        say(f"{outcome.record['path']}: note: {warning}")


def _sentence(record: dict[str, Any]) -> str:
    """Return a line for people: the path, then what each detector says."""
    return f"{record['path']}: " + " | ".join(_answer(entry) for entry in record["detections"])


def _answer(entry: dict[str, Any]) -> str:
    from tamperscope.report.json import written

    head = f"{entry['name']}: {entry['verdict']}"
    if entry["score"] is not None:
        head += f", score {written(entry['score'])}"
    if entry["verdict"] == "manipulated" and entry["regions"]:
        count = len(entry["regions"])
        share = sum(region["area_share"] for region in entry["regions"])
        head += f", {count} region{'s' * (count > 1)} on {share:.1%} of the photo"
    return f"{head} ({entry['reason']})"
