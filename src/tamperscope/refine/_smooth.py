"""Smoothing of a heatmap, which takes out what is smaller than a manipulation."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["smooth"]


def smooth(heatmap: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the map (height, width) after a Gaussian of ``sigma`` pixels; at the borders it is mirrored.

    References: Bappy et al., ICCV 2017, section 4.2, which does not give the width.

    >>> smooth(np.eye(3, dtype=np.float32), 0.0)[0]
    array([1., 0., 0.], dtype=float32)
    """
    if not sigma:
        return heatmap
    blurred = cv2.GaussianBlur(heatmap, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)
