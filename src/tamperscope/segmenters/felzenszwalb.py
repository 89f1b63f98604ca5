"""Regions by a graph of pixels, without learning."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tamperscope.plugins import option
from tamperscope.segmenters._base import Masks, Segmenter

__all__ = ["Felzenszwalb"]


@dataclass(frozen=True)
class Felzenszwalb(Segmenter):
    """Merges pixels as long as a region varies inside as much as it differs from its neighbours.

    References:
        Felzenszwalb & Huttenlocher, "Efficient Graph-Based Image Segmentation", IJCV 59(2), 2004.

    """

    scale: float = option(300.0, "the larger, the larger the regions", low=1.0, high=1e6)
    sigma: float = option(0.8, "of the Gaussian before it, pixels", low=0.0, high=64.0)
    least: int = option(400, "pixels of a region", low=1, high=2**24)

    title: ClassVar[str] = "Graph-based segmentation"
    paper: ClassVar[str] = "Felzenszwalb & Huttenlocher, Efficient Graph-Based Image Segmentation, IJCV 2004"

    def _regions(self, pixels: NDArray[np.uint8]) -> Masks:
        from skimage.segmentation import felzenszwalb  # imports much, and only here

        labels = felzenszwalb(pixels, scale=self.scale, sigma=self.sigma, min_size=self.least)
        return np.asarray(labels == np.unique(labels)[:, None, None])
