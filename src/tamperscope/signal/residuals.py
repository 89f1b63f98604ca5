"""Where the noise of a photo is distributed otherwise than in the rest of it."""

from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.signal.windows import Tile, each, strips, tiles

__all__ = ["BLOCK", "unlikeness"]

Floats = NDArray[np.float32]

BLOCK = 8  # pixels of a side of what is judged
_STRIP = 8  # blocks in a column that are looked at at once
_STEPS = 4, 2  # grey levels of a residual that count as one, of brightness and of colours
_RUN = 4  # neighbouring residuals that are counted together
_SIGNS = 3  # of a residual: below, about, or above zero
_DARK, _WHITE = 3, 252  # at or beyond which nothing is left of the noise
_CLIPPED = 0.5  # of a block, at most, is that
_AT_ONCE = 2**14  # blocks
_WIDE = 1.5  # blocks, standard deviation of the weights of those around one
_REACH = 5  # blocks, beyond which they do not count
_LEAST = 0.5  # grey levels added before the logarithm
_SORTS = 8  # directions in which places of a photo differ most
_USUAL, _ROUNDS = 0.85, 10  # share of the places that the usual is learned from, and how often it is again
_SMALL = 1e-6  # added to variances
_ALIKE = 1e-10  # of what is told from brightness: causes that are that nearly the same are one
_NEAREST = 1e-3  # added to squared distances
_LARGE = 2**22  # pixels of a photo, above which every other row and column of residuals is enough
_HIGH, _NARROW = 0.9, 0.6  # quantile that is 1; its distance from the median, at least
_ENOUGH = 200  # blocks that can be judged


