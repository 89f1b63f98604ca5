"""`tamperscope report`."""

from pathlib import Path
from typing import Annotated

import typer

from tamperscope.cli._app import FAILED, answering, app, say
from tamperscope.report.forms import Form

__all__ = ["report"]


@app.command(
    epilog="""Examples:

tamperscope scan photos --out results && tamperscope report results

tamperscope report results --format pdf --title "Case 2026-114"

tamperscope report results/IMG_2041 --format html --out report.html

tamperscope report results --photos /archive/2026"""
)
def report(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS", help="Folder of `scan --out`, or that of one photo in it.", show_default=False
        ),
    ],
    form: Annotated[Form, typer.Option("--format", "-f", help="html, pdf or json.")] = Form.html,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="RESULTS/report.FORMAT unless given.")
    ] = None,
    title: Annotated[str, typer.Option("--title", help="Of the case; the folder's name unless given.")] = "",
    photos: Annotated[
        Path | None,
        typer.Option(
            "--photos", metavar="DIR", help="Where the photos lie now, if they were moved.", exists=True
        ),
    ] = None,
    gps: Annotated[bool, typer.Option("--gps", help="Show where photos say they were taken.")] = False,
) -> None:
    """Put the results of a scan into one file for people: verdicts, pictures, facts, and how to repeat it."""
    from tamperscope.io.paths import display, write_whole
    from tamperscope.report.content import open_case
    from tamperscope.report.overview import counted
    from tamperscope.report.write import make

    with answering():
        case = open_case(results, title, position=gps, photo=photos)
        path = out or results / form.file
        made = make(case, form)
        for problem in case.problems:
            say(str(problem))
        count = len(case.folders) - len(case.problems)
        if not count and not case.failed:
            raise typer.Exit(FAILED)
        write_whole(path, made)
    typer.echo(f"{display(path)}: {counted(count, 'photo')}")
    raise typer.Exit(FAILED if case.problems else 0)
