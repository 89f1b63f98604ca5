"""What every data set is: a folder in a published layout that yields `Sample`s and their masks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tamperscope.datasets._files import name_below
from tamperscope.datasets._masks import read_mask
from tamperscope.errors import BadMask, WrongLayout
from tamperscope.io.paths import display
from tamperscope.plugins import Configurable, name_of
from tamperscope.types import Sample

__all__ = ["Dataset", "Source"]


@dataclass(frozen=True)
class Source:
    """What a person must know of a data set before using it.

    ``url`` is where its authors offer it. ``manipulated`` and ``pristine`` are the published counts, None
    where there is no fixed number. ``layout`` shows the folders below the root that are expected.
    ``faults`` names the set's known faults, each with how it is handled here.
    """

    title: str
    paper: str
    url: str
    terms: str
    layout: str
    year: int | None = None
    manipulated: int | None = None
    pristine: int | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset(Configurable, ABC):
    """A data set below ``root``; subclasses say which samples it has, and how their masks are read."""

    card: ClassVar[Source]

    root: Path = field(default=Path(), metadata={"description": "folder of the data set"})

    def samples(self) -> list[Sample]:
        """Return every photograph of the set, sorted by name.

        Raises:
            WrongLayout: the root is not laid out as published; the message says what is missing.

        """
        if not self.root.exists():
            raise WrongLayout(
                "there is no such file or folder",
                "give the data set's root, or a manifest",
                display(self.root),
            )
        found = sorted(self._samples(), key=lambda sample: sample.name)
        if not found:
            raise self.wrong("no photograph of the data set is in it")
        return found

    def mask(self, sample: Sample, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return the truth, bool of ``shape`` (height, width): True where the sample was manipulated.

        All False for a pristine photo. Never resized.

        Raises:
            BadMask: there is none for a manipulated photo, it cannot be read, or it is of another size.

        """
        if not sample.manipulated:
            return np.zeros(shape, bool)
        if sample.mask is None or not sample.mask.is_file():
            where = f" ({display(sample.mask)} is missing)" if sample.mask else ""
            raise BadMask(
                f"the data set has no mask for it{where}", "complete the data set", display(sample.image)
            )
        return self._mask(sample, sample.mask, shape)

    def truth(self, sample: Sample, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return the `mask` of a photo that is measured or learned from: a manipulated one's marks something.

        Raises:
            BadMask: as `mask` does, or it marks nothing.

        """
        found = self.mask(sample, shape)
        if sample.manipulated and not found.any():
            raise BadMask(
                "its mask marks nothing",
                "mend the mask, or leave the photo out of the data set",
                display(sample.image),
            )
        return found

    def source(self, sample: Sample) -> str:  # noqa: ARG002
        """Return the name of the data set that a sample comes from."""
        return name_of(self)

    def wrong(self, problem: str) -> WrongLayout:
        """Return the error that shows the expected layout."""
        layout = "; ".join(line.strip() for line in self.card.layout.strip().splitlines())
        return WrongLayout(problem, f"expected below the root: {layout}", display(self.root))

    def sample(
        self,
        path: Path,
        *,
        manipulated: bool,
        group: str = "",
        mask: Path | None = None,
        kind: str = "",
        original: Path | None = None,
    ) -> Sample:
        """Return the sample of a photo below the root, in a group of its own unless told.

        What only a forgery has is left out of a pristine one.
        """
        name = name_below(self.root, path)
        return Sample(
            name=name,
            image=path,
            manipulated=manipulated,
            group=group or name,
            mask=mask if manipulated else None,
            kind=kind if manipulated else "",
            original=original if manipulated else None,
        )

    @abstractmethod
    def _samples(self) -> Iterator[Sample]: ...

    def _mask(self, sample: Sample, path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:  # noqa: ARG002
        return read_mask(path, shape)
