"""What every data set is: a folder in a published layout that yields `Sample`s and their masks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tamperscope.errors import BadMask
from tamperscope.plugins import Configurable, option
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
    year: int | None
    url: str
    terms: str
    layout: str
    manipulated: int | None = None
    pristine: int | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset(Configurable, ABC):
    """A data set below ``root``; subclasses implement `_samples`, and `_mask` where polarity or format differ."""

    root: Path = option(Path(), "folder of the data set")

    card: ClassVar[Source]

    def samples(self) -> list[Sample]:
        """Return every photograph of the set, sorted by name.

        Raises:
            WrongLayout: the root is not laid out as published; the message says what is missing.

        """
        raise NotImplementedError

    def mask(self, sample: Sample, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return the truth, bool of ``shape`` (height, width): True where the sample was manipulated.

        All False for a pristine photo. Never resized.

        Raises:
            BadMask: there is none for a manipulated photo, it cannot be read, or it is of another size.

        """
        raise BadMask("not implemented")

    @abstractmethod
    def _samples(self) -> Iterator[Sample]: ...
