"""Splits without leaks: photographs that share a source never part."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tamperscope.errors import InvalidParameter, WrongLayout
from tamperscope.types import Sample

__all__ = ["SPLITS", "select", "split"]

SPLITS = ("train", "val", "test")


def split(samples: Sequence[Sample], ratios: Sequence[float] = (65, 10, 25), seed: int = 0) -> list[Sample]:
    """Return the samples, each with its split; whole groups go where most is missing, largest groups first.

    The ratios are those of train, val and test. The same samples, ratios and seed give the same splits.

    Raises:
        InvalidParameter: not three ratios, or none of them positive.

    """
    wanted = np.array(ratios, float)
    if wanted.shape != (3,) or wanted.min() < 0 or not wanted.sum() > 0:
        raise InvalidParameter(f"ratios cannot be {tuple(ratios)}", "give those of train, val and test")
    sizes: dict[str, int] = defaultdict(int)
    for sample in samples:
        sizes[sample.group] += 1
    groups = sorted(sizes)
    np.random.default_rng(seed).shuffle(groups)
    missing = wanted / wanted.sum() * len(samples)
    place = {}
    for group in sorted(groups, key=lambda name: -sizes[name]):  # stable: equal ones stay shuffled
        place[group] = int(np.argmax(missing))
        missing[place[group]] -= sizes[group]
    return [replace(sample, split=SPLITS[place[sample.group]]) for sample in samples]


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
    known = samples if any(sample.split for sample in samples) else split(samples, seed=seed)
    chosen = [sample for sample in known if sample.split == wanted]
    if not chosen:
        there = {sample.split for sample in known if sample.split}
        raise WrongLayout(
            f"the data set has no sample in split {wanted!r}",
            f"choose from {', '.join(name for name in (*SPLITS, 'all') if name in there or name == 'all')}",
        )
    return chosen
