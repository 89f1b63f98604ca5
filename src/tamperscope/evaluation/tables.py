"""A paper's table beside the same numbers of ours."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tamperscope.detectors._base import Detector
from tamperscope.detectors._refined import assemble, parts
from tamperscope.errors import InvalidParameter, MissingWeights
from tamperscope.evaluation.judge import NOTHING
from tamperscope.evaluation.papers import PAPERS, Row, Table
from tamperscope.evaluation.report import label, spelled
from tamperscope.evaluation.run import QUALITIES, Evaluation, Results, plan

__all__ = ["Ours", "columns", "evaluations", "find_table", "layout", "missing_rows"]

# Of whole photographs, in tables whose own numbers are of patches.
_PHOTOGRAPHS = ("pixel_auc", "pixel_f1@0.5", "pixel_mcc@0.5", "segmentation_accuracy@0.5")
_AS_THE_PAPER = {"stride": 64, "gating": "hard"}


@dataclass(frozen=True)
class Ours:
    """A column of ours: where and what, a text for each row of the paper's measured, and for chance."""

    place: str
    metric: str
    cells: Mapping[str, str]
    chance: str


def find_table(paper: str, name: str) -> Table:
    """Return a paper's table.

    Raises:
        InvalidParameter: there is no such paper or table.

    """
    if paper not in PAPERS:
        raise InvalidParameter(f"there is no paper {paper!r}", f"choose from {', '.join(PAPERS)}")
    if name not in PAPERS[paper]:
        raise InvalidParameter(f"{paper} has no {name!r}", f"choose from {', '.join(PAPERS[paper])}")
    return PAPERS[paper][name]


def evaluations(
    table: Table,
    roots: Mapping[str, Path],
    split: str,
    seed: int,
    weights: Mapping[tuple[str, str], Path] | None = None,
    missing: Container[str] = (),
) -> Iterator[tuple[str, Evaluation]]:
    """Yield what must be measured for a table, each with a name: every data set raw and equalized.

    Detectors are named by their rows. ``weights`` are those of the networks that were trained for the table,
    by data set and row. Rows that are `missing` are left out.

    Raises:
        UnknownPlugin, WrongLayout: a data set cannot be had.

    """
    metrics = _PHOTOGRAPHS if table.trained else table.metrics
    for dataset, root in roots.items():
        rows = [(row, (weights or {}).get((dataset, row.label))) for row in table.rows]
        detectors = {
            row.label: _detector(row, path)
            for row, path in rows
            if row.label not in missing and (path or row.training is None)
        }
        for qualities in (None, QUALITIES) if detectors and metrics else ():
            found = plan(dataset, root, split, detectors, metrics=metrics, qualities=qualities, seed=seed)
            yield f"{dataset}-{split}-{found.condition}", found


def missing_rows(table: Table) -> dict[str, str]:
    """Return the rows that cannot be measured here, by label, and why: weights that cannot be had."""
    found = {}
    for row in table.rows:
        if row.training is None:
            try:
                _detector(row, None).prepare()
            except MissingWeights as error:
                found[row.label] = error.problem
    return found


def _detector(row: Row, weights: Path | None) -> Detector:
    fields = {"weights": str(weights), **_AS_THE_PAPER} if weights else row.fields
    return assemble(row.detector, {parts(row.detector)[0]: fields})


def columns(results: Results) -> Iterator[Ours]:
    """Yield a column for each metric of an evaluation whose detectors are named by their rows."""
    evaluation = results.evaluation
    for metric in evaluation.metrics:
        yield Ours(
            f"{evaluation.name} {evaluation.split}, {evaluation.condition}",
            label(metric.name, metric.level, evaluation.condition),
            {row: _number(results, row, metric.name) for row in evaluation.detectors},
            _number(results, NOTHING, metric.name),
        )


def layout(table: Table, ours: Sequence[Ours], missing: Mapping[str, str]) -> list[list[str]]:
    """Return the table as rows of texts, the heading first: the paper's columns, then ours.

    ``missing`` says why a row of ours has no numbers.
    """
    heading = ["method", "detector", *(f"paper: {column.heading}" for column in table.columns)]
    rows = [[*heading, *(f"ours: {column.place}, {column.metric}" for column in ours)]]
    for row in table.rows:
        numbers = ("-" if number is None else f"{number:g}".removeprefix("0") for number in row.numbers)
        cells = [row.label, row.detector, *numbers]
        measured = [column.cells.get(row.label, "-") for column in ours]
        if row.label in missing:
            measured = [missing[row.label]]
        rows.append([*cells, *(measured or ["no root given"])])
    if ours:
        rows.append([NOTHING, "-", *("-" for _ in table.columns), *(column.chance for column in ours)])
    return rows


def _number(results: Results, detector: str, metric: str) -> str:
    number = results.conditions[0].number(detector, metric)
    missing = f", {number.not_applicable} not applicable" if number.not_applicable else ""
    return f"{spelled(number.value, number.low, number.high)} (n {number.n}{missing})"
