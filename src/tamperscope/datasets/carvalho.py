"""DSO-1 and DSI-1: people inserted into photographs of people."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tamperscope.datasets._base import Dataset, Source
from tamperscope.datasets._files import by_stem, pictures
from tamperscope.datasets._masks import read_mask
from tamperscope.plugins import option
from tamperscope.types import Sample

__all__ = ["Carvalho"]


@dataclass(frozen=True)
class Carvalho(Dataset):
    """DSO-1 (made by the authors) or DSI-1 (collected from the web) of Carvalho et al. 2013."""

    card = Source(
        title="DSO-1 and DSI-1, splices of people",
        paper="Carvalho, Riess, Angelopoulou, Pedrini & Rocha, TIFS 8(7), 2013",
        year=2013,
        url="https://recodbr.wordpress.com/code-n-data/#dso1_dsi1",
        terms="research only",
        layout="""
            DSO-1/normal-*.png and DSO-1/splicing-*.png
            DSO-1-Fake-Images-Masks/splicing-*.png (and the same with DSI-1)
        """,
        manipulated=100,
        pristine=100,
        faults=(
            "masks are black where manipulated: inverted",
            "names do not tell which photographs a splice was made from: a split may still share sources",
            "the counts are those of DSO-1; DSI-1 has 25 of each",
        ),
    )

    part: str = option("DSO-1", "DSO-1 or DSI-1")

    def _samples(self) -> Iterator[Sample]:
        folder = self.root / self.part
        if not folder.is_dir():
            raise self.wrong(f"no folder {self.part}")
        masks = by_stem(self.root / f"{self.part}-Fake-Images-Masks")
        for path in pictures(folder):
            yield self.sample(
                path,
                manipulated=path.stem.lower().startswith("splicing"),
                mask=masks.get(path.stem.lower()),
                kind="splice",
            )

    def _mask(self, sample: Sample, path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:  # noqa: ARG002
        return read_mask(path, shape, inverted=True)
