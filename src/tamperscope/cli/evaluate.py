"""`tamperscope evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tamperscope.cli._app import FAILED, answering, app, measuring, progress, say
from tamperscope.cli._settings import Detectors, Refine, Settings, Workers, detector_fields, detector_names

if TYPE_CHECKING:
    from tamperscope.evaluation.run import Evaluation, Results

__all__ = ["evaluate", "show_numbers"]

_SHOWN = (
    "pixel_auc",
    "pixel_f1@card",
    "pixel_mcc@card",
    "false_alarm_area@card",
    "image_auc",
    "balanced_accuracy",
)


@app.command(
    epilog="""Examples:

tamperscope evaluate --dataset casia1 --root CASIA1 --split test --detector adjpeg,ela --out results

tamperscope evaluate --dataset coverage --root COVERAGE --detector auto --equalize --workers 2 --out equalized

tamperscope evaluate --dataset casia1 --root CASIA1 --detector ela,ela+crf --metric pixel_f1 --out refined

tamperscope evaluate --dataset folder --root mine --perturb jpeg:95,85,75 --perturb resize:0.9 --out robust

Exit code: 0 every photo was measured or found not applicable, 1 some could not be used, 2 wrong usage."""
)
def evaluate(
    dataset: Annotated[str, typer.Option("--dataset", metavar="NAME", help="See `tamperscope datasets`.")],
    root: Annotated[Path, typer.Option("--root", metavar="DIR", help="Where the data set lies.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Write results and report here.")],
    split: Annotated[str, typer.Option("--split", help="train, val, test or all.")] = "test",
    detector: Detectors = None,
    refine: Refine = None,
    settings: Settings = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            "-m",
            metavar="NAME[@THRESHOLD]",
            help="Only these; all unless given. See `tamperscope metrics`.",
        ),
    ] = None,
    equalize: Annotated[
        bool, typer.Option("--equalize", help="Save both classes anew with qualities from one distribution.")
    ] = False,
    qualities: Annotated[
        tuple[int, int], typer.Option(min=1, max=100, metavar="LOW HIGH", help="Range for --equalize.")
    ] = (70, 95),
    perturb: Annotated[
        list[str] | None,
        typer.Option(
            "--perturb",
            metavar="KIND:STRENGTH[,STRENGTH]",
            help="Also under jpeg:QUALITY, resize:FACTOR, crop:PIXELS, blur:SIGMA, noise:SIGMA; repeatable.",
        ),
    ] = None,
    workers: Workers = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of intervals, qualities, noise and made splits.")] = 0,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Keep heatmaps here instead of in OUT/cache."),
    ] = None,
) -> None:
    """Measure detectors on a data set; interrupted, run it again to go on."""
    from tamperscope.detectors._refined import assemble

    with measuring():
        from tamperscope.evaluation import run

    if qualities != run.QUALITIES and not equalize:
        raise typer.BadParameter("--qualities needs --equalize")
    with answering():
        names = detector_names(detector, refine)
        fields = detector_fields(names, settings or [])
        evaluation = run.plan(
            dataset,
            root,
            split,
            {name: assemble(name, fields) for name in names},
            metrics=metric or (),
            perturbations=perturb or (),
            qualities=qualities if equalize else None,
            seed=seed,
            fields=fields,
        )
    results = measure(evaluation, out, cache, workers)
    show_numbers(results)
    typer.echo(f"\nOpen {out / 'report.html'}")
    raise typer.Exit(FAILED if report_unusable(results) else 0)


def measure(evaluation: "Evaluation", out: Path, cache: Path | None, workers: int) -> "Results":
    """Run an evaluation with a progress bar; leave on an error or an interruption."""
    from tamperscope.evaluation.run import evaluate as run

    total = len(evaluation.samples) * (1 + len(evaluation.perturbations))
    with (
        answering(resume="heatmaps are kept, the same command goes on from here"),
        progress(f"measuring {evaluation.name}", total) as advance,
    ):
        results = run(evaluation, out, cache=cache, workers=workers, advance=advance)
    _show_learned(results)
    return results


def show_numbers(results: "Results") -> None:
    """Print the headline numbers of each detector."""
    from tamperscope.evaluation.report import label, spelled

    evaluation = results.evaluation
    for condition in results.conditions:
        how = f", {condition.name}" if condition.name else ""
        part = f"{len(evaluation.samples)} of {evaluation.total} photographs"
        typer.echo(
            f"{evaluation.name} {evaluation.split} ({part}), {evaluation.condition}{how}, "
            f"seed {evaluation.seed}"
        )
        for number in condition.numbers:
            if number.subset == "all" and number.metric in _SHOWN and number.detector in evaluation.detectors:
                name = label(number.metric, number.level, evaluation.condition)
                counts = f"n {number.n}" + "".join(
                    f", {word.replace('_', ' ')} {getattr(number, word)}"
                    for word in ("undefined", "not_applicable", "failed", "excluded")
                    if getattr(number, word)
                )
                value = spelled(number.value, number.low, number.high)
                typer.echo(f"  {number.detector:<12} {name:<30} {value:<22} {counts}")


def _show_learned(results: "Results") -> None:
    """Tell which detectors learned from what they were measured on."""
    for name, count in results.learned.items():
        total = len(results.evaluation.samples)
        say(f"{name} learned from {count} of these {total} photographs: its numbers say little about others")


def report_unusable(results: "Results") -> int:
    """Tell which photos could not be used, or made a detector fail; return how many."""
    found = {**results.failed, **results.excluded}
    for name, reason in found.items():
        say(reason if name in reason else f"{name}: {reason}")
    return len(found)
