"""IFS-TC: the first Image Forensics Challenge of IEEE, training part of phase 1."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tamperscope.datasets._base import Dataset, Source
from tamperscope.datasets._files import by_stem, find_folder, pictures
from tamperscope.datasets._masks import read_mask
from tamperscope.plugins import option
from tamperscope.types import Sample

__all__ = ["IfsTc"]


@dataclass(frozen=True)
class IfsTc(Dataset):
    """First IEEE IFS-TC Image Forensics Challenge; of its parts only the training set came with masks."""

    card = Source(
        title="IEEE IFS-TC Image Forensics Challenge, phase 1, training",
        paper="IEEE Information Forensics and Security Technical Committee, WIFS 2013",
        year=2013,
        url="https://signalprocessingsociety.org/newsletter/2013/06/ifs-tc-image-forensics-challenge",
        terms="research only",
        layout="""
            dataset-dist/phase-01/training/pristine/*.png
            dataset-dist/phase-01/training/fake/NAME.png and NAME.mask.png
        """,
        manipulated=450,
        pristine=1050,
        faults=(
            "masks are black where manipulated: inverted (inverted=false if yours are not); others report "
            "single masks the other way round: not guessed, but `datasets check` names those that mark more "
            "than half",
            "some masks are missing, or have rows and columns swapped: the former are excluded and counted, "
            "the latter swapped back where the size fits only so",
            "which photographs a forgery was made from is not published: a split may still share sources",
        ),
    )

    inverted: bool = option(True, "masks are black where manipulated")

    def _samples(self) -> Iterator[Sample]:
        folder = find_folder(
            self.root, "dataset-dist/phase-01/training", "phase-01/training", "training", "."
        )
        if not folder or not (folder / "fake").is_dir():
            raise self.wrong("no folder of fakes")
        masks = by_stem(folder / "fake", ".mask")
        for path in [*pictures(folder / "fake"), *pictures(folder / "pristine")]:
            if not path.stem.lower().endswith(".mask"):
                manipulated, mask = path.parent.name == "fake", masks.get(path.stem.lower())
                yield self.sample(path, manipulated=manipulated, mask=mask)

    def _mask(self, sample: Sample, path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:  # noqa: ARG002
        return read_mask(path, shape, inverted=self.inverted, transposed=True)
