"""Threshold and score of trained weights, fitted to validation photographs by the detector itself."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from tamperscope.detectors._learned import Learned, Look
from tamperscope.errors import TamperscopeError
from tamperscope.forge.recipe import Recipe
from tamperscope.io.decode import decode
from tamperscope.training.config import Training
from tamperscope.training.data import Photographs
from tamperscope.types import Photo, Sample

__all__ = ["calibrate", "fit_threshold"]

_THRESHOLDS = np.arange(1, 100) / 100
_FEW = 40  # versions of a data set's pristine photographs, below which it is joined with others
_ABOVE = 1e-6  # of a logit: what is exceeded is not reached
_SIDE = 1024  # pixels: of larger photographs a window is saved once more, with what was manipulated


def calibrate(
    detector: Learned,
    photographs: Photographs,
    training: Training,
    advance: Callable[[], None] = lambda: None,
    pristine: Sequence[Path] = (),
) -> dict[str, Any]:
    """Return ``threshold``, ``calibration``, ``calibrated`` and ``doubt`` of a `NetworkCard`.

    ``advance`` is called for each version of each photograph. ``pristine`` are more photographs that nobody
    edited, as they are: no more than ``marked`` of their area is marked, either, and to ``alarms`` they are a
    data set.

    Each photograph counts as it is, and saved once more as JPEG with a quality drawn alike for both classes,
    or else the score would learn how a data set's classes were saved. The threshold is that of the highest
    mean F1 of manipulated photographs, among those that mark no more of the pristine ones than ``marked``.
    The score is Platt's logistic curve over what the detector suspects, both classes weighing the same; there
    is none if what it suspects is no better than chance. With ``alarms`` the curve is shifted until no more
    than that share of any data set's pristine ones reaches the threshold. With ``misses`` the doubt begins
    where no more than that share of the manipulated ones lies below.

    Raises:
        TamperscopeError: one of ``pristine`` cannot be read; others are passed over, as training did.

    """
    alarms, misses = training.alarms, training.misses
    calm = _look_at_pristine(detector, pristine, advance)
    seen = _look(detector, photographs, training.seed, advance)
    areas = [np.mean(one.areas, axis=0) for one in (seen, calm) if one.areas]
    allowed = np.max(areas, axis=0) <= training.marked if training.marked and areas else None
    found: dict[str, Any] = {"threshold": fit_threshold(seen.curves, allowed)} if seen.curves else {}
    line = _platt(np.array(seen.suspicions), np.array(seen.labels)) if len(set(seen.labels)) == 2 else None
    if not line:
        return found
    found["calibrated"] = (
        f"{len(seen.labels) // 2} validation photographs, as they are and saved once more, both classes "
        "weighing the same"
    )
    if alarms and seen.curves:
        highest = max(seen.highest(alarms), calm.highest(alarms))
        line = line[0], float(logit(found["threshold"]) - line[0] * highest)
        found["calibrated"] += (
            f"; shifted, so that no more than {alarms:.0%} of any data set's pristine ones"
            + (f", nor of {len(calm.labels)} further ones" if calm.labels else "")
            + " reach the threshold"
        )
    found["calibration"] = line
    if misses and seen.curves:
        lowest = np.quantile(np.array(seen.suspicions)[np.array(seen.labels)], misses, method="lower")
        found["doubt"] = min(float(expit(line[0] * lowest + line[1])), found["threshold"])
    return found


@dataclass
class _Seen:
    """What a detector says of photographs.

    ``curves`` and ``areas``: F1 of manipulated ones, and the marked share of pristine ones, at each
    threshold. The others are of each photograph.
    """

    curves: list[NDArray[np.float64]] = field(default_factory=list)
    areas: list[NDArray[np.float64]] = field(default_factory=list)
    suspicions: list[float] = field(default_factory=list)
    labels: list[bool] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def add(self, look: Look, truth: NDArray[np.bool_] | None, source: str) -> None:
        """Add what is said of a photograph; its truth is None if it is pristine."""
        if truth is not None:
            self.curves.append(_f1(look.heatmap, truth))
        else:
            self.areas.append((_counts(look.heatmap.ravel()) / look.heatmap.size)[1:])
        if look.suspicion is not None:
            self.suspicions.append(look.suspicion)
            self.labels.append(truth is not None)
            self.sources.append(source)

    def highest(self, alarms: float) -> float:
        """Return the suspicion that no more than that share of any data set's pristine photographs reach.

        Data sets with few count as one.
        """
        pristine = defaultdict(list)
        for suspicion, manipulated, source in zip(self.suspicions, self.labels, self.sources, strict=True):
            if not manipulated:
                pristine[source].append(suspicion)
        few = [one for each in pristine.values() if len(each) < _FEW for one in each]
        groups = [each for each in [*pristine.values(), few] if each and (each is few or len(each) >= _FEW)]
        reached = (sorted(each)[-1 - int(alarms * len(each))] for each in groups)
        return max(reached, default=-np.inf) + _ABOVE


def _look(detector: Learned, photographs: Photographs, seed: int, advance: Callable[[], None]) -> _Seen:
    seen = _Seen()
    for sample, photo, mask in _versions(photographs, detector.smallest, seed):
        advance()
        truth = mask if sample.manipulated else None
        seen.add(detector.look(photo), truth, photographs.dataset.source(sample))
    return seen


def _look_at_pristine(detector: Learned, files: Sequence[Path], advance: Callable[[], None]) -> _Seen:
    """Look at whole files as they are, since a part of a large photo is another photo to a detector."""
    seen = _Seen()
    for path in files:
        advance()
        photo = decode(path)
        if min(photo.height, photo.width) >= detector.smallest:
            seen.add(detector.look(photo), None, "pristine")
    return seen


def fit_threshold(curves: list[NDArray[np.float64]], allowed: NDArray[np.bool_] | None = None) -> float:
    """Return the threshold of the highest mean F1; each curve holds a photograph's at 0.01 to 0.99.

    Of those that are ``allowed``; where none is, the last one, which marks least.
    """
    mean = np.mean(curves, axis=0)
    if allowed is not None:
        mean = np.where([*allowed[:-1], True], mean, -1)
    return float(_THRESHOLDS[mean.argmax()])


def _versions(
    photographs: Photographs, smallest: int, seed: int
) -> Iterator[tuple[Sample, Photo, NDArray[np.bool_]]]:
    recipe = Recipe()
    for index, sample in enumerate(photographs.samples):
        saving = recipe.jpeg(np.random.default_rng([seed, index]))
        try:
            photo, mask = photographs.read(sample, smallest)
        except TamperscopeError:  # what training passed over as well
            continue
        yield sample, photo, mask  # whole, since a part is no longer the file that was saved
        window = _window(mask)
        pixels = np.ascontiguousarray(photo.pixels[window])
        yield sample, decode(saving.encode(pixels)), mask[window]


def _window(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return a part of at most `_SIDE` pixels a side, on the grid, about what is manipulated."""
    marked = np.argwhere(mask)
    middles = np.array(mask.shape) // 2
    if len(marked):  # the middle of several regions may lie in none
        middles = marked[np.abs(marked - np.median(marked, axis=0)).sum(axis=1).argmin()]
    places = []
    for middle, length in zip(middles.tolist(), mask.shape, strict=True):
        start = min(max(0, middle - _SIDE // 2), max(0, length - _SIDE)) // 8 * 8
        places.append(slice(start, min(length, start + _SIDE)))
    return places[0], places[1]


def _f1(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return F1 at each of the thresholds."""
    true, false = (_counts(heat[mask == truth])[1:] for truth in (True, False))
    return np.asarray(2 * true / (true + false + mask.sum()))


def _counts(heat: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return how many pixels reach 0, and each of the thresholds."""
    reached = np.searchsorted(_THRESHOLDS.astype(heat.dtype), heat, side="right")  # as masks compare them
    return np.asarray(np.bincount(reached, minlength=_THRESHOLDS.size + 1)[::-1].cumsum()[::-1])


def _platt(suspicions: NDArray[np.float64], labels: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Fit slope and intercept; None if the slope is not positive.

    References: Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
    """
    weights = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum())
    # Platt's targets, which keep a separable set from a slope without end.
    targets = np.where(labels, (labels.sum() + 1) / (labels.sum() + 2), 1 / ((~labels).sum() + 2))

    def loss(line: NDArray[np.float64]) -> float:
        logits = line[0] * suspicions + line[1]
        return float(weights @ (np.logaddexp(0, logits) - targets * logits))

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), method="BFGS").x
    return (float(slope), float(intercept)) if slope > 0 else None
