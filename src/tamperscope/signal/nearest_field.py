"""For every pixel the place elsewhere in the picture that looks most like it: PatchMatch, on whole arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tamperscope.signal.correlation import correlate

__all__ = ["Field", "affine_misfit", "nearest_field"]

Offsets = NDArray[np.int32]

_JUMPS = ((1, 4, 16), (2, 8, 32))  # pixels over which offsets are passed on, in turn
_NARROWING = 3  # of the random search, from one radius to the next


@dataclass(frozen=True, eq=False)
class Field:
    """Offsets ``rows`` and ``columns`` (height, width) to the most alike place."""

    rows: Offsets
    columns: Offsets


def nearest_field(
    features: NDArray[np.float32], least: int, iterations: int, rng: np.random.Generator
) -> Field:
    """Find for each pixel of ``features`` (height, width, n) the nearest other from ``least`` pixels away.

    Offsets are passed on to neighbours as they are, and continued linearly, which follows rotated and
    resized copies. All pixels are worked on at once, so offsets are passed on over several distances instead
    of from pixel to pixel.

    References:
        Barnes, Shechtman, Finkelstein & Goldman, "PatchMatch", SIGGRAPH 2009; Cozzolino, Poggi & Verdoliva,
        "Efficient dense-field copy-move forgery detection", IEEE TIFS 10(11), 2015, section III.

    """
    height, width, size = features.shape
    flat = features.reshape(-1, size)
    places = np.arange(height, dtype=np.int32)[:, None], np.arange(width, dtype=np.int32)[None]
    down = (rng.integers(0, height, (height, width)) - places[0]).astype(np.int32)
    right = (rng.integers(0, width, (height, width)) - places[1]).astype(np.int32)
    cost = np.full((height, width), np.inf, np.float32)

    def consider(rows: Offsets, columns: Offsets) -> None:
        to_row, to_column = places[0] + rows, places[1] + columns
        fits = (to_row >= 0) & (to_row < height) & (to_column >= 0) & (to_column < width)
        fits &= rows.astype(np.int64) ** 2 + columns.astype(np.int64) ** 2 >= least**2
        index = np.flatnonzero(fits)
        target = (to_row.astype(np.int64) * width + to_column).ravel()[index]
        difference = flat[target] - flat[index]
        found = np.einsum("ij,ij->i", difference, difference)
        better = found < cost.ravel()[index]
        chosen = index[better]
        cost.flat[chosen] = found[better]
        down.flat[chosen], right.flat[chosen] = rows.flat[chosen], columns.flat[chosen]

    consider(down.copy(), right.copy())
    for iteration in range(iterations):
        for jump in _JUMPS[iteration % len(_JUMPS)]:
            for shift, axis in ((jump, 0), (-jump, 0), (jump, 1), (-jump, 1)):
                near = [np.roll(offsets, shift, axis) for offsets in (down, right)]
                far = [np.roll(offsets, 2 * shift, axis) for offsets in (down, right)]
                consider(near[0], near[1])
                consider(2 * near[0] - far[0], 2 * near[1] - far[1])
        reach = max(height, width) // 4
        while reach:
            steps = rng.integers(-reach, reach + 1, (2, height, width), np.int32)
            consider(down + steps[0], right + steps[1])
            reach //= _NARROWING
    return Field(down, right)


def affine_misfit(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Return the squared error, summed over the disk around each pixel, of fitting a plane to ``values``.

    References:
        Cozzolino, Poggi & Verdoliva 2015, section IV (dense linear fitting).

    """
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(float)
    disk = (rows**2 + columns**2 <= radius**2).astype(float)
    spread = float((disk * rows**2).sum())
    level = values.astype(float) - float(values.mean())  # squares of large values would cancel badly
    mean, down, right = correlate(level, (disk, disk * rows, disk * columns))
    (squares,) = correlate(level * level, (disk,))
    explained = mean**2 / float(disk.sum()) + (down**2 + right**2) / spread
    return np.asarray(np.maximum(squares - explained, 0), np.float32)
