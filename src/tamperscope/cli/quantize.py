"""`tamperscope quantize`."""

from pathlib import Path
from typing import Annotated

import typer

from tamperscope.cli._app import answering, app, needing, progress
from tamperscope.cli._settings import NetworkFile
from tamperscope.plugins import names

__all__ = ["quantize"]


@app.command(
    epilog="""Examples:

tamperscope quantize fusion mine.onnx --out mine.int8.onnx --data casia1 --photos CASIA1

tamperscope scan photo.jpg --set fusion.weights=mine.int8.onnx

Exit code: 0 written, 1 failed, 2 wrong usage."""
)
def quantize(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help=f"{', '.join(names('networks'))}.", show_default=False)
    ],
    weights: Annotated[
        Path, typer.Argument(metavar="FILE", help="Weights, as exported (ONNX).", show_default=False)
    ],
    out: NetworkFile,
    data: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="MANIFEST|NAME",
            help="Its val split tells how large what goes through the network is.",
        ),
    ],
    photos: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the photographs lie; the manifest's folder unless given."),
    ] = None,
) -> None:
    """Write weights once more with 8 instead of 32 bits: faster, and nearly the same answers."""
    with needing("train", "this needs PyTorch and ONNX"):
        from tamperscope.training.quantize import quantize as write
    from tamperscope.training.data import open_splits

    with answering():
        card = write(weights, network, out, open_splits(data, photos, 0, ("val",))["val"], progress)
    gaps = card.metrics["in 8 bits"]["mean difference"]
    typer.echo(f"{out}: mean difference {', '.join(f'{name} {gap:.4f}' for name, gap in gaps.items())}")
