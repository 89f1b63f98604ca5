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
    channels = range(small.shape[2])
    planes = [small[..., channel] for channel in channels]

    def mean(plane: Floats) -> Floats:
        side = 2 * radius + 1
        return np.asarray(cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)

    means, level = [mean(plane) for plane in planes], mean(values)
    spread = [
        [mean(planes[i] * planes[j]) - means[i] * means[j] + np.float32(flat * (i == j)) for j in channels]
        for i in channels
    ]
    slopes = _solve(spread, [mean(planes[i] * values) - means[i] * level for i in channels])
    start = level - sum(slope * one for slope, one in zip(slopes, means, strict=True))
    scale = np.float32(1 / 255 if guide.dtype == np.uint8 else 1)
    size = guide.shape[1::-1]
    found = cv2.resize(mean(start), size, interpolation=cv2.INTER_LINEAR)
    for channel, slope in zip(channels, slopes, strict=True):  # one after the other: photos are large
        found += cv2.resize(mean(slope * scale), size, interpolation=cv2.INTER_LINEAR) * guide[..., channel]
    return np.asarray(found, np.float32)


def _solve(matrix: list[list[Floats]], right: list[Floats]) -> list[Floats]:
    """Solve symmetric positive definite equations, each number of which is a plane, in place."""
    count = range(len(right))
    for pivot in count:
        for row in count[pivot + 1 :]:
            share = matrix[row][pivot] / matrix[pivot][pivot]
            for column in count[pivot:]:
                matrix[row][column] = matrix[row][column] - share * matrix[pivot][column]
            right[row] = right[row] - share * right[pivot]
    for row in reversed(count):
        for column in count[row + 1 :]:
            right[row] = right[row] - matrix[row][column] * right[column]
        right[row] = right[row] / matrix[row][row]
    return right
