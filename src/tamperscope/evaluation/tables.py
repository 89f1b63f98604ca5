"""A paper's table beside the same numbers of ours."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tamperscope import plugins
from tamperscope.errors import InvalidParameter
from tamperscope.evaluation.judge import NOTHING
from tamperscope.evaluation.papers import PAPERS, Table
from tamperscope.evaluation.report import label, spelled
from tamperscope.evaluation.run import QUALITIES, Evaluation, Results, plan

__all__ = ["Reproduction", "evaluations", "find_table", "layout"]


@dataclass(frozen=True, eq=False)
class Reproduction:
    """What was measured for a table: the results by data set and condition, as they were asked for."""

    paper: str
    name: str
    results: tuple[Results, ...]

    @property
    def table(self) -> Table:
        """The paper's."""
        return PAPERS[self.paper][self.name]


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
    table: Table, roots: Mapping[str, Path], split: str, seed: int
) -> Iterator[tuple[str, Evaluation]]:
    """Yield what must be measured for a table, each with a name: every data set raw and equalized.

    Nothing, if none of the table's detectors exists yet.

    Raises:
        UnknownPlugin, WrongLayout: a data set cannot be had.

    """
    names = list(dict.fromkeys(row.detector for row in table.rows if row.detector))
    detectors = {name: plugins.build("detectors", name) for name in names if _exists(name)}
    metrics = table.metrics
    for dataset, root in roots.items() if detectors and metrics else ():
        for qualities in (None, QUALITIES):
            found = plan(dataset, root, split, detectors, metrics=metrics, qualities=qualities, seed=seed)
            yield f"{dataset}-{split}-{found.condition}", found


def _exists(detector: str) -> bool:
    return detector in plugins.names("detectors")


def layout(done: Reproduction) -> list[list[str]]:
    """Return the table as rows of texts, the heading first: the paper's columns, then ours."""
    table = done.table
    ours = [(results, metric) for results in done.results for metric in table.metrics]
    heading = ["method", "detector", *(f"paper: {column.heading}" for column in table.columns)]
    heading += [f"ours: {_named(results, metric)}" for results, metric in ours]
    rows = [heading]
    for row in table.rows:
        cells = [
            row.label,
            row.detector or "-",
            *("-" if number is None else f"{number:g}".removeprefix("0") for number in row.numbers),
        ]
        if not row.detector:
            ours_for_row = ["a network trained for this table: not measured yet"]
        elif not _exists(row.detector):
            ours_for_row = [f"the detector {row.detector} does not exist yet"]
        else:
            ours_for_row = [_number(results, row.detector, metric) for results, metric in ours] or [
                "no root given"
            ]
        rows.append([*cells, *ours_for_row])
    if ours:
        nothing = [_number(results, NOTHING, metric) for results, metric in ours]
        rows.append([NOTHING, "-", *("-" for _ in table.columns), *nothing])
    return rows


def _named(results: Results, metric: str) -> str:
    evaluation = results.evaluation
    level = next(one.level for one in evaluation.metrics if one.name == metric)
    condition = "" if level == "image" else f", {evaluation.condition}"
    return f"{evaluation.name} {evaluation.split}{condition}, {label(metric, level, evaluation.condition)}"


def _number(results: Results, detector: str, metric: str) -> str:
    number = results.conditions[0].number(detector, metric)
    missing = f", {number.not_applicable} not applicable" if number.not_applicable else ""
    return f"{spelled(number.value, number.low, number.high)} (n {number.n}{missing})"
