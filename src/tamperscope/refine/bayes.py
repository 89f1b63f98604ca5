"""Bayesian refinement: a coarse map takes the outline of the object that it fits best."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope import plugins
from tamperscope.plugins import option
from tamperscope.refine._base import Refiner
from tamperscope.segmenters._base import Masks, Segmenter
from tamperscope.types import Localization, Photo

__all__ = ["Bayes", "enhance", "similarities"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Bayes(Refiner):
    """Chooses, of the regions of a segmenter, the one that the map fits best, and updates the map by it.

    References:
        Wang & Abhayaratne, "Weakly-supervised Localization of Manipulated Image Regions Using
        Multi-resolution Learned Features", BMVC 2024 workshop, equations 5 to 7.

    """

    segmenter: str = option("felzenszwalb", "that divides the photo; see `tamperscope segmenters`")
    options: str = option("", "fields of the segmenter, such as scale=500,least=100")

    title: ClassVar[str] = "Bayesian refinement by a segmentation"
    looks_at: ClassVar[str] = "objects in the photo: the one that the map fits best is marked, the rest fades"
    paper: ClassVar[str] = "Wang & Abhayaratne, Weakly-supervised Localization, BMVC 2024 workshop"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._segmenter()  # fails now, not at the first photo

    def prepare(self) -> None:
        """Make the segmenter ready."""
        self._segmenter().prepare()

    def _refine(self, photo: Photo, found: Localization, threshold: float) -> Floats:  # noqa: ARG002
        masks = self._segmenter().regions(photo)
        if not len(masks):
            return found.heatmap
        heat = found.heatmap if found.valid is None else found.heatmap * found.valid
        small = cv2.resize(heat, masks.shape[:0:-1], interpolation=cv2.INTER_AREA)
        chosen = masks[similarities(masks, np.asarray(small, np.float32)).argmax()]
        full = cv2.resize(chosen.view(np.uint8), heat.shape[::-1], interpolation=cv2.INTER_NEAREST)
        return enhance(heat, full.view(np.bool_))

    def _segmenter(self) -> Segmenter:
        texts = dict(
            plugins.pair(text, "field=value,field=value", "bayes.options")
            for text in self.options.split(",")
            if text
        )
        values = plugins.parse("segmenters", self.segmenter, texts)
        built: Segmenter = plugins.build("segmenters", self.segmenter, **values)
        return built


def similarities(masks: Masks, activation: Floats) -> NDArray[np.float64]:
    """Return how well each of the masks (n, height, width) fits an activation map: S of equation 5.

    D is the distance of an inside pixel to the mask's border, the photo's own being none. **Ours:** it is
    normalized to a maximum of 1, so that large regions are not favoured by their size alone.
    """
    found = np.zeros(len(masks))
    for place, mask in enumerate(masks):
        if mask.any():
            distance = _depth(mask)
            found[place] = float((distance * activation).sum(dtype=np.float64)) / mask.sum()
    return found


def enhance(activation: Floats, mask: NDArray[np.bool_]) -> Floats:
    """Return the activation (height, width) given the mask: P(A given M) of equation 7, within [0, 1].

    **Ours**, since the paper gives no estimator: P(A) is the activation, P(M given A) the share of it that
    lies inside the mask, P(M) the mask's share of the photo; where the mask is not, the complements. A mask
    of nothing or everything, and an activation of nothing, say nothing: the activation stays.
    """
    total, share = float(activation.sum(dtype=np.float64)), float(mask.mean())
    if total == 0 or share in (0.0, 1.0):
        return activation
    inside = float(activation[mask].sum(dtype=np.float64)) / total
    factors = np.where(mask, np.float32(inside / share), np.float32((1 - inside) / (1 - share)))
    return np.asarray(np.clip(activation * factors, 0, 1), np.float32)


def _depth(mask: NDArray[np.bool_]) -> Floats:
    """Return each inside pixel's distance to the nearest one outside, the largest being 1."""
    if mask.all():
        return np.ones(mask.shape, np.float32)
    distance = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance / distance.max(), np.float32)
