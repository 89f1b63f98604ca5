"""`tamperscope reproduce`."""

import csv
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer

from tamperscope.cli._app import FAILED, app, say
from tamperscope.cli._settings import Workers
from tamperscope.cli.evaluate import measure, report_unusable
from tamperscope.errors import InvalidParameter, TamperscopeError, UnknownPlugin

__all__ = ["reproduce"]


@app.command(
    epilog="""Examples:

tamperscope reproduce bappy2017 table6 --root casia1=~/CASIA1 --root coverage=~/COVERAGE

tamperscope reproduce cun2018 f1 --root columbia=~/Columbia --workers 2

Papers and tables: bappy2017 table1 to table6; cun2018 f1, mcc, accuracy; wang2024 table1, views."""
)
def reproduce(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="bappy2017, cun2018 or wang2024.")],
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Such as table6.")],
    root: Annotated[
        list[str] | None,
        typer.Option("--root", metavar="DATASET=DIR", help="Measure on this data set; may be repeated."),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="train, val, test or all.")] = "test",
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Write results and reports here.")
    ] = Path("tamperscope-tables"),
    workers: Workers = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of intervals, qualities and made splits.")] = 0,
) -> None:
    """Print a paper's table beside ours, raw and equalized, and how the protocols differ."""
    from tamperscope.evaluation import tables
    from tamperscope.io.paths import write_whole

    try:
        wanted = tables.find_table(paper, table)
        roots = _roots(root or [])
        asked = list(tables.evaluations(wanted, roots, split, seed))
    except (UnknownPlugin, InvalidParameter) as error:
        raise typer.BadParameter(str(error)) from None
    except TamperscopeError as error:
        say(str(error))
        raise typer.Exit(FAILED) from None
    folder = out / f"{paper}-{table}"
    results = [measure(one, folder / name, out / "cache", workers) for name, one in asked]
    rows = tables.layout(tables.Reproduction(paper, table, tuple(results)))
    typer.echo(f"{paper}, {table}: {wanted.title}\n")
    for line in _aligned(rows):
        typer.echo(line)
    typer.echo("\nDifferences of protocol:")
    for difference in wanted.differences:
        typer.echo(f"  - {difference}")
    if results:
        try:
            write_whole(folder / "table.csv", _as_csv(rows).encode())
        except TamperscopeError as error:
            say(str(error))
            raise typer.Exit(FAILED) from None
        typer.echo(f"\nSeed {seed}. Table, results and reports: {folder}")
    unusable = sum(report_unusable(one) for one in results)
    raise typer.Exit(FAILED if unusable else 0)


def _roots(texts: list[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise InvalidParameter(f"--root {text!r} is not understood", "write --root dataset=folder")
        if name in found:
            raise InvalidParameter(
                f"--root {text!r}: {name} has a root already", "give one for each data set"
            )
        found[name] = Path(folder).expanduser()
    return found


def _aligned(rows: list[list[str]]) -> list[str]:
    """Return lines of aligned columns; a heading of ours goes above, since such are too long for columns."""
    paper = sum(cell.startswith("paper: ") for cell in rows[0]) + 2
    lines = [f"ours {place}: {cell.removeprefix('ours: ')}" for place, cell in enumerate(rows[0][paper:], 1)]
    heads = [cell.removeprefix("paper: ") for cell in rows[0][:paper]]
    heads += [f"ours {place}" for place in range(1, len(rows[0]) - paper + 1)]
    body = [heads, *rows[1:]]
    # A row without numbers of ours has a sentence in their place, which may be longer than a column.
    columns = [
        [row[place] for row in body if place < paper or len(row) == len(heads)] for place in range(len(heads))
    ]
    widths = [max(map(len, column)) for column in columns]
    if lines:
        lines.append("")
    lines += [
        "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=False)).rstrip()
        for row in body
    ]
    return lines


def _as_csv(rows: list[list[str]]) -> str:
    stream = StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
