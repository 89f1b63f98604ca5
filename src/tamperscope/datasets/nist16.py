"""NC2016: the Nimble Challenge 2016 of NIST, high-resolution JPEG with several manipulations."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tamperscope.datasets._base import Dataset, Source
from tamperscope.datasets._groups import group_by_source
from tamperscope.datasets._masks import read_channels
from tamperscope.types import Sample

__all__ = ["Nist16"]

_KINDS = {
    "IsManipulationTypeSplice": "splice",
    "IsManipulationTypeCopyClone": "copy-move",
    "IsManipulationTypeRemoval": "removal",
}
_WHITE = 255
_NEEDED = ("ProbeFileName", "ProbeMaskFileName", "IsTarget")


@dataclass(frozen=True)
class Nist16(Dataset):
    """Nimble Challenge 2016 (NC2016), manipulation task, by its reference table."""

    card = Source(
        title="NIST Nimble Challenge 2016 (NC2016)",
        paper="NIST, Nimble Challenge 2016 evaluation plan",
        year=2016,
        url="https://www.nist.gov/itl/iad/mig/nimble-challenge",
        terms="research, by agreement with NIST",
        layout="""
            probe/*.jpg and world/*.jpg
            reference/manipulation/NC2016-manipulation-ref.csv (columns between |), which names the masks
        """,
        manipulated=564,
        faults=(
            "masks are white only where nothing was manipulated: all that is not pure white counts as "
            "manipulated, as in NIST's own scorer",
            "most forgeries come in several near-identical versions of one base photograph: they share a "
            "group, by the base's name, so that splits are free of leaks",
            "the table may name files that a partial download lacks: such photographs are found missing when "
            "they are read, excluded and counted",
        ),
    )

    @cached_property
    def _table(self) -> list[dict[str, str]]:
        path = self.root / "reference" / "manipulation" / "NC2016-manipulation-ref.csv"
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file, delimiter="|", restval=""))
        except (OSError, UnicodeDecodeError) as error:
            raise self.wrong(f"no reference table ({error})") from error
        if missing := [name for name in _NEEDED if rows and name not in rows[0]]:
            raise self.wrong(f"the reference table lacks the columns {', '.join(missing)}")
        return rows

    def _samples(self) -> Iterator[Sample]:
        group = group_by_source((row["ProbeFileName"], _sources(row)) for row in self._table)
        for row in {row["ProbeFileName"]: row for row in self._table}.values():
            manipulated = row["IsTarget"] == "Y"
            kinds = [kind for column, kind in _KINDS.items() if row.get(column) == "Y"]
            yield Sample(
                name=row["ProbeFileName"],
                image=self.root / row["ProbeFileName"],
                manipulated=manipulated,
                group=group[row["ProbeFileName"]],
                mask=self.root / row["ProbeMaskFileName"]
                if manipulated and row["ProbeMaskFileName"]
                else None,
                kind=kinds[0] if manipulated and len(kinds) == 1 else "",
            )

    def _mask(self, sample: Sample, path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:  # noqa: ARG002
        manipulated: NDArray[np.bool_] = read_channels(path, shape).min(axis=2) < _WHITE
        return manipulated


def _sources(row: dict[str, str]) -> list[str]:
    """Return the stems of the photographs that a row's was made from, and its own, of which others may be."""
    named = [row.get(column, "") for column in ("BaseFileName", "DonorFileName")]
    return [Path(name).stem for name in (row["ProbeFileName"], *named) if name not in ("", "NA")]
