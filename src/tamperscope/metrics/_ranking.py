"""Pixels in the order of their heat: everything that a sweep over all thresholds can tell, exactly."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GRID", "Curve", "Ranking", "merge"]

Counts = NDArray[np.int64]

GRID = np.linspace(0, 1, 101)  # false positive rates at which curves are kept


@dataclass(frozen=True, eq=False)
class Curve:
    """Area under the ROC curve, and its true positive rates ``(101,)`` at the false positive rates `GRID`."""

    auc: float
    rates: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Each distinct ``values`` (rising), with how many positive and negative pixels have it; all ``(k,)``."""

    values: NDArray[np.float32]
    positives: Counts
    negatives: Counts

    @classmethod
    def of(cls, heatmap: NDArray[np.float32], truth: NDArray[np.bool_]) -> "Ranking":
        """Rank the pixels of a heatmap in [0, 1] by one sort of integers.

        Floats that are not negative are ordered like their bits, and up to 1 the top bit is free.
        """
        bits = (heatmap + np.float32(0)).view(np.uint32).ravel()  # + 0 turns -0 into 0
        keys = np.sort(bits << np.uint32(1) | truth.ravel())
        values = keys >> np.uint32(1)
        starts = _starts(values)
        positives = np.add.reduceat(keys & np.uint32(1), starts, dtype=np.int64)
        sizes = np.diff(starts, append=keys.size)
        return cls(values[starts].view(np.float32), positives, sizes - positives)

    @cached_property
    def sweep(self) -> tuple[Counts, Counts]:
        """True and false positives ``(k + 1,)`` of marking nothing, then of ever lower values too."""
        return _cumulative(self.positives[::-1]), _cumulative(self.negatives[::-1])

    @cached_property
    def curve(self) -> Curve | None:
        """The ROC curve; None unless there are both kinds of pixels."""
        return _trace(
            [(self.positives, self.negatives)], int(self.positives.sum()), int(self.negatives.sum())
        )

    def save(self, path: Path) -> None:
        """Write it for `merge`: one 64-bit integer for each distinct value and kind, rising.

        From the top: the value's bits, 1 for positive pixels, and in the lower half their number.
        """
        values = self.values.view(np.uint32).astype(np.uint64) << _VALUE
        positives = (values | _POSITIVE | self.positives.astype(np.uint64))[self.positives > 0]
        negatives = (values | self.negatives.astype(np.uint64))[self.negatives > 0]
        np.save(path, np.sort(np.concatenate([positives, negatives])), allow_pickle=False)


_VALUE, _POSITIVE, _NUMBER = np.uint64(33), np.uint64(1 << 32), np.uint64((1 << 32) - 1)
_SAMPLES = 257  # rows taken of each file to choose the ranges by


def merge(paths: Sequence[Path], at_once: int = 4_000_000) -> Curve | None:
    """Return the ROC curve of the saved rankings' pixels, pooled; None unless both kinds are among them.

    Exact, and with about ``at_once`` rows in memory: they are merged range by range of their values.
    """
    size = positives = negatives = 0
    for path in paths:
        rows = _read(path)
        numbers, positive = rows & _NUMBER, rows & _POSITIVE > 0
        size += rows.size
        positives += int(numbers[positive].sum())
        negatives += int(numbers[~positive].sum())
    if not (positives and negatives):
        return None
    pivots = _pivots(paths, size // at_once + 1)
    return _trace((_pool(paths, low, high) for low, high in pairwise(pivots)), positives, negatives)


def _trace(parts: Iterable[tuple[Counts, Counts]], positives: int, negatives: int) -> Curve | None:
    """Trace the curve from where all pixels are marked, ``parts`` of rising values at a time."""
    if not (positives and negatives):
        return None
    twice_the_area = kept_out = missed = 0
    grid, rates = GRID, np.full(GRID.size, np.nan)
    for above, noise in parts:
        missing, out = _cumulative(above), _cumulative(noise)
        # The product of two counts may outgrow 64 bits; Python's integers are exact, but slow.
        exact = np.int64 if 2 * int(missing[-1]) * int(out[-1]) < 2**63 else object
        twice_the_area += 2 * kept_out * int(missing[-1])
        twice_the_area += int(above.astype(exact) @ (2 * out[:-1] + noise))
        false = (negatives - kept_out - out)[::-1] / negatives
        true = (positives - missed - missing)[::-1] / positives
        here = np.isnan(rates) & (grid >= false[0]) & (grid <= false[-1])
        rates[here] = np.interp(grid[here], false, true)
        kept_out, missed = kept_out + int(out[-1]), missed + int(missing[-1])
    return Curve(twice_the_area / (2 * positives * negatives), rates)


def _starts(rising: NDArray[Any]) -> NDArray[np.intp]:
    """Return where each distinct value begins."""
    return np.flatnonzero(np.concatenate([np.ones(min(1, rising.size), bool), rising[1:] != rising[:-1]]))


def _cumulative(counts: Counts) -> Counts:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _read(path: Path) -> NDArray[np.uint64]:
    rows: NDArray[np.uint64] = np.load(path, mmap_mode="r", allow_pickle=False)
    return rows


def _pivots(paths: Sequence[Path], ranges: int) -> NDArray[np.uint64]:
    """Return rows that cut what the files hold into ranges of about the same size, never through a value."""
    samples, weights = [], []
    for path in paths:
        rows = _read(path)
        samples.append(rows[np.linspace(0, rows.size - 1, _SAMPLES).astype(int)])
        weights.append(np.full(_SAMPLES, rows.size))
    rows, weight = np.concatenate(samples), np.concatenate(weights)
    order = np.argsort(rows)
    reached = np.cumsum(weight[order]) / weight.sum()
    inner = rows[order][np.searchsorted(reached, np.arange(1, ranges) / ranges)]
    ends = np.array([0, np.iinfo(np.uint64).max], np.uint64)
    return np.concatenate([ends[:1], np.unique(inner >> _VALUE << _VALUE), ends[1:]])


def _pool(paths: Sequence[Path], low: np.uint64, high: np.uint64) -> tuple[Counts, Counts]:
    """Return the counts of each distinct value from ``low`` to below ``high``, rising."""
    slices = []
    for path in paths:
        rows = _read(path)
        first, last = np.searchsorted(rows, np.array([low, high], np.uint64))
        slices.append(np.array(rows[first:last]))
    part = np.concatenate(slices)
    part.sort()
    numbers = (part & _NUMBER).astype(np.int64)
    starts = _starts(part >> _VALUE)
    if not starts.size:
        return numbers, numbers
    sums = np.add.reduceat(numbers, starts)
    positives = np.add.reduceat(np.where(part & _POSITIVE, numbers, 0), starts)
    return positives, sums - positives
