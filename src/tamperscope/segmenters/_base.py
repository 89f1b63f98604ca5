"""What every segmenter is: a named configuration that divides a photo into regions."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tamperscope.plugins import Configurable, option
from tamperscope.signal.windows import bounded
from tamperscope.types import Photo

__all__ = ["Segmenter"]

Masks = NDArray[np.bool_]


@dataclass(frozen=True)
class Segmenter(Configurable, ABC):
    """Finds regions of objects; subclasses implement `_regions`.

    ``title`` says what it is, ``paper`` where it is from.
    """

    size: int = option(
        147_456, "pixels of the photo that is divided, at most; a larger one is reduced", low=1024, high=2**24
    )

    title: ClassVar[str]
    paper: ClassVar[str]

    def regions(self, photo: Photo) -> Masks:
        """Return masks (n, height, width) of the photo brought to at most ``size`` pixels; they may overlap.

        None of them is empty, and there may be none.

        Raises:
            TamperscopeError: the segmenter's weights cannot be had.

        """
        masks = self._regions(bounded(photo.pixels, self.size))
        return masks[masks.any(axis=(1, 2))]

    @abstractmethod
    def _regions(self, pixels: NDArray[np.uint8]) -> Masks:
        """Return masks (n, height, width) of pixels (height, width, 3)."""
