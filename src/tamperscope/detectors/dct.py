"""Double quantisation: finds blocks that lack the periodic histogram of a JPEG that was saved twice."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit

from tamperscope.detectors._base import Detector
from tamperscope.detectors._double_jpeg import RARE, block_map, block_step
from tamperscope.plugins import option
from tamperscope.signal.dct import ZIGZAG, magnitude
from tamperscope.signal.periodicity import find_pattern
from tamperscope.signal.windows import blocks_to_pixels
from tamperscope.types import Card, Localization, Need, Photo

__all__ = ["DoubleQuantization"]

_BINS = 256  # larger coefficients are too rare to show a period


@dataclass(frozen=True)
class DoubleQuantization(Detector):
    """Posterior of tampered blocks from the periodicity of DCT histograms.

    Coefficients that were quantised twice fill the bins of their histograms periodically. Those of a part
    that was pasted in before the last saving were quantised once on this grid, and fill them evenly.

    References:
        Lin, He, Tang & Tang, "Fast, automatic and fine-grained tampered JPEG image detection via DCT
        coefficient analysis", Pattern Recognition 42(11), 2009.

    """

    frequencies: int = option(45, "DCT coefficients used, in zigzag order", low=1, high=64)
    smoothing: float = option(1.5, "Gaussian smoothing of the map, in blocks", low=0.0, high=16.0)
    least_strength: float = option(
        20.0, "strength of a histogram's pattern, 1 for none, from which it counts", low=1.0, high=1e6
    )

    least_contrast: float = option(
        0.2,
        "standard deviation of a pattern's weights, whose mean is 1, from which it counts",
        low=0.0,
        high=10.0,
    )

    card: ClassVar[Card] = Card(
        title="Double quantisation (DCT histograms)",
        looks_at="the periodic gaps that two JPEG compressions leave in the histograms of coefficients",
        limits=(
            "the same as those of adjpeg: nothing to see in a photo that was compressed once, resized or "
            "cropped before its last saving, or last saved more coarsely; small photos have too few blocks "
            "for their histograms; it makes no decision about the photo"
        ),
        paper=(
            "Lin, He, Tang & Tang, Fast, Automatic and Fine-Grained Tampered JPEG Image Detection via DCT "
            "Coefficient Analysis, Pattern Recognition 42(11)"
        ),
        year=2009,
        licence="MIT",
        deviations=(
            "the period is the one whose fold explains most of the histogram, not that of the highest peaks",
            "the weight of a bin is pooled over all periods and both signs; their mean is set to 1",
            "a histogram without a clear pattern says nothing, instead of a little",
            "zero coefficients say nothing: most of them are zero for other reasons",
            "a block's log odds are limited to 20, and the map is smoothed",
            "the paper's classifier of whole photos and its features are left out: no score",
        ),
    )
    needs: ClassVar[frozenset[Need]] = frozenset({Need.JPEG})
    smallest: ClassVar[int] = 32

    def _localize(self, photo: Photo) -> Localization:
        jpeg = photo.jpeg
        assert jpeg is not None  # noqa: S101  `needs` holds; this tells the type checker
        coefficients = jpeg.coefficients[0]
        flat = coefficients.reshape(*coefficients.shape[:2], 64)
        evidence = []
        for index in ZIGZAG[: self.frequencies]:
            values = np.minimum(magnitude(flat[:, :, index]), _BINS - 1)
            counts = np.bincount(values.ravel(), minlength=_BINS)
            counts[-1] = 0  # all that is larger
            pattern = find_pattern(counts)
            if pattern.strength < self.least_strength or pattern.weights.std() < self.least_contrast:
                continue
            table = -np.log(np.maximum(np.resize(pattern.weights, _BINS), RARE)).astype(np.float32)
            table[0] = table[-1] = 0
            evidence.append(table[values])
        used = len(evidence)
        smoothed, judged = block_map(evidence, flat.shape[:2], self.smoothing)
        step = block_step(jpeg)
        shape = (photo.height, photo.width)
        heat = expit(smoothed) if used else np.zeros_like(smoothed)
        return Localization(
            heatmap=blocks_to_pixels(heat, shape, step),
            score=None,
            valid=blocks_to_pixels(judged, shape, step),
            reason=(
                f"{used} of {self.frequencies} histograms of coefficients show an earlier compression; a map "
                "to be read by a person, without a decision about the photo"
                if used
                else "no histogram of coefficients shows an earlier compression, so nothing can be told apart"
            ),
        )
