"""`tamperscope train`."""

from pathlib import Path
from typing import Annotated

import typer

from tamperscope.cli._app import answering, app, needing
from tamperscope.plugins import names, pair

__all__ = ["train"]


@app.command(
    epilog="""Examples:

tamperscope train conv_lstm --data casia1 --photos CASIA1 --out runs/joint

tamperscope train conv_lstm --data photos/manifest.csv --out runs/patches --set variant=P-Conv-LSTM

tamperscope train fcn --data manifest.csv --photos photos --out runs/fcn --config fcn.json

Interrupted, run it again: it goes on from its last epoch. Exit code: 0 trained, 1 failed, 2 wrong usage."""
)
def train(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help=f"{', '.join(names('networks'))}.", show_default=False)
    ],
    data: Annotated[
        str, typer.Option("--data", metavar="MANIFEST|NAME", help="A manifest, or a data set's name.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="Write the run here.")],
    photos: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the photographs lie; the manifest's folder unless given."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="quick, overnight, cun2018, wang2024, wang2024-quick, fusion, or a JSON file.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Change the configuration; may be repeated."),
    ] = None,
) -> None:
    """Train a network on the train split, and choose its weights on the val split."""
    with needing("train", "training needs PyTorch and Lightning"):
        from tamperscope.training.run import train as run
    from tamperscope.training.config import Training
    from tamperscope.training.data import open_splits

    with answering(resume="the same command goes on from the last epoch"):
        training = Training.read(config, dict(pair(text) for text in settings or []))
        splits = open_splits(data, photos, training.seed)
        weights = run(network, splits["train"], splits["val"], training, out)
    typer.echo(f"{weights}; its curves: {out / 'curves.png'}")
