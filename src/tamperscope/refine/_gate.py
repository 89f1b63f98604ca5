"""Gating of a heatmap by what is known of its patches."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["gate"]


def gate(heatmap: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the map (height, width) times ``labels`` in [0, 1], of the same shape: 0 where all is pristine.

    References: Bappy et al., ICCV 2017, section 4.2: false positives in patches that are called pristine are
    thus taken out.

    >>> gate(np.array([[0.5, 0.5]], np.float32), np.array([[0.0, 1.0]], np.float32))
    array([[0. , 0.5]], dtype=float32)
    """
    return heatmap * labels
