"""`tamperscope convert`."""

from pathlib import Path
from typing import Annotated

import typer

from tamperscope.cli._app import answering, app, needing
from tamperscope.cli._settings import NetworkFile

__all__ = ["convert"]


@app.command(
    epilog="""Examples:

tamperscope convert mantranet ManTraNet_Ptrain4.h5 --out mantranet.onnx

tamperscope scan photo.jpg --detector mantranet --set mantranet.weights=mantranet.onnx

Exit code: 0 written, 1 failed, 2 wrong usage."""
)
def convert(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help="Whose weights others published: mantranet.")
    ],
    weights: Annotated[
        Path, typer.Argument(metavar="FILE", help="Their file, as it was published.", show_default=False)
    ],
    out: NetworkFile,
) -> None:
    """Write a network with weights that others published, and that cannot be shipped, as one ONNX file."""
    with needing("train", "converting needs PyTorch, ONNX and h5py"):
        from tamperscope.training.export import convert as write

    with answering():
        card = write(network, weights, out)
    typer.echo(f"{out}: {card.network}, {card.licence}")
