"""Splits without leaks: photographs that share a source never part."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tamperscope.errors import InvalidParameter, WrongLayout
from tamperscope.types import Sample

__all__ = ["RATIOS", "SPLITS", "select", "split"]

SPLITS = ("train", "val", "test")
RATIOS = (65, 10, 25)


def split(samples: Sequence[Sample], ratios: Sequence[float] = RATIOS, seed: int = 0) -> list[Sample]:
    """Return the samples, each with its split: whole groups, the largest first, where most such are missing.

    No split of a positive ratio stays empty if there are as many groups.

    The ratios are those of train, val and test. The same samples, ratios and seed give the same splits.

    Raises:
        InvalidParameter: not three ratios, or none of them positive.

    """
    wanted = np.array(ratios, float)
    if wanted.shape != (3,) or wanted.min() < 0 or not wanted.sum() > 0:
        raise InvalidParameter(f"ratios cannot be {tuple(ratios)}", "give those of train, val and test")
    counts: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(2))  # pristine, manipulated
    for sample in samples:
        counts[sample.group][int(sample.manipulated)] += 1
    groups = sorted(counts)
    np.random.default_rng(seed).shuffle(groups)
    missing = np.outer(wanted / wanted.sum(), sum(counts.values()))
    place = {}
    for group in sorted(groups, key=lambda name: -counts[name].sum()):  # stable: equal ones stay shuffled
        place[group] = int(np.argmax(missing @ counts[group]))
        missing[place[group]] -= counts[group]
    _fill(place, wanted)
    return [replace(sample, split=SPLITS[place[sample.group]]) for sample in samples]


def _fill(place: dict[str, int], wanted: NDArray[np.float64]) -> None:
    """Give each split that stayed empty, since there are few groups, one of the split that has most."""
    for empty in np.flatnonzero(wanted):
        groups = Counter(place.values())
        most, count = groups.most_common(1)[0]
        if empty not in groups and count > 1:
            place[[group for group, found in place.items() if found == most][-1]] = int(empty)


def select(samples: Sequence[Sample], wanted: str, *, seed: int = 0) -> list[Sample]:
    """Return the samples of a split, "train", "val", "test" or "all".

    The data set's own splits are kept; one that has none is `split` by the seed.

    Raises:
        InvalidParameter: no such split. WrongLayout: the split is empty.

    """
    if wanted not in (*SPLITS, "all"):
        raise InvalidParameter(f"there is no split {wanted!r}", f"choose from {', '.join(SPLITS)}, all")
    if wanted == "all":
        return list(samples)
    without = [sample for sample in samples if not sample.split]
    if without and len(without) < len(samples):
        raise WrongLayout(
            f"{len(without)} of {len(samples)} samples have no split, such as {without[0].name}",
            "give all of them a split, or none",
        )
    known = split(samples, seed=seed) if without else samples
    chosen = [sample for sample in known if sample.split == wanted]
    if not chosen:
        there = {sample.split for sample in known if sample.split}
        raise WrongLayout(
            f"the data set has no sample in split {wanted!r}",
            f"choose from {', '.join(name for name in (*SPLITS, 'all') if name in there or name == 'all')}",
        )
    return chosen
