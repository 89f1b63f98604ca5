"""Colour filters: finds parts that lack the pattern in which the camera saw colours."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit

from tamperscope.detectors._base import NO_DECISION, Detector, nothing_judged
from tamperscope.plugins import option
from tamperscope.signal.mosaic import BLOCK, find_mosaic
from tamperscope.signal.windows import blocks_to_pixels, interpolate_blocks
from tamperscope.types import Card, Localization, Photo

__all__ = ["ColourFilters"]


@dataclass(frozen=True)
class ColourFilters(Detector):
    """Where the pattern of 2x2 pixels is missing, or another's, that interpolated colours leave.

    References:
        Ferrara, Bianchi, De Rosa & Piva, "Image Forgery Localization via Fine-Grained Analysis of CFA
        Artifacts", IEEE Transactions on Information Forensics and Security 7(5), 2012.

    """

    most: float = option(4.5, "logarithm of the odds for or against a place, at most", low=0.1, high=100.0)

    card: ClassVar[Card] = Card(
        title="Colour filters",
        looks_at="the pattern in which a camera saw its colours, which pasted and filled parts lack",
        limits=(
            "needs a photo as large as the camera took it, saved without loss or finely; smooth, black and "
            "white places show no pattern, and some cameras leave less of it where there is much to see; a "
            "part from another camera that happens to lie in step, one time in four, is not seen; it makes "
            "no decision about the photo"
        ),
        paper=(
            "Ferrara et al., Image Forgery Localization via Fine-Grained Analysis of CFA Artifacts, "
            "IEEE TIFS 7(5)"
        ),
        year=2012,
        licence="MIT",
        threshold=0.95,
        deviations=(
            "all three colours and four places of 2x2 pixels are compared, whatever the camera's pattern, "
            "instead of green's two",
            "residuals are capped within each block of 8x8 pixels, so that edges do not outweigh noise",
            "two normal distributions of equal spread, around what is usual for blocks as loud, instead of a "
            "mixture that is fitted to the photo",
        ),
    )
    smallest: ClassVar[int] = 64

    def _localize(self, photo: Photo) -> Localization:
        found, shape = find_mosaic(photo.pixels), (photo.height, photo.width)
        if found is None or not found.plain:
            return nothing_judged(
                photo, "no pattern of a camera's colour filters is left: it was resized, or coarsely saved"
            )
        return Localization(
            heatmap=interpolate_blocks(expit(found.odds(self.most)), shape, BLOCK),
            score=None,
            valid=blocks_to_pixels(~np.isnan(found.presence), shape),
            reason=NO_DECISION,
        )
