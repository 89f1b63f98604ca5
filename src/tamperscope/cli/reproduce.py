"""`tamperscope reproduce`."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tamperscope.cli._app import FAILED, answering, app, measuring, needing, progress, say
from tamperscope.cli._settings import Workers
from tamperscope.cli.evaluate import measure, report_unusable
from tamperscope.errors import InvalidParameter
from tamperscope.plugins import pair

if TYPE_CHECKING:
    from tamperscope.evaluation.papers import Table
    from tamperscope.evaluation.tables import Ours
    from tamperscope.training.tables import Worth

__all__ = ["reproduce"]

_RESUME = "the same command goes on from the last epoch"
_ON_PATCHES = ("patch_accuracy", "segmentation_accuracy", "patch_auc", "pixel_auc")
_CHANCE = {"patch_accuracy": "patch_chance", "segmentation_accuracy": "pixel_chance"}


@app.command(
    epilog="""Examples:

tamperscope reproduce bappy2017 table6 --root casia1=~/CASIA1 --root coverage=~/COVERAGE

tamperscope reproduce bappy2017 table1 --root casia1=~/CASIA1 --config quick --out tables

tamperscope reproduce cun2018 f1 --root columbia=~/Columbia --workers 2

Papers and tables: bappy2017 table1 to table6, figure4; cun2018 f1, mcc, accuracy; wang2024 table1, views.
Table 1 to 5 and figure 4 of bappy2017 train their networks, once for all tables in the same --out."""
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
    config: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="How networks are trained: a recipe of `train`, or JSON; `quick` unless given.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Change that; may be repeated."),
    ] = None,
    workers: Workers = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of intervals, qualities and made splits.")] = 0,
) -> None:
    """Print a paper's table beside ours, raw and equalized, and how the protocols differ."""
    with measuring():
        from tamperscope.evaluation import tables
    from tamperscope.io.paths import write_whole

    out = out.resolve()  # its networks are known by their place
    folder = out / f"{paper}-{table}"
    worth: list[Worth] = []
    with answering(resume=_RESUME):
        wanted = tables.find_table(paper, table)
        roots = _roots(root or [])
        if wanted.trained and roots:
            if split != "test":
                raise InvalidParameter(f"--split cannot be {split!r}", "networks trained here are for test")
            changes = dict(pair(text) for text in settings or [])
            worth = _train(wanted, roots, config or "quick", changes, seed, out)
        elif config or settings:
            raise InvalidParameter(
                "--config and --set concern nothing here", "nothing is trained: leave them out"
            )
        weights = {(one.dataset, one.label): one.weights for one in worth}
        missing = tables.missing_rows(wanted) if roots else {}
        asked = list(tables.evaluations(wanted, roots, split, seed, weights, missing))
    results = [measure(one, folder / name, out / "cache", workers) for name, one in asked]
    ours = [*_on_patches(worth), *(column for one in results for column in tables.columns(one))]
    rows = tables.layout(wanted, ours, missing)
    typer.echo(f"{paper}, {table}: {wanted.title}\n")
    for line in _blocks(wanted, ours, missing):
        typer.echo(line)
    typer.echo("Differences of protocol:")
    for difference in wanted.differences:
        typer.echo(f"  - {difference}")
    if results:
        with answering():
            write_whole(folder / "table.csv", _as_csv(rows).encode())
            pictures = _draw(worth, folder)
        typer.echo("".join(f"\nROC curves: {picture}" for picture in pictures))
        typer.echo(f"Seed {seed}. Table, results and reports: {folder}")
    unusable = sum(report_unusable(one) for one in results)
    raise typer.Exit(FAILED if unusable else 0)


def _train(
    table: "Table", roots: Mapping[str, Path], config: str, changes: dict[str, str], seed: int, out: Path
) -> "list[Worth]":
    """Train what the table needs, or find it below ``out``."""
    with needing("train", "this table trains networks"):
        from tamperscope.training.tables import Wanted, train_all
    from tamperscope.training.config import Training
    from tamperscope.training.data import open_splits

    given = Training.read(config, changes)
    taken = sorted({"seed", "start", *(name for row in table.rows for name in row.training or ())})
    if wrong := [name for name in taken if getattr(given, name) != getattr(Training(), name)]:
        raise InvalidParameter(
            f"--config and --set cannot change {', '.join(wrong)}", "the table and --seed decide on them"
        )
    training = replace(given, seed=seed)
    rows = [Wanted(row.label, row.detector, row.training) for row in table.rows if row.training is not None]
    sets = {
        name: open_splits(name, path, training.seed, ("train", "val", "test")) for name, path in roots.items()
    }
    each = training.epochs * training.epoch_steps * training.batch
    say(
        f"budget: {len(rows)} networks for each of {', '.join(sets)}, at most {training.epochs} epochs, "
        f"{each:,} patches; those that are trained already are taken from {out / 'networks'}"
    )
    found = []
    for one in train_all(rows, sets, training, out / "networks", progress):
        say(f"{one.dataset}: {one.label} is there, {one.weights}")
        found.append(one)
    return found


def _on_patches(worth: "list[Worth]") -> "list[Ours]":
    """Return columns of what the networks are worth on patches, for each data set raw and saved again."""
    from tamperscope.evaluation.tables import Ours

    found = []
    for name in dict.fromkeys(one.dataset for one in worth):
        rows = [one for one in worth if one.dataset == name]
        for how, condition in (("raw", "raw"), ("resaved", "saved again")):
            records = {one.label: getattr(one, how).record for one in rows}
            sample = next(iter(records.values()))
            counts = f"n {sample['photographs']}, {sample['patches']} patches"
            for metric in _ON_PATCHES:
                cells = {label: _number(record[metric]) for label, record in records.items()}
                chances = {label: _chance(record, metric) for label, record in records.items()}
                chance = chances[rows[0].label]
                if len(set(chances.values())) > 1:  # what counts as manipulated differs
                    cells = {label: f"{cell} (chance {chances[label]})" for label, cell in cells.items()}
                    chance = "as said"
                place = f"patches of {name} test, {condition} ({counts})"
                found.append(Ours(place, metric, cells, chance))
    return found


def _chance(record: Mapping[str, Any], metric: str) -> str:
    return _number(record[_CHANCE[metric]] if metric in _CHANCE else 0.5)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}".removeprefix("0")


def _draw(worth: "list[Worth]", folder: Path) -> list[Path]:
    if not worth:
        return []
    from tamperscope.training.tables import draw

    return draw(worth, folder)


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


def _blocks(table: "Table", ours: "list[Ours]", missing: Mapping[str, str]) -> Iterator[str]:
    """Yield lines of the table: the paper's columns beside ours, a block for each place of ours."""
    from tamperscope.evaluation.tables import layout

    for place in dict.fromkeys(column.place for column in ours) or [""]:
        here = [column for column in ours if column.place == place]
        if place:
            yield f"Ours on {place}:"
        heads, *body = layout(table, here, missing)
        spelled = [head.removeprefix("paper: ") for head in heads[: len(heads) - len(here)]]
        yield from _aligned([[*spelled, *(f"ours: {column.metric}" for column in here)], *body])
        yield ""


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    """Yield lines of aligned columns, all but the last."""
    most = max(map(len, rows))
    # A row without numbers of ours ends with a sentence in their place, which may be longer than a column.
    widths = [max(len(row[place]) for row in rows if len(row) > place + 1) for place in range(most - 1)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=False)).rstrip()


def _as_csv(rows: list[list[str]]) -> str:
    stream = StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
