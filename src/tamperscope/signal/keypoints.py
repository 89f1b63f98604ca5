"""What occurs twice in a picture, found from a few distinctive points: a fraction of a second."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.signal.pairs import Pair, detail

__all__ = ["Match", "repeated"]

_MOST_POINTS = 4000
_CONTRAST = 0.01  # of a point with its surroundings: faint ones count, too
_EDGE = 20  # times that the curvature along an edge may be that across it
_NEAR = 24.0  # pixels within which a point's likes are of the same thing
_RATIO = 0.7  # of the distance of the best match to that of the next
_FARTHEST = 0.45  # distance of descriptors of length 1
_AT_ONCE = 512  # points whose distances to all others are computed at once
_ROUNDS = 6  # maps that are looked for, each in what the others left
_FEWEST = 4  # matches that follow a map
_CLOSE = 2.5  # pixels by which one may miss
_NARROW = 8.0  # pixels that they must be spread over
_SMALLEST = 200  # pixels of a part
_SAME = 0.6  # share of a part that belongs to larger pairs, from which it is one of them

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Match:
    """A pair, and how many points were found in it twice."""

    pair: Pair
    points: int


def repeated(plane: NDArray[np.uint8]) -> list[Match]:
    """Return what occurs twice in a grey picture; the same for the same picture.

    Parts without texture, and of less than about 20 pixels a side, have no points and are not found.

    References: Amerini, Ballan, Caldelli, Del Bimbo & Serra, "A SIFT-based forensic method for copy-move
    attack detection and transformation recovery", IEEE TIFS 6(3), 2011. That a part reaches as far as it
    correlates, is ours.

    """
    here, there = _matches(*_points(plane))
    fine = detail(plane.astype(np.float32))
    met = np.zeros(plane.shape, bool)
    found = []
    for _ in range(_ROUNDS):
        if len(here) < _FEWEST:
            break
        cv2.setRNGSeed(0)
        matrix, follows = cv2.estimateAffine2D(
            here, there, method=cv2.RANSAC, ransacReprojThreshold=_CLOSE, maxIters=4000, confidence=0.999
        )
        if matrix is None or follows.sum() < _FEWEST:
            break
        chosen = follows.ravel() > 0
        points, here, there = here[chosen], here[~chosen], there[~chosen]
        if np.ptp(points, axis=0).max() < _NARROW:
            continue
        seed = np.zeros(plane.shape, bool)
        seed[tuple(np.minimum(np.rint(points[:, ::-1]).astype(int), np.array(plane.shape) - 1).T)] = True
        pair = Pair.grown(fine, seed, matrix, dense=False)
        if pair and pair.part.sum() >= _SMALLEST and met[pair.part].mean() <= _SAME:
            met |= pair.heat > 0
            found.append(Match(pair, int(np.count_nonzero(seed & pair.part))))
    return found


def _points(plane: NDArray[np.uint8]) -> tuple[Points, NDArray[np.float32]]:
    """Return places (n, 2) as x, y, and descriptors (n, 128) of length 1."""
    finder = cv2.SIFT.create(nfeatures=_MOST_POINTS, contrastThreshold=_CONTRAST, edgeThreshold=_EDGE)
    points, found = finder.detectAndCompute(plane, None)
    if found is None:
        return np.zeros((0, 2)), np.zeros((0, 128), np.float32)
    # Roots of shares, whose distance is Hellinger's: better than that of SIFT's own.
    shares = np.sqrt(found / np.maximum(found.sum(axis=1, keepdims=True), 1e-9))
    return np.array([point.pt for point in points]), np.asarray(shares, np.float32)


def _matches(places: Points, descriptors: NDArray[np.float32]) -> tuple[Points, Points]:
    """Return places (m, 2) that are alike, and unlike all others; or two that are, and no third one."""
    if len(places) < 4:
        return places[:0], places[:0]
    found, (x, y) = [], places.T.astype(np.float32)
    for start in range(0, len(places), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        squares = 2 - 2 * descriptors[part] @ descriptors.T
        squares[(x[part, None] - x) ** 2 + (y[part, None] - y) ** 2 < _NEAR**2] = 4
        own = np.arange(len(squares))
        best, nearest = np.empty((len(own), 3), int), np.empty((len(own), 3), np.float32)
        for place in range(3):  # less than it takes to part or sort them
            best[:, place] = squares.argmin(axis=1)
            nearest[:, place] = squares[own, best[:, place]]
            squares[own, best[:, place]] = np.inf
        distances = np.sqrt(nearest.clip(0))
        close = (distances[:, :2] < _RATIO * distances[:, 1:]) & (distances[:, :2] < _FARTHEST)
        own += start
        for alone, twice in ((close[:, 0] | close[:, 1], 0), (close[:, 1] & ~close[:, 0], 1)):
            found.append(np.stack([own[alone], best[alone, twice]], axis=1))
    pairs = np.concatenate(found)
    return places[pairs[:, 0]], places[pairs[:, 1]]