def unlikeness(pixels: NDArray[np.uint8]) -> Floats | None:
    """Return how far each block (rows, columns) is from what is usual in RGB pixels (height, width, 3).

    Logarithms of squared distances (Mahalanobis): 0 is the median block's, or of one that is too dark or too
    white to tell, 1 that which a tenth of the photo exceeds; None where too few can be judged. How often four
    neighbouring residuals are below, about or above zero is counted in each block and those around it, for
    brightness and for colours. What follows from how bright a place is and how much it shows is taken away:
    what is left differs by where it came from, and what was done to it.

    References:
        Cozzolino, Poggi & Verdoliva, "Splicebuster: A new blind image splicing detector", WIFS 2015, whose
        counts they are; ours: colours, what follows from the content, and narrower windows.

    """
    rows, columns = (length // BLOCK for length in pixels.shape[:2])
    counts = np.empty((rows, columns, 2 * len(_STEPS) * _CLASSES), np.float32)
    shown, known = np.empty((rows, columns, 2), np.float32), np.empty((rows, columns), bool)
    every = 2 if rows * columns * BLOCK**2 > _LARGE else 1

    def look(strip: Tile) -> None:
        window = pixels[strip.read.start * BLOCK : strip.read.stop * BLOCK, : columns * BLOCK]
        for whole, part in zip((counts, shown, known), _blocks(window, every), strict=True):
            whole[strip.place] = part[strip.kept]

    each(look, tiles(rows, _STRIP, 1))
    count = np.count_nonzero(known)
    if count < _ENOUGH:
        return None
    _share(counts, known)
    found, used = counts.reshape(rows * columns, -1), known.ravel()
    _take_away(found, shown, used)
    _, directions = np.linalg.eigh(found.T @ found / count)
    places = found @ directions[:, -_SORTS:].astype(np.float32)
    distance = _distances(places.astype(np.float64), used).reshape(rows, columns)
    logs = np.log(distance * _certainty(known) + _NEAREST)
    logs -= np.median(logs[known])
    return np.where(known, logs / max(np.quantile(logs[known], _HIGH), _NARROW), 0).astype(np.float32)


def _classes() -> NDArray[np.intp]:
    """Return the class, of 25, of each of 81 runs of signs: those of the other order or sign share it."""
    runs = list(product(range(_SIGNS), repeat=_RUN))
    least = [
        min(run, run[::-1], tuple(2 - sign for sign in run), tuple(2 - sign for sign in run[::-1]))
        for run in runs
    ]
    kinds = sorted(set(least))
    return np.array([kinds.index(one) for one in least])


_CLASS = _classes()
_CLASSES = int(_CLASS.max()) + 1


def _blocks(pixels: NDArray[np.uint8], every: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return counts of blocks (rows, columns, 100), how bright each is and varies, and which are clear."""
    rows, columns = (length // BLOCK for length in pixels.shape[:2])
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    colours = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)
    counts = [
        sum(_counts(plane.astype(np.int16), step, every) for plane in planes)
        for planes, step in zip(([grey], [colours[..., 1], colours[..., 2]]), _STEPS, strict=True)
    ]
    blocks = grey.reshape(rows, BLOCK, columns, BLOCK)
    clipped = (blocks <= _DARK) | (blocks >= _WHITE)
    spread = blocks.astype(np.float32).std((1, 3))
    shown = np.stack([blocks.mean((1, 3)) / 128 - 1, np.log(spread + _LEAST)], axis=2, dtype=np.float32)
    return np.concatenate(counts, axis=2), shown, clipped.mean((1, 3)) < _CLIPPED


def _counts(plane: NDArray[np.int16], step: int, every: int) -> Floats:
    """Return how often each class of runs is in each block (rows, columns, 50): along, across residuals."""
    found = _runs(plane, step, every)
    found += _runs(np.ascontiguousarray(plane.T), step, every).transpose(1, 0, 2)
    return found


def _runs(plane: NDArray[np.int16], step: int, every: int) -> Floats:
    """Return that of residuals from left to right, of the third order, in one of ``every`` rows."""
    rows, columns = (length // BLOCK for length in plane.shape)
    residual = plane[:, :-3] - plane[:, 3:] + 3 * (plane[:, 2:-1] - plane[:, 1:-2])
    signs = ((residual > step // 2).view(np.int8) - (residual < -(step // 2)) + 1).view(np.uint8)
    height, width = (length - _RUN + 1 for length in signs.shape)
    found = []
    for runs, top, left in (
        ([signs[::every, shift : shift + width] for shift in range(_RUN)], 0, 3),
        ([signs[shift : shift + height : every] for shift in range(_RUN)], 1, 1),
    ):
        codes = runs[0]
        for sign in runs[1:]:
            codes = codes * _SIGNS + sign
        down, right = (np.arange(length) for length in codes.shape)
        block = ((down * every + top) // BLOCK * columns)[:, None] + (right + left) // BLOCK
        counts = np.bincount((block * _CLASSES + _CLASS[codes]).ravel(), minlength=rows * columns * _CLASSES)
        found.append(counts.reshape(rows, columns, _CLASSES).astype(np.float32))
    return np.concatenate(found, axis=2)


def _share(counts: Floats, known: NDArray[np.bool_]) -> None:
    """Make counts square roots of how often each class is found around a block, of all of its kind."""
    for number in range(counts.shape[2]):
        counts[..., number] = _around(counts[..., number] * known)
    kinds = counts.reshape(*known.shape, -1, _CLASSES)
    kinds /= kinds.sum(3, keepdims=True).clip(_NEAREST)
    np.sqrt(counts, out=counts)


def _around(plane: Floats, wide: float = _WIDE, border: int = cv2.BORDER_CONSTANT) -> Floats:
    """Return weighted sums of what is around each block; beyond the photo is nothing, unless told."""
    side = 2 * _REACH + 1
    return np.asarray(cv2.GaussianBlur(plane, (side, side), wide, borderType=border), np.float32)


def _take_away(found: Floats, shown: Floats, used: NDArray[np.bool_]) -> None:
    """Take away what brightness and its variation let expect: linear in both, their squares and product."""
    bright, spread = (
        _around(plane, border=cv2.BORDER_REFLECT).ravel().astype(np.float64)
        for plane in np.moveaxis(shown, 2, 0)
    )
    terms = [np.ones_like(bright), bright, spread, bright**2, spread**2, bright * spread]
    causes = np.stack(terms, axis=1)
    causes[~used] = 0
    found[~used] = 0
    weights = np.linalg.pinv(causes, rcond=_ALIKE).astype(np.float32) @ found
    for rows in strips(len(found), _AT_ONCE):  # so that no second array as large is needed
        found[rows] -= causes[rows].astype(np.float32) @ weights


def _distances(places: NDArray[np.float64], used: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return squared distances from the middle of what is usual, in its own standard deviations."""
    usual = places[used]
    for _ in range(_ROUNDS + 1):
        middle, spread = usual.mean(0), np.cov(usual.T) + _SMALL * np.eye(places.shape[1])
        scaled = (places - middle) @ np.linalg.inv(np.linalg.cholesky(spread)).T
        distance = np.einsum("ns,ns->n", scaled, scaled)
        usual = places[used & (distance <= np.quantile(distance[used], _USUAL))]
    return np.asarray(distance)


def _certainty(known: NDArray[np.bool_]) -> Floats:
    """Return how much is known around each block, 1 where all is: means of little vary more."""
    plane = known.astype(np.float32)
    # As many independent blocks as sum(w)^2 / sum(w^2) of their weights w, beside those of a place amid known
    # ones: the square of a bell is a narrower bell.
    narrower = _around(plane, _WIDE / np.sqrt(2)).clip(_SMALL)
    return np.asarray((_around(plane) ** 2 / narrower).clip(None, 1))
