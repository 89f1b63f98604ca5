"""Finds the period in a histogram of DCT coefficients, which two quantisations leave there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Pattern", "find_pattern"]

_LARGEST_PERIOD = 20
_LEAST_PERIODS = 3  # that must fit into the histogram


@dataclass(frozen=True, eq=False)
class Pattern:
    """How a histogram repeats itself.

    ``weights`` ``(period,)`` is how much fuller each place of the period is than the period's mean;
    ``strength`` the mean square of the difference from the moving mean, in standard deviations of a count. It
    is above 1 for any convex decline; only the contrast of the weights shows a pattern.
    """

    weights: NDArray[np.float64]
    strength: float


def find_pattern(counts: NDArray[np.int_]) -> Pattern:
    """Return the strongest pattern in the counts of absolute values 0, 1, 2, ..., of which 0 is left out.

    Each count is compared with the mean over one period around it, which follows the histogram's decline.
    Where that would reach beyond 0, about which the histogram bends, it is left out.

    References:
        Lin, He, Tang & Tang, "Fast, automatic and fine-grained tampered JPEG image detection via DCT
        coefficient analysis", Pattern Recognition 42(11), 2009, section 3.

    """
    best = Pattern(np.ones(1), 1.0)
    top = int(np.flatnonzero(counts)[-1]) if counts.any() else 0
    for period in range(2, min(_LARGEST_PERIOD, top // _LEAST_PERIODS) + 1):
        places = np.arange(1 + period // 2, top + 1)
        around = _moving_mean(counts[: top + 1 + period].astype(float), period)
        there = np.bincount(places % period, counts[places], period)
        mean = np.bincount(places % period, around[places], period)
        strength = float(((there - mean) ** 2 / np.maximum(mean, 1)).sum() / (period - 1))
        if strength > best.strength:
            level = there.sum() / max(mean.sum(), 1e-9)  # below 1, as a convex decline lies below its mean
            best = Pattern(there / np.maximum(level * mean, 1e-9), strength)
    return best


def _moving_mean(values: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    mean = ndimage.uniform_filter1d(values, period, mode="nearest")
    if period % 2:
        return np.asarray(mean)
    # An even window lies half a place off: the mean of both sides is centred.
    return np.asarray((mean + ndimage.uniform_filter1d(values, period, origin=-1, mode="nearest")) / 2)
