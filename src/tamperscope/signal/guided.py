"""The guided filter: a map that takes its edges from a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["guided"]

Floats = NDArray[np.float32]


def guided(
    values: Floats, small: Floats, guide: Floats | NDArray[np.uint8], radius: int, flat: float
) -> Floats:
    """Return ``values`` (h, w) at the size of ``guide`` (height, width, channels), with its edges.

    ``small`` (h, w, channels) is the guide at the size of the values, in [0, 1]; the guide itself may be of
    8 bits. Around each place the values are fitted by a plane over the channels, in a window that reaches
    ``radius`` places either way; ``flat`` is the variance of a channel that is no edge yet.

    References: He, Sun & Tang, "Guided Image Filtering", PAMI 2013, section 3.4 for colours; He & Sun, "Fast
        Guided Filter", 2015, for the two sizes.

    """

    def mean(planes: Floats) -> Floats:
        side = 2 * radius + 1
        stack = planes.reshape(*planes.shape[:2], -1)
        blurred = cv2.blur(stack, (side, side), borderType=cv2.BORDER_REFLECT)
        return np.asarray(blurred.reshape(planes.shape), np.float32)

    means, level = mean(small), mean(values)
    spread = mean(small[..., None] * small[..., None, :]) - means[..., None] * means[..., None, :]
    spread += np.float32(flat) * np.eye(small.shape[2], dtype=np.float32)
    apart = mean(small * values[..., None]) - means * level[..., None]
    slopes = np.linalg.solve(spread, apart[..., None])[..., 0]
    start = level - (slopes * means).sum(axis=2)
    scale = np.float32(1 / 255 if guide.dtype == np.uint8 else 1)
    size = guide.shape[1::-1]
    found = cv2.resize(mean(start), size, interpolation=cv2.INTER_LINEAR)
    for channel in range(small.shape[2]):  # one after the other: photos are large
        slope = mean(slopes[..., channel] * scale)
        found += cv2.resize(slope, size, interpolation=cv2.INTER_LINEAR) * guide[..., channel]
    return np.asarray(found, np.float32)
