"""What quantising twice does to DCT coefficients.

A coefficient quantised with step q1 lies on multiples of q1. Quantised again with step q2, some bins
receive more of those multiples than others, and some receive none: the periodic pattern that aligned double
compression leaves (Bianchi & Piva 2012, section III-A; Lin et al. 2009, section 3).
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["bin_weights"]

_FAR = 4  # standard deviations


@lru_cache(maxsize=256)  # photos share their tables' steps
def bin_weights(second: float, largest_first: int, bins: int, noise: float) -> NDArray[np.float32]:
    """Return how much more likely each bin is after double than after single quantisation.

    The result is ``(largest_first, bins)``: row i is for a first step of i + 1, column x for the coefficient
    +-x times ``second``. The value is the expected number of multiples of the first step within the bin,
    relative to its width; 1 is no effect, as where ``second`` is a multiple of the first step. ``noise`` is
    the standard deviation of the rounding and truncation errors between the two compressions, in grey
    levels.

    >>> bin_weights(3, 2, 4, 0.01)[1].round(1)
    array([0.7, 1.3, 0.7, 1.3], dtype=float32)
    """
    first = np.arange(1, largest_first + 1)[:, None]
    edges = (np.arange(bins + 1, dtype=np.float64) - 0.5) * second
    weights = np.diff(_multiples_below(edges[None], first, noise), axis=1) * first / second
    weights[second % first[:, 0] == 0] = 1
    single = weights.astype(np.float32)
    single.setflags(write=False)
    return single


def _multiples_below(edge: NDArray[np.float64], step: NDArray[np.int_], noise: float) -> NDArray[np.float64]:
    """Count the multiples of ``step`` below ``edge``, each blurred by Gaussian noise, up to a constant."""
    nearest = np.rint(edge / step)
    most = max(2, math.ceil(_FAR * noise / step.min()))  # further multiples lie beyond the noise
    reach = range(-most, most + 1)
    return np.asarray(nearest + sum(ndtr((edge - (nearest + shift) * step) / noise) for shift in reach))
