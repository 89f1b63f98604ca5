"""Noise residual: finds parts whose noise is distributed otherwise than in the rest of the photo."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit

from tamperscope.detectors._base import NO_DECISION, Detector, nothing_judged
from tamperscope.plugins import option
from tamperscope.signal.residuals import BLOCK, unlikeness
from tamperscope.signal.windows import interpolate_blocks
from tamperscope.types import Card, Localization, Photo

__all__ = ["NoiseResidual"]

_SLOPE = np.float32(2)  # of the logit that is drawn


@dataclass(frozen=True)
class NoiseResidual(Detector):
    """How far the runs of signs of each place's high frequencies are from those that are usual in the photo.

    References:
        Cozzolino, Poggi & Verdoliva, "Splicebuster: A new blind image splicing detector", IEEE International
        Workshop on Information Forensics and Security, 2015.

    """

    middle: float = option(
        1.5,
        "what is drawn at 0.5: the logarithm of a place's squared distance from what is usual, if the median "
        "place's is 0 and a tenth of the photo exceeds 1",
        low=0,
        high=50,
    )

    card: ClassVar[Card] = Card(
        title="Noise residual",
        looks_at="how often neighbouring residuals of noise go up and down, beside the rest of the photo",
        limits=(
            "what is rare in the photo may be marked, though it belongs there: the only smooth or lettered "
            "part; a part of a third of the photo or more may itself be what is usual; coarse saving leaves "
            "little to see; it makes no decision about the photo"
        ),
        paper="Cozzolino et al., Splicebuster: A new blind image splicing detector, WIFS 2015",
        year=2015,
        licence="MIT",
        deviations=(
            "colours are looked at beside brightness",
            "what brightness and its variation let expect is taken away first",
            "windows of about 40 pixels, bell-shaped, instead of 128; and 8 directions instead of 25",
            "the distance from what is usual, learned from 85% of the photo, instead of a mixture of two",
            "distances are drawn in units of the photo's own, so that the threshold marks about 3.5% of any "
            "pristine photo (validation: 3.2% to 4.5%)",
            "of photos above 4 megapixels every other row and column is counted",
        ),
    )
    smallest: ClassVar[int] = 64

    def _localize(self, photo: Photo) -> Localization:
        found = unlikeness(photo.pixels)
        if found is None:
            return nothing_judged(photo, "too little of the photo is neither black nor white")
        heat = expit(_SLOPE * (found - np.float32(self.middle)))
        return Localization(
            heatmap=interpolate_blocks(heat, (photo.height, photo.width), BLOCK),
            score=None,
            reason=NO_DECISION,
        )
