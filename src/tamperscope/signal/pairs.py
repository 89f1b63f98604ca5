"""Parts of a picture that occur in it twice: a part, its counterpart, and the map between them."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tamperscope.types import Link

__all__ = ["Pair", "detail"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]

_FAINT = 1.0  # variance of detail below which nothing correlates
_MOST_GROWTH = 12  # times; long edges correlate along themselves
_LEAST_SCALE = 0.5  # of a counterpart; its inverse is the most
_MOST_STRETCH = 1.4  # of one direction over the other
_DETAIL = 3.0  # pixels; standard deviation of what is smooth
_WINDOW = 6  # radius over which parts are correlated
_MOST_OVERLAP = 0.5  # of a part with its counterpart
_REFLECTED = 0.1  # of the way there, by which the way there and back may miss its start
_ALIKE = 0.5  # correlation as far as which a part reaches
_GROWN = 5  # pixels by which a window that correlates ends before a part does


def detail(plane: Floats) -> Floats:
    """Return a plane without what is smooth, which would correlate anywhere."""
    return np.asarray(plane - cv2.GaussianBlur(plane, (0, 0), _DETAIL))


@dataclass(frozen=True, eq=False)
class Pair:
    """A part, its counterpart, the affine map (2, 3) of (x, y, 1) from one to the other, the heat of both.

    ``likeness`` is the mean correlation of their details where they are alike.
    """

    part: Bools
    counterpart: Bools
    matrix: NDArray[np.float64]
    heat: Floats
    likeness: float

    @classmethod
    def grown(
        cls, fine: Floats, seed: Bools, matrix: NDArray[np.float64], *, least: float = 0.0, dense: bool = True
    ) -> "Pair | None":
        """Return all around a seed that correlates with where the map leads; None if it is no pair.

        ``fine`` is the picture's `detail`. The seed must correlate by ``least``, and a ``dense`` one holds a
        good part of what is there, so that what grows much larger is something else.
        """
        most, smallest = np.linalg.svd(matrix[:, :2], compute_uv=False)
        if smallest < _LEAST_SCALE or most > min(1 / _LEAST_SCALE, _MOST_STRETCH * smallest):
            return None  # nobody copies like that
        alike = _correlation(fine, matrix)
        if alike[seed].mean() < least:
            return None
        labels, _ = ndimage.label(alike > _ALIKE)
        around = np.bincount(labels[seed])
        around[0] = 0
        if not around.any():
            return None
        core = labels == around.argmax()
        part = _closed(core, _GROWN)
        heat = np.where(part, 0.5 + 0.5 * np.maximum(alike, _ALIKE), 0).astype(np.float32)
        moved = cv2.warpAffine(heat, matrix, heat.shape[::-1], flags=cv2.INTER_NEAREST)
        area = np.count_nonzero(part)
        if np.count_nonzero(part & (moved > 0)) > _MOST_OVERLAP * area:
            return None  # an edge along itself, or what a turn maps to itself
        if dense and area > _MOST_GROWTH * np.count_nonzero(seed):
            return None
        y, x = (float(places.mean()) for places in np.nonzero(seed))
        if _is_reflection(matrix, (x, y)):
            return None  # what is symmetric: a mirrored copy lies anywhere
        return cls(part, np.asarray(moved > 0), matrix, np.maximum(heat, moved), float(alike[core].mean()))

    def link(self, shape: tuple[int, int], *, back: bool = False) -> Link:
        """Return the centre of the part and of its counterpart in a photo of that shape, and how they differ.

        ``back`` leads from the counterpart to the part.
        """
        height, width = self.part.shape
        y, x = (float(np.mean(places)) for places in np.nonzero(self.part))
        to_x, to_y = np.clip(self.matrix @ (x, y, 1), 0, (width - 1, height - 1))
        turning, area = np.asarray(self.matrix[:, :2]), self.part.mean()
        if back:
            (x, y), (to_x, to_y) = (to_x, to_y), (x, y)
            turning, area = np.asarray(np.linalg.inv(turning)), self.counterpart.mean()
        mirrored = bool(np.linalg.det(turning) < 0)
        (right_right, right_down), (down_right, down_down) = turning * (1 - 2 * mirrored, 1)
        return Link(
            x=round(x * shape[1] / width),
            y=round(y * shape[0] / height),
            to_x=round(to_x * shape[1] / width),
            to_y=round(to_y * shape[0] / height),
            area_share=float(area),
            scale=round(float(np.sqrt(right_right * down_down - right_down * down_right)), 3),
            turn=round(float(np.degrees(np.arctan2(down_right - right_down, right_right + down_down))), 1),
            mirrored=mirrored,
        )


def _is_reflection(matrix: NDArray[np.float64], centre: tuple[float, float]) -> bool:
    """Tell whether a map mirrors about an axis and moves nothing along it: twice, it leads back."""
    there = matrix @ (*centre, 1)
    back = matrix @ (*there, 1)
    moved, missed = np.hypot(*(there - centre)), np.hypot(*(back - centre))
    return bool(np.linalg.det(matrix[:, :2]) < 0 and missed < _REFLECTED * moved)


def _correlation(plane: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return how the surroundings of each pixel correlate with those of the place it is mapped to."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    other = cv2.warpAffine(plane, matrix, plane.shape[::-1], flags=how, borderMode=cv2.BORDER_CONSTANT)
    side = (2 * _WINDOW + 1, 2 * _WINDOW + 1)
    mean, other_mean = cv2.blur(plane, side), cv2.blur(other, side)
    spread = cv2.blur(plane * plane, side) - mean * mean
    other_spread = cv2.blur(other * other, side) - other_mean * other_mean
    together = cv2.blur(plane * other, side) - mean * other_mean
    found = together / np.sqrt(np.maximum(spread, _FAINT) * np.maximum(other_spread, _FAINT))
    return np.asarray(np.minimum(found, 1))


def _closed(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Return the mask grown by a disk, without the holes and bays that flat areas leave in it."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padded = np.pad(mask.astype(np.uint8), 3 * radius)
    grown = cv2.erode(cv2.dilate(padded, disk, iterations=3), disk, iterations=2)
    return np.asarray(ndimage.binary_fill_holes(grown))[3 * radius : -3 * radius, 3 * radius : -3 * radius]
