"""Cutting large planes into strips on the 8x8 grid, so that memory stays bounded."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Tile",
    "blocks_to_pixels",
    "bounded",
    "each",
    "interpolate_blocks",
    "mirrored",
    "starts",
    "strips",
    "tiles",
    "whole",
]

_GRID = 8
_FEW = 4  # tiles that one thread does as fast as two


def strips(rows: int, most: int) -> Iterator[slice]:
    """Yield slices of at most ``most`` rows that together cover ``rows``.

    >>> list(strips(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    for start in range(0, rows, most):
        yield slice(start, min(start + most, rows))


class Tile(NamedTuple):
    """A piece of a line: what is ``read``, what is kept of that, and where this belongs on the line."""

    read: slice
    kept: slice
    place: slice


def tiles(length: int, side: int, margin: int) -> Iterator[Tile]:
    """Yield tiles whose kept parts, at most ``side`` long, cover ``length``; ``margin`` more is read around.

    >>> [(tile.read.start, tile.read.stop, tile.kept.start) for tile in tiles(10, 4, 2)]
    [(0, 6, 0), (2, 10, 2), (6, 10, 2)]
    """
    for place in strips(length, side):
        start = max(0, place.start - margin)
        kept = slice(place.start - start, place.stop - start)
        yield Tile(slice(start, min(length, place.stop + margin)), kept, place)


def each(work: Callable[[Tile], None], parts: Iterable[Tile]) -> None:
    """Do the work on every tile, in as many threads as OpenCV has: one in each of several workers.

    A few tiles are not worth a thread.
    """
    parts = list(parts)
    with ThreadPoolExecutor(max(1, min(cv2.getNumThreads(), len(parts) // _FEW))) as threads:
        for _ in threads.map(work, parts):
            pass  # what was raised is raised here


def starts(length: int, side: int, stride: int) -> NDArray[np.intp]:
    """Return where windows begin: every ``stride`` pixels, and the last one at the end of the grid.

    >>> starts(30, 8, 16)
    array([ 0, 16])
    """
    last = (length - side) // _GRID * _GRID
    return np.unique(np.append(np.arange(0, last + 1, stride), last))


def mirrored(plane: NDArray[Any], side: int) -> NDArray[Any]:
    """Return what is smaller than ``side`` mirrored to that, at the end of its last blocks.

    >>> mirrored(np.arange(9)[None], 16)[0, 5:]
    array([5, 6, 7, 8, 8, 8, 8, 8, 8, 8, 8])
    """
    beyond = [(0, 0)] * (plane.ndim - 2)
    whole_blocks = np.pad(plane, [(0, -length % _GRID) for length in plane.shape[:2]] + beyond, mode="edge")
    missing = [(0, max(0, side - length)) for length in whole_blocks.shape[:2]]
    return np.pad(whole_blocks, missing + beyond, mode="symmetric")


def blocks_to_pixels(
    values: NDArray[Any], shape: tuple[int, int], step: tuple[float, float] = (8, 8)
) -> NDArray[Any]:
    """Return a pixel map of ``shape`` from one value per block of ``step`` pixels, from the top left.

    Pixels beyond the last block continue it.

    >>> blocks_to_pixels(np.array([[1, 2]]), (1, 5), (2, 2))
    array([[1, 1, 2, 2, 2]])
    """
    rows, columns = (
        np.minimum((np.arange(length) / size).astype(np.intp), count - 1)
        for length, size, count in zip(shape, step, values.shape, strict=True)
    )
    return np.asarray(values[:, columns][rows])


def interpolate_blocks(values: NDArray[np.float32], shape: tuple[int, int], step: int) -> NDArray[np.float32]:
    """Return a pixel map of ``shape``, bilinear between the centres of ``step`` x ``step`` blocks.

    Pixels beyond the last block continue it.
    """
    missing = [max(0, -(-length // step) - count) for length, count in zip(shape, values.shape, strict=True)]
    padded = np.pad(values, [(0, count) for count in missing], mode="edge")
    size = (padded.shape[1] * step, padded.shape[0] * step)
    pixels = cv2.resize(padded, size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(pixels[: shape[0], : shape[1]])


def whole(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a photo (height, width, 3) brought to a square of ``side`` pixels: what it shows.

    >>> whole(np.zeros((5, 7, 3), np.uint8), 0).shape
    (0, 0, 3)
    """
    if not side:
        return np.zeros((0, 0, 3), np.uint8)
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def bounded(pixels: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    """Return a picture, (height, width) or (height, width, 3), reduced to at most that many pixels."""
    shrink = min(1.0, (most / (pixels.shape[0] * pixels.shape[1])) ** 0.5)
    if shrink == 1:
        return pixels
    shape = [max(1, int(length * shrink)) for length in pixels.shape[1::-1]]
    return np.asarray(cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA), np.uint8)
