"""The correlation of marked and manipulated pixels."""

from dataclasses import dataclass

import numpy as np

from tamperscope.metrics._base import Confusion, Floats, Thresholded, ratio

__all__ = ["PixelMcc"]


@dataclass(frozen=True)
class PixelMcc(Thresholded):
    """Matthews correlation coefficient of a photo's pixels, in [-1, 1]."""

    title = "Pixel MCC"
    convention = (
        "Matthews correlation of each manipulated photo, then their mean. Undefined where the whole photo is "
        "manipulated; 0 where all or nothing is marked, since leaving these out would reward silence."
    )

    def _measure(self, counts: Confusion) -> Floats:
        true, false = counts.true_positives, counts.false_positives
        missed, spared = counts.false_negatives, counts.true_negatives
        # The limit for a constant mask is 0, as in scikit-learn; a constant truth has no correlation.
        scale = np.sqrt(true + missed) * np.sqrt(spared + false)
        marked = np.sqrt(true + false) * np.sqrt(spared + missed)
        covariance = true * spared - false * missed
        return np.where(marked == 0, ratio(0 * scale, scale), ratio(covariance, scale * marked))
