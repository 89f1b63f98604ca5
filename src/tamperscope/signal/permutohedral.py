"""Gaussian filtering of values at points of several dimensions, in time linear in their number."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Lattice"]

_PASSES = 2  # of the blur, on a lattice finer by the root of that: with one, errors are twice as large

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]


class Lattice:
    """Sums of values at ``points`` (n, d), weighted by ``exp(-|p_i - p_j|^2 / 2)``; an approximation.

    Values are spread over the vertices of the permutohedral lattice around their points, blurred along its
    d + 1 directions, and gathered again. ``lattice @ values`` takes and returns (n,). The weights are divided
    by the roots of their sums at both points, which keeps them symmetric.

    References: Adams, Baek & Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice",
    Eurographics 2010, section 3. Kraehenbuehl & Koltun, ICML 2013 (for the normalization).
    """

    def __init__(self, points: Floats) -> None:
        count, dimensions = points.shape
        simplices, weights = _enclosing(points)
        low = simplices.min(axis=(0, 1)) - 2 * (dimensions + 1)  # room for neighbours of neighbours
        spans = simplices.max(axis=(0, 1)) + 2 * (dimensions + 1) + 1 - low
        factors = np.append(np.cumprod(spans[:0:-1])[::-1], 1)
        # A vertex is known by one number, its neighbours by numbers at fixed distances.
        numbers = ((simplices - low) @ factors).ravel()
        steps = [int(factors.sum()) - (dimensions + 1) * int(factor) for factor in [*factors, 0]]
        vertices = np.unique(numbers)
        # Without their neighbours, what is blurred beyond the vertices in use is lost. Points that lie too
        # far apart for it to matter would have very many.
        if vertices.size <= 2 * count:
            beside = [vertices + sign * step for step in steps for sign in (1, -1)]
            vertices = np.unique(np.concatenate([vertices, *beside]))
        ends = np.arange(0, numbers.size + 1, dimensions + 1)
        self._gather = sparse.csr_array(
            (weights.ravel().astype(np.float32), np.searchsorted(vertices, numbers), ends),
            shape=(count, vertices.size),
        )
        self._spread = self._gather.T.tocsr()
        blurs = list(_blurs(vertices, steps))
        self._blurs = [*blurs, *reversed(blurs)]  # the same from both ends, so that the whole is symmetric
        self._norm = np.ones(count, np.float32)
        self._norm = np.asarray(1 / np.sqrt(self @ self._norm), np.float32)

    def __matmul__(self, values: Floats) -> Floats:
        spread = self._spread @ (values * self._norm)
        for blur in self._blurs:
            spread = blur @ spread
        return np.asarray((self._gather @ spread) * self._norm, np.float32)


def _enclosing(points: Floats) -> tuple[Whole, NDArray[np.float64]]:
    """Return the simplex around each point: d + 1 vertices (n, d + 1, d), and barycentric weights (n, d + 1).

    A vertex has d + 1 coordinates that add up to 0; the last one is left out.
    """
    count, d = points.shape
    # Spreading, blurring once and gathering make a Gaussian of this width.
    width = (d + 1) * np.sqrt(2 / 3 * _PASSES)
    scaled = points.T * (width / np.sqrt(np.arange(1, d + 1) * np.arange(2, d + 2)))[:, None]
    place = np.zeros((d + 1, count))
    place[:-1] = np.cumsum(scaled[::-1], axis=0)[::-1]
    place[1:] -= np.arange(1, d + 1)[:, None] * scaled
    # The nearest point whose coordinates are multiples of d + 1; where they do not add up to 0, some move on.
    base = np.rint(place / (d + 1)).astype(np.int64)
    rank = _ranks(place - base * (d + 1)) + base.sum(axis=0)
    off = (rank < 0).astype(np.int64) - (rank > d)
    base, rank = base + off, rank + off * (d + 1)
    excess = np.empty_like(place)
    np.put_along_axis(excess, rank, place / (d + 1) - base, axis=0)  # the largest first
    weights = np.empty((count, d + 1))
    weights[:, 0] = 1 + excess[d] - excess[0]
    weights[:, 1:] = (excess[:-1] - excess[1:])[::-1].T
    # Vertex k is k further, but in the k coordinates of least excess.
    simplices = np.empty((count, d + 1, d), np.int64)
    for step in range(d + 1):
        simplices[:, step] = ((base - (rank > d - step)) * (d + 1) + step)[:d].T
    return simplices, weights


def _ranks(values: NDArray[np.float64]) -> Whole:
    """Return each value's place (k, n) in its column, 0 for the largest; faster than sorting so few."""
    ranks = np.zeros(values.shape, np.int64)
    for one in range(len(values)):
        for other in range(one):
            less = values[other] < values[one]
            ranks[other] += less
            ranks[one] += ~less
    return ranks


def _blurs(vertices: Whole, steps: list[int]) -> Iterator[sparse.csr_array]:
    """Yield, for each direction, what adds half of both neighbours to a vertex."""
    count = vertices.size
    for step in steps:
        place = np.minimum(np.searchsorted(vertices, vertices + step), count - 1)
        one = np.flatnonzero(vertices[place] == vertices + step)
        half = sparse.csr_array((np.full(one.size, 0.5, np.float32), (one, place[one])), shape=(count, count))
        yield (half + half.T + sparse.eye_array(count, dtype=np.float32)).tocsr()
