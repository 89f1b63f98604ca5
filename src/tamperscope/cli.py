"""The command line; a thin layer over the Python API."""

import math
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from tamperscope import __version__, plugins
from tamperscope.errors import InvalidParameter, TamperscopeError, UnknownPlugin

if TYPE_CHECKING:
    from tamperscope.scanning.photo import Outcome, Plan

__all__ = ["app", "main"]

FAILED, FOUND, INTERRUPTED, TERMINATED = 1, 3, 130, 143

app = typer.Typer(
    name="tamperscope",
    help="Finds where a photograph was edited.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> NoReturn:
    """Run the command line."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file opened would take its place, and its messages
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter must not end a scan
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        app()
    except OSError as error:  # but for a closed pipe, which typer ends quietly
        _say(f"standard output: cannot be written ({error.strerror or error}); free space and try again")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains when it flushes at the end
    sys.exit(FAILED)


def _interrupt(*_: object) -> NoReturn:
    # Once: a second Ctrl-C would interrupt the orderly end that the first one asked for.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(text: str) -> None:
    """Tell a person what went wrong, if there is anywhere to tell it."""
    if sys.stderr is not None:
        typer.echo(text, err=True)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tamperscope {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command(
    epilog="""Examples:

tamperscope scan photo.jpg

tamperscope scan --recursive photos --out results --workers 2 --resume

tamperscope scan photo.jpg --detector adjpeg,ela --set ela.quality=95 --out results

tamperscope scan 'uploads/*.jpg' --json --fail-on 0.9 | jq .detections

Exit code: 0 all files were analysed, 1 some could not be, 2 wrong usage, 3 a score reached --fail-on."""
)
def scan(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Photos, folders or glob patterns.", show_default=False),
    ],
    detector: Annotated[
        list[str] | None,
        typer.Option(
            "--detector", "-d", metavar="NAME[,NAME]", help="See `tamperscope detectors`; auto unless given."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="DETECTOR.FIELD=VALUE", help="Configure a detector; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write results and pictures here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON record a line.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="With --out: also heatmaps as float32 .npy.")] = False,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders' folders.")] = False,
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, max=256, help="Processes.")] = 1,
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
) -> None:
    """Say whether and where photos were edited, and draw it."""
    if (raw or resume) and not out:
        raise typer.BadParameter("--raw and --resume need --out")
    plan = _plan(
        ",".join(detector or ["auto"]),
        settings or [],
        out=out,
        raw=raw,
        resume=resume,
        salvage=salvage,
        limits=(int(max_megapixels * 1e6), int(max_mebibytes * 2**20)),
    )
    from tamperscope.scanning.batch import run
    from tamperscope.scanning.find import find_photos, plan_tasks

    found = list(find_photos(paths, recursive=recursive))
    failed = reached = False
    for entry in found:
        if isinstance(entry, TamperscopeError):
            failed = True
            _say(str(entry))
    tasks = plan_tasks([entry for entry in found if isinstance(entry, Path)])
    outcomes = run(tasks, plan, workers)
    try:
        with _progress(len(tasks)) as advance:
            for outcome in outcomes:
                _show(outcome, as_json)
                failed |= not outcome.analysed
                reached |= (
                    fail_on is not None and (outcome.score or 0) >= fail_on and outcome.score is not None
                )
                advance()
    except KeyboardInterrupt:
        _say("interrupted" + (": finished results are whole, --resume goes on from here" if out else ""))
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(FOUND if reached else FAILED if failed else 0)


def _plan(detector: str, settings: list[str], *, limits: tuple[int, int], **choices: Any) -> "Plan":
    """Turn options into a plan; what cannot be meant is wrong usage."""
    from tamperscope.io.decode import Limits
    from tamperscope.scanning.batch import check
    from tamperscope.scanning.photo import Plan

    names = tuple(dict.fromkeys(name.strip() for name in detector.split(",")))
    try:
        plan = Plan(detectors=names, fields=_fields(names, settings), limits=Limits(*limits), **choices)
        check(plan)
    except (UnknownPlugin, InvalidParameter) as error:
        raise typer.BadParameter(str(error)) from None
    except TamperscopeError as error:
        _say(str(error))
        raise typer.Exit(FAILED) from None
    return plan


def _fields(names: tuple[str, ...], settings: list[str]) -> dict[str, dict[str, Any]]:
    from tamperscope.scanning.photo import choices

    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for setting in settings:
        target, equals, value = setting.partition("=")
        name, dot, field = target.partition(".")
        if not (equals and dot and name and field):
            raise InvalidParameter(f"--set {setting!r} is not understood", "write --set detector.field=value")
        if name not in names and not any(name in choices(chooser) for chooser in names):
            raise InvalidParameter(
                f"--set {setting!r} concerns a detector that does not run", f"add {name} to --detector"
            )
        texts[name][field] = value
    return {name: plugins.parse("detectors", name, values) for name, values in texts.items()}


def _show(outcome: "Outcome", as_json: bool) -> None:
    if outcome.error:
        _say(str(outcome.error))
        return
    from tamperscope.report.json import dumps

    assert outcome.record is not None  # noqa: S101  no error, so a record
    if as_json:
        typer.echo(dumps(outcome.record))
    elif outcome.analysed:
        typer.echo(_sentence(outcome.record))
    if not outcome.analysed:  # the record says so too; a person must not overlook it
        reasons = dict.fromkeys(entry["reason"] for entry in outcome.record["detections"])
        _say(f"{outcome.record['path']}: not analysed: {'; '.join(reasons)}")
    for warning in outcome.record["warnings"]:
        _say(f"{outcome.record['path']}: note: {warning}")


def _sentence(record: dict[str, Any]) -> str:
    """Return a line for people: the path, then what each detector says."""
    return f"{record['path']}: " + " | ".join(_answer(entry) for entry in record["detections"])


def _answer(entry: dict[str, Any]) -> str:
    head = f"{entry['name']}: {entry['verdict']}"
    if entry["score"] is not None:
        head += f", score {math.floor(100 * entry['score']) / 100:.2f}"  # never rounded up to the threshold
    if entry["verdict"] == "manipulated" and entry["regions"]:
        count = len(entry["regions"])
        share = sum(region["area_share"] for region in entry["regions"])
        head += f", {count} region{'s' * (count > 1)} on {share:.1%} of the photo"
    return f"{head} ({entry['reason']})"


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """Show a bar on a terminal once the work takes more than two seconds; yield what advances it."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda: None
        return
    import os
    import threading

    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    # Its own descriptor: the decoder diverts the process's standard error while a C library may write to it.
    with os.fdopen(os.dup(2), "w") as terminal:
        bar = Progress(
            *Progress.get_default_columns()[:-1],
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(file=terminal, force_terminal=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # a pipe gets its lines directly
        )
        task = bar.add_task("scanning", total=total)
        timer = threading.Timer(2, bar.start)
        timer.daemon = True
        timer.start()
        try:
            yield lambda: bar.advance(task)
        finally:
            timer.cancel()
            timer.join()
            bar.stop()


@app.command()
def detectors(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List the detectors: what each looks at, what it needs, and its fields."""
    listed = []
    for name in plugins.names("detectors"):
        try:
            listed.append(_describe(name))
        except TamperscopeError as error:
            _say(str(error))
    if as_json:
        import json

        typer.echo(json.dumps(listed, indent=2))
        return
    for entry in listed:
        typer.secho(f"{entry['name']} - {entry['title']}", bold=True)
        for label, text in (
            ("looks at", entry["looks_at"]),
            ("limits", entry["limits"]),
            ("needs", ", ".join(entry["needs"]) or "any photo"),
            ("paper", f"{entry['paper']}, {entry['year']}"),
            ("licence", entry["licence"]),
            ("threshold", f"{entry['threshold']}; {entry['calibrated'] or 'not calibrated'}"),
            *(("differs from the paper", text) for text in entry["deviations"]),
        ):
            typer.echo(f"  {label}: {text}")
        for field in entry["fields"]:
            limits = f"; {field['low']} to {field['high']}" if field["high"] is not None else ""
            value = f"{entry['name']}.{field['name']}={field['default']}"
            typer.echo(f"  --set {value}  {field['description']}{limits}")
        typer.echo()


def _describe(name: str) -> dict[str, Any]:
    """Return a detector's card, needs and fields, fit for JSON."""
    from dataclasses import asdict

    plugin = plugins.load("detectors", name)
    return {
        "name": name,
        **asdict(plugin.card),
        "needs": sorted(need.value for need in plugin.needs),
        "fields": [
            {
                "name": entry.name,
                "default": entry.default,
                **{key: entry.metadata.get(key) for key in ("description", "low", "high")},
            }
            for entry in plugins.options(plugin).values()
        ],
    }


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Write photos and results here.")
    ] = Path("tamperscope-demo"),
) -> None:
    """Forge a photo from public-domain photographs, scan it and its pristine twin, and name what to open."""
    from tamperscope.demo import make
    from tamperscope.scanning.batch import scan as scan_all

    try:
        forged, pristine = make(out)
        outcomes = list(scan_all([forged, pristine], out=out / "results"))
    except TamperscopeError as error:
        _say(str(error))
        raise typer.Exit(FAILED) from None
    typer.echo("A part of the first photo was pasted in; the second is its pristine twin.\n")
    for outcome in outcomes:
        _show(outcome, as_json=False)
    typer.echo("\nOpen these to see it:")
    typer.echo(f"  {forged}\n  {pristine}")
    for outcome in outcomes:
        if outcome.folder:
            for picture in sorted(outcome.folder.glob("*.overlay.png")):
                typer.echo(f"  {picture}")
    raise typer.Exit(0 if all(outcome.analysed for outcome in outcomes) else FAILED)
