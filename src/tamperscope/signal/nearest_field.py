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
    features: NDArray[np.float32],
    sizes: tuple[float, ...],
    least: int,
    iterations: int,
    rng: np.random.Generator,
) -> Field:
    """Find for each pixel the most alike other from ``least`` pixels away, also where it is resized.

    ``features`` (sizes, height, width, n) describe each pixel by surroundings of several relative ``sizes``.
    Those of the first size are looked for among all: so a part is found in its enlarged copy. Offsets are
    passed on to neighbours as they are, and continued linearly, which follows rotated and resized copies.
    All pixels are worked on at once, so offsets are passed on over several distances instead of from pixel
    to pixel.

    References:
        Barnes, Shechtman, Finkelstein & Goldman, "PatchMatch", SIGGRAPH 2009, and "The generalized PatchMatch
        correspondence algorithm", ECCV 2010 (the search over scales); Cozzolino, Poggi & Verdoliva,
        "Efficient dense-field copy-move forgery detection", IEEE TIFS 10(11), 2015, section III.

    """
    _, height, width, length = features.shape
    flat = features.reshape(-1, length)
    relative = np.array(sizes) / sizes[0]
    places = np.arange(height, dtype=np.int32)[:, None], np.arange(width, dtype=np.int32)[None]

    def drawn() -> Offsets:
        """Return a random size for each pixel: the first, as most copies have it, as often as all others."""
        number = rng.integers(min(0, 2 - len(sizes)), len(sizes), (height, width), np.int32)
        return np.asarray(np.maximum(number, 0))

    down = (rng.integers(0, height, (height, width)) - places[0]).astype(np.int32)
    right = (rng.integers(0, width, (height, width)) - places[1]).astype(np.int32)
    size = drawn()
    cost = np.full((height, width), np.inf, np.float32)

    def consider(rows: Offsets, columns: Offsets, sized: Offsets) -> None:
        to_row, to_column = places[0] + rows, places[1] + columns
        fits = (to_row >= 0) & (to_row < height) & (to_column >= 0) & (to_column < width)
        fits &= rows.astype(np.int64) ** 2 + columns.astype(np.int64) ** 2 >= least**2
        index = np.flatnonzero(fits)
        target = ((sized.astype(np.int64) * height + to_row) * width + to_column).ravel()[index]
        difference = flat[target] - flat[index]
        found = np.einsum("ij,ij->i", difference, difference)
        better = found < cost.ravel()[index]
        chosen = index[better]
        cost.flat[chosen] = found[better]
        for kept, new in ((down, rows), (right, columns), (size, sized)):
            kept.flat[chosen] = new.flat[chosen]

    consider(down.copy(), right.copy(), size.copy())
    for iteration in range(iterations):
        for jump in _JUMPS[iteration % len(_JUMPS)]:
            for shift, axis in ((jump, 0), (-jump, 0), (jump, 1), (-jump, 1)):
                near = [np.roll(values, shift, axis) for values in (down, right, size)]
                far = [np.roll(offsets, 2 * shift, axis) for offsets in (down, right)]
                consider(2 * near[0] - far[0], 2 * near[1] - far[1], near[2])
                # In a copy of another size, offsets grow from pixel to pixel.
                near[axis] += np.rint((relative[near[2]] - 1) * shift).astype(np.int32)
                consider(near[0], near[1], near[2])
        reach = max(height, width) // 4
        while reach:
            steps = rng.integers(-reach, reach + 1, (2, height, width), np.int32)
            consider(down + steps[0], right + steps[1], drawn())
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
