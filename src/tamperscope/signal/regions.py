"""From a heatmap to the regions that a person is shown."""

import cv2
import numpy as np

from tamperscope.types import Localization, Region

__all__ = ["find_regions"]


def find_regions(
    localization: Localization, threshold: float, *, least_share: float = 1e-4, most: int = 50
) -> tuple[Region, ...]:
    """Return the connected regions at or above the threshold, the largest first.

    Regions below ``least_share`` of the photo, or below 64 pixels (one block of a JPEG), are left out as
    noise, as are all after the first ``most``.
    """
    heatmap = localization.heatmap
    mask = localization.mask(threshold).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    found = []
    for label in 1 + np.argsort(-areas, kind="stable")[:most]:
        x, y, width, height, area = (int(value) for value in stats[label])
        if area < max(64, least_share * heatmap.size):
            break
        box = slice(y, y + height), slice(x, x + width)
        inside = heatmap[box][labels[box] == label]
        mean = float(inside.mean(dtype=np.float64))
        found.append(Region(x, y, width, height, area / heatmap.size, float(inside.max()), mean))
    return tuple(found)
