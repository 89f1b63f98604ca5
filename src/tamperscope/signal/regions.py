"""From a heatmap to the regions that a person is shown."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.types import Localization, Region

__all__ = ["find_regions", "without_specks"]

_LEAST_SHARE, _LEAST, _MOST = 1e-4, 64, 50  # of the photo, pixels (one block of a JPEG), and regions


def find_regions(
    localization: Localization, threshold: float, *, least_share: float = _LEAST_SHARE, most: int = _MOST
) -> tuple[Region, ...]:
    """Return the connected regions at or above the threshold, the largest first.

    Regions below ``least_share`` of the photo, or below 64 pixels, are left out as noise, as are all after
    the first ``most``.
    """
    heatmap = localization.heatmap
    labels, stats, kept = _regions(localization.mask(threshold), least_share, most)
    found = []
    for label in kept:
        x, y, width, height, area = (int(value) for value in stats[label])
        box = slice(y, y + height), slice(x, x + width)
        inside = heatmap[box][labels[box] == label]
        mean = float(inside.mean(dtype=np.float64))
        found.append(Region(x, y, width, height, area / heatmap.size, float(inside.max()), mean))
    return tuple(found)


def without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return of a mask (height, width) those regions alone that `find_regions` returns."""
    labels, stats, kept = _regions(mask, _LEAST_SHARE, _MOST)
    wanted = np.zeros(len(stats), bool)
    wanted[kept] = True
    return wanted[labels]


def _regions(
    mask: NDArray[np.bool_], least_share: float, most: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.intp]]:
    """Return each pixel's region, their OpenCV statistics, and those to be kept, the largest first."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = 1 + np.argsort(-areas, kind="stable")[:most]
    return labels, stats, largest[areas[largest - 1] >= max(_LEAST, least_share * mask.size)]
