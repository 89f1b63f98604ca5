"""`tamperscope demo`."""

from pathlib import Path
from typing import Annotated

import typer

from tamperscope.cli._app import FAILED, answering, app
from tamperscope.cli.scan import show

__all__ = ["demo"]


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Write photos and results here.")
    ] = Path("tamperscope-demo"),
) -> None:
    """Forge a photo from public-domain photographs, scan it and its pristine twin, and name what to open."""
    from tamperscope.demo import make
    from tamperscope.scanning.batch import scan as scan_all

    with answering():
        forged, pristine = make(out)
        outcomes = list(scan_all([forged, pristine], out=out / "results"))
    typer.echo("A part of the first photo was pasted in; the second is its pristine twin.\n")
    for outcome in outcomes:
        show(outcome, as_json=False)
    typer.echo("\nOpen these to see it:")
    typer.echo(f"  {forged}\n  {pristine}")
    for outcome in outcomes:
        if outcome.folder:
            for picture in sorted(outcome.folder.glob("*.overlay.png")):
                typer.echo(f"  {picture}")
    raise typer.Exit(0 if all(outcome.analysed for outcome in outcomes) else FAILED)
