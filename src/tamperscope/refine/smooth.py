"""Smoothing, which takes out what is smaller than a manipulation."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tamperscope.plugins import option
from tamperscope.refine._base import Refiner
from tamperscope.refine._smooth import smooth
from tamperscope.types import Localization, Photo

__all__ = ["Smooth"]


@dataclass(frozen=True)
class Smooth(Refiner):
    """A Gaussian over the heatmap, whatever the photo shows."""

    sigma: float = option(8.0, "of the Gaussian, pixels", low=0.0, high=1e3)

    title: ClassVar[str] = "Gaussian smoothing"
    looks_at: ClassVar[str] = "the map alone: specks fade, and so do small regions"
    paper: ClassVar[str] = "Bappy et al., Exploiting Spatial Structure, ICCV 2017, section 4.2"

    def _refine(self, photo: Photo, found: Localization, threshold: float) -> NDArray[np.float32]:  # noqa: ARG002
        return smooth(found.heatmap, self.sigma)
