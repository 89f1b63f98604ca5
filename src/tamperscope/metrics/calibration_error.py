"""Whether a score of 0.8 means that four in five such photos are manipulated."""

from dataclasses import dataclass

import numpy as np

from tamperscope.metrics._base import Floats, Observations, Scored, ratio
from tamperscope.plugins import option

__all__ = ["CalibrationError"]


@dataclass(frozen=True)
class CalibrationError(Scored):
    """Expected calibration error of the photos' scores.

    References: Guo, Pleiss, Sun & Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.

    """

    title = "Calibration error"
    convention = (
        "Mean distance between the mean score and the share of manipulated photos in 10 equally wide bins, "
        "weighted by their number of photos. It holds for this share of manipulated photos only."
    )
    higher_is_better = False

    bins: int = option(10, "number of bins of equal width", low=1)

    def _summarize(self, observed: Observations, weights: Floats) -> Floats:
        place = np.minimum((observed.values * self.bins).astype(int), self.bins - 1)
        member = np.eye(self.bins)[place]  # (n, bins)
        gaps = np.abs((weights * (observed.values - observed.manipulated)) @ member)
        return ratio(gaps.sum(axis=1), weights.sum(axis=1))
