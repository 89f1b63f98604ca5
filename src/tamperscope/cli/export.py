"""`tamperscope export`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tamperscope.cli._app import answering, app, needing, progress, say
from tamperscope.cli._settings import NetworkFile
from tamperscope.errors import TamperscopeError
from tamperscope.plugins import pair

__all__ = ["export"]


@app.command(
    epilog="""Examples:

tamperscope export runs/joint --out conv_lstm.onnx --data casia1 --photos CASIA1

tamperscope export runs/joint --out conv_lstm.onnx --data manifest.csv --terms native="free to use"

tamperscope export runs/first --with runs/second/network.safetensors --with start.onnx --out mean.onnx

tamperscope export runs/fusion --out fusion.onnx --data manifest.csv --pristine cameras/

tamperscope scan photo.jpg --detector conv_lstm --set conv_lstm.weights=conv_lstm.onnx

Exit code: 0 written, 1 failed, 2 wrong usage."""
)
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, finished.", show_default=False)],
    out: NetworkFile,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="MANIFEST|NAME",
            help="What it was trained on: fits threshold and score to val, and measures on test.",
        ),
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the photographs lie; the manifest's folder unless given."),
    ] = None,
    terms: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATASET=TEXT", help="Terms of a data set that we do not know; may be repeated."
        ),
    ] = None,
    others: Annotated[
        list[Path] | None,
        typer.Option(
            "--with",
            metavar="FILE",
            help="Write the mean with these weights: those that it began with, or others that did so, too.",
        ),
    ] = None,
    pristine: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER|FILE",
            help="Photographs that nobody edited, such as camera files: threshold and score spare them as "
            "they spare those of val, as far as the run's marked and alarms say; may be repeated.",
        ),
    ] = None,
) -> None:
    """Write the best weights of a training as one ONNX file, with a card inside that says all about them."""
    with needing("train", "exporting needs PyTorch and ONNX"):
        from tamperscope.training.export import export as write
        from tamperscope.training.folder import read_run
    from tamperscope.training.data import open_splits

    with answering():
        stated = dict(pair(text, "dataset=text", "--terms") for text in terms or [])
        seed = read_run(run).training.seed
        splits = open_splits(data, photos, seed, optional=("test",)) if data else {}
        spared = list(_found(pristine or []))
        card = write(run, out, splits, stated, progress, others or [], spared)
    typer.echo(f"{out}: {card.network}, {card.variant}, threshold {card.threshold:g}")
    if card.calibrated:
        typer.echo(f"score: {card.calibrated}")
    if not data:
        typer.echo("threshold and score are not fitted, and nothing is measured: give --data to do so")
    elif "test" not in splits:
        typer.echo("nothing is measured on test, of which the data set has no sample")


def _found(given: list[Path]) -> Iterator[Path]:
    from tamperscope.scanning.find import find_photos

    for path in find_photos(given, note=say):
        if isinstance(path, TamperscopeError):
            raise path
        yield path
