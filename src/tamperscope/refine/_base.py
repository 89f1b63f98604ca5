"""What every refiner is: a named configuration that betters a localization by looking at the photo."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tamperscope.plugins import Configurable
from tamperscope.types import Localization, Photo

__all__ = ["Refiner"]


@dataclass(frozen=True)
class Refiner(Configurable, ABC):
    """Betters the heatmap of any detector; subclasses implement `_refine`.

    ``title`` says what it does in a few words, ``looks_at`` what it goes by, ``paper`` where it is from.
    """

    title: ClassVar[str]
    looks_at: ClassVar[str]
    paper: ClassVar[str]

    def refine(self, photo: Photo, found: Localization, threshold: float) -> Localization:
        """Return the localization with another heatmap, to be read at the same ``threshold`` in (0, 1).

        Where the detector cannot judge, its map stays.
        """
        heatmap = np.clip(self._refine(photo, found, threshold), 0, 1, dtype=np.float32)
        if heatmap.shape != found.heatmap.shape:
            raise ValueError(f"{type(self).__name__} made a heatmap of {heatmap.shape}")
        if found.valid is not None:
            heatmap[~found.valid] = found.heatmap[~found.valid]
        return replace(found, heatmap=heatmap)

    @abstractmethod
    def _refine(self, photo: Photo, found: Localization, threshold: float) -> NDArray[np.float32]: ...
