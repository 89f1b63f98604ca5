"""Which patches of a photograph are learned from, and what is true of them."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_patches", "manipulated_shares", "turn"]

_GRID = 8  # pixels: patches keep the JPEG grid


def manipulated_shares(mask: NDArray[np.bool_], side: int) -> NDArray[np.float64]:
    """Return the manipulated share of each patch of ``side`` pixels on the 8x8 grid: (rows, columns) of them.

    **Ours**: each may be drawn. The paper cuts manipulated ones around each contour's box, enlarged, with the
    whole region at the centre, and slid so that a part of it is held.
    """
    sums = cv2.integral(mask.astype(np.uint8))
    rows, columns = (np.arange(0, length - side + 1, _GRID) for length in mask.shape)
    rows, columns = rows[:, None], columns[None]
    inside = (
        sums[rows + side, columns + side]
        - sums[rows, columns + side]
        - sums[rows + side, columns]
        + sums[rows, columns]
    )
    return np.asarray(inside / side**2)


def draw_patches(
    mask: NDArray[np.bool_],
    side: int,
    count: int,
    positive: float,
    least_share: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Draw patches of a photograph: (count, 2) rows and columns of their corners, and which are manipulated.

    A patch is manipulated if more than ``least_share`` of it is. The share ``positive`` of the patches is, as
    far as there are both sorts; those that are not often hold a little of the region.
    """
    shares = manipulated_shares(mask, side)
    labels = shares > least_share
    wanted = rng.random(count) < positive
    if labels.all() or not labels.any():
        wanted[:] = labels.all()
    places = np.empty((count, 2), np.intp)
    for label in (False, True):
        found = np.argwhere(labels == label)
        chosen = wanted == label
        if chosen.any():
            places[chosen] = found[rng.integers(len(found), size=chosen.sum())]
    return places * _GRID, wanted


def turn(plane: NDArray[Any], quarters: int, flip: bool) -> NDArray[Any]:
    """Turn a square patch by quarters, then flip it: a patch on the 8x8 grid stays on it."""
    return np.ascontiguousarray(np.rot90(plane, quarters)[:, :: -1 if flip else 1])
