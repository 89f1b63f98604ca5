"""Finds the period in a histogram of DCT coefficients, which two quantisations leave there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    beyond = np.full(_LARGEST_PERIOD, counts[-1] if len(counts) else 0)
    sums = np.concatenate([[0], np.cumsum(np.concatenate([counts, beyond]))])
    for period in range(2, min(_LARGEST_PERIOD, top // _LEAST_PERIODS) + 1):
        first = 1 + period // 2
        phase = np.arange(first, top + 1) % period
        there = np.bincount(phase, counts[first : top + 1], period)
        mean = np.bincount(phase, _moving_mean(sums, first, top + 1, period), period)
        strength = float(((there - mean) ** 2 / np.maximum(mean, 1)).sum() / (period - 1))
        if strength > best.strength:
            level = there.sum() / max(mean.sum(), 1e-9)  # below 1, as a convex decline lies below its mean
            best = Pattern(there / np.maximum(level * mean, 1e-9), strength)
    return best


def _moving_mean(sums: NDArray[np.int_], first: int, last: int, period: int) -> NDArray[np.float64]:
    """Return the means over one period around places, from the sums of all before each place."""
    half = period // 2
    after, before = (sums[first + shift : last + shift] for shift in (half + 1, -half))
    if period % 2:
        return np.asarray((after - before) / period)
    # An even window lies half a place off: the mean of both sides is centred.
    inside = sums[first + half : last + half] - sums[first + 1 - half : last + 1 - half]
    return np.asarray((after - before + inside) / (2 * period))
