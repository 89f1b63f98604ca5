"""`tamperscope tune`."""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from tamperscope import plugins
from tamperscope.cli._app import answering, app, measuring, progress, say
from tamperscope.cli._settings import Refine, Settings, Workers, detector_fields, detector_names
from tamperscope.errors import InvalidParameter

__all__ = ["tune"]

_SHOWN = 5  # settings


@app.command(
    epilog="""Examples:

tamperscope tune --dataset casia1 --root CASIA1 --detector semi_global+crf,ela+crf --workers 2

tamperscope tune --dataset folder --root mine --detector noi+smooth --metric pixel_mcc@card --trials 8

Choose on val, report on test: measured on the photos that they were fitted to, settings look too good."""
)
def tune(
    dataset: Annotated[str, typer.Option("--dataset", metavar="NAME", help="See `tamperscope datasets`.")],
    root: Annotated[Path, typer.Option("--root", metavar="DIR", help="Where the data set lies.")],
    detector: Annotated[
        list[str], typer.Option("--detector", "-d", metavar="NAME+REFINER[,...]", help="Such as ela+crf.")
    ],
    refine: Refine = None,
    settings: Settings = None,
    split: Annotated[str, typer.Option("--split", help="train, val, test or all.")] = "val",
    metric: Annotated[
        str, typer.Option("--metric", "-m", metavar="NAME@THRESHOLD", help="Of pixels; to be made best.")
    ] = "pixel_f1@card",
    trials: Annotated[int, typer.Option(min=2, max=4096, help="Settings to try.")] = 32,
    workers: Workers = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the settings, and of made splits.")] = 0,
    cache: Annotated[
        Path | None, typer.Option("--cache", metavar="DIR", help="Keep heatmaps here, as `evaluate` does.")
    ] = None,
) -> None:
    """Fit a refiner's fields to photographs: try many settings, and say which is best."""
    from tamperscope.detectors._refined import assemble

    with measuring():
        from tamperscope.evaluation import run
        from tamperscope.evaluation.cache import Cache
        from tamperscope.evaluation.judge import Plan, Task
        from tamperscope.evaluation.tune import common_refiner
        from tamperscope.evaluation.tune import tune as fit

    with answering():
        names = detector_names(detector, refine)
        fields = detector_fields(names, settings or [])
        built = {name: assemble(name, fields) for name in names}
        common_refiner(built)  # before the data set is asked for anything
        wanted = run.plan(dataset, root, split, built, metrics=[metric], seed=seed, fields=fields)
        if len(wanted.metrics) != 1 or wanted.metrics[0].level != "pixel" or wanted.metrics[0].pooled:
            raise InvalidParameter(
                f"{metric} cannot be fitted to", "give one metric of pixels: pixel_f1@card"
            )
        if not wanted.metrics[0].higher_is_better:
            raise InvalidParameter(f"{metric} is best where nothing is marked", "give pixel_f1@card")
        samples = [sample for sample in wanted.samples if wanted.metrics[0].concerns(sample.manipulated)]
        tasks = [Task(place, sample) for place, sample in enumerate(samples)]
        with TemporaryDirectory() as folder, progress(f"trying {trials} settings", len(tasks)) as advance:
            kept = Cache(cache or Path(folder), fields)
            plan = Plan(wanted.dataset, built, wanted.metrics, kept, Path(folder), seed=seed)
            found, count = fit(plan, tasks, wanted.metrics[0], trials, workers, advance)
    if count < len(tasks):
        say(f"{len(tasks) - count} photos could not be used; `tamperscope datasets check` may say why")
    typer.echo(f"{metric} on {wanted.name} {split} (n {count}), {len(found)} settings, seed {seed}\n")
    for trial in [*found[:_SHOWN], *(trial for trial in found[_SHOWN:] if trial.first)]:
        values = ", ".join(f"{name} {value:.3f}" for name, value in trial.values.items() if value is not None)
        own = ", ".join(f"{field} {_short(value)}" for field, value in asdict(trial.refiner).items())
        typer.echo(f"{trial.mean:.3f} ({values}), {own}{': as given' if trial.first else ''}")
    name, best = plugins.name_of(found[0].refiner), found[0].refiner
    words = [f"--set {name}.{field}={value}" for field, value in asdict(best).items()]
    typer.echo(f"\nThe best: {' '.join(words)}")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
