"""Fitting a refiner's fields: which of many settings makes the maps of detectors best on a data set."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from tamperscope import plugins
from tamperscope.detectors._base import Detector
from tamperscope.detectors._refined import Refined
from tamperscope.errors import InvalidParameter, OutputError
from tamperscope.evaluation.judge import Plan, Task, prepare
from tamperscope.metrics._base import Comparison, Metric
from tamperscope.parallel import ordered
from tamperscope.refine._base import Refiner

__all__ = ["Trial", "candidates", "common_refiner", "tune"]

_REACH = 4.0  # settings lie between a default divided by this, and times this


@dataclass(frozen=True)
class Trial:
    """Settings of a refiner, and the metric's mean over photos for each detector, None where undefined.

    ``first`` are those from which the others were drawn.
    """

    refiner: Refiner
    values: Mapping[str, float | None]
    first: bool = False

    @property
    def mean(self) -> float:
        """The mean over detectors."""
        known = [value for value in self.values.values() if value is not None]
        return float(np.mean(known)) if known else float("-inf")


def candidates(refiner: Refiner, count: int, seed: int) -> list[Refiner]:
    """Return ``count`` refiners: this one, then others that fill the space around it evenly.

    Fields that are real numbers above 0 vary, on a logarithmic scale; the others stay.
    """
    declared = plugins.options(type(refiner))
    names = [name for name, entry in declared.items() if entry.type is float and getattr(refiner, name) > 0]
    found = [refiner]
    if not names:
        return found
    # A power of two keeps a Sobol sequence balanced, so that it is drawn in full and cut.
    points = qmc.Sobol(len(names), rng=np.random.default_rng(seed)).random_base2((count - 1).bit_length())
    for point in points[: count - 1]:
        values = {}
        for name, share in zip(names, point, strict=True):
            low, high = (declared[name].metadata.get(limit) for limit in ("low", "high"))
            value = float(f"{getattr(refiner, name) * _REACH ** (2 * share - 1):.3g}")
            value = value if low is None else max(value, float(low))
            values[name] = value if high is None else min(value, float(high))
        found.append(replace(refiner, **values))
    return found


def common_refiner(detectors: Mapping[str, Detector]) -> Refiner:
    """Return the refiner that all detectors end with, and no other refines by.

    Raises:
        InvalidParameter: there is none.

    """
    refined = [one for one in detectors.values() if isinstance(one, Refined)]
    refiners = {one.refiner for one in refined}
    if len(refined) < len(detectors) or len(refiners) != 1 or _twice(refined):
        raise InvalidParameter("there is no single refiner to fit", "name detectors such as ela+crf,noi+crf")
    return refiners.pop()


def tune(
    plan: Plan,
    tasks: list[Task],
    metric: Metric,
    trials: int,
    workers: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> tuple[list[Trial], int]:
    """Try settings of the plan's detectors' `common_refiner`.

    Returns them, the best first, and the number of photos that could be measured. ``advance`` is called after
    each photo.

    Raises:
        InvalidParameter: they have none, or there is nothing to measure.

    """
    settings = candidates(common_refiner(plan.detectors), trials, plan.seed)
    if len(settings) == 1:
        raise InvalidParameter("the refiner has no number above 0 to fit", "set one, or choose another")
    found = []
    for values in ordered(
        partial(_try_all, plan=plan, settings=settings, metric=metric),
        tasks,
        workers,
        lost=lambda _task: None,
        preload=[__name__],
    ):
        advance()
        if values is not None and not np.isnan(values).all():
            found.append(values)
    if not found:
        raise InvalidParameter("no photo could be measured", "choose another split or metric")
    measured = np.array(found).transpose(2, 1, 0)  # (settings, detectors, photos)
    rows = [
        Trial(one, dict(zip(plan.detectors, map(_mean, values), strict=True)), place == 0)
        for place, (one, values) in enumerate(zip(settings, measured, strict=True))
    ]
    return sorted(rows, key=lambda trial: -trial.mean), len(found)


def _twice(detectors: Iterable[Refined]) -> bool:
    """Tell whether one refines by the same refiner before: both would have the fields that are found."""
    names = [plugins.name_of(one).split("+")[1:] for one in detectors]
    return any(len(set(found)) < len(found) for found in names)


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def _try_all(task: Task, plan: Plan, settings: list[Refiner], metric: Metric) -> NDArray[np.float64] | None:
    """Return the metric (detectors, settings) on a photo, NaN where undefined; None if it is unusable."""
    try:
        return _try(task, plan, settings, metric)
    except OutputError:
        raise
    except Exception:  # noqa: BLE001  a photo that cannot be measured is left out, and not counted
        return None


def _try(task: Task, plan: Plan, settings: list[Refiner], metric: Metric) -> NDArray[np.float64]:
    photo, truth = prepare(task.sample, None, plan)
    values = np.full((len(plan.detectors), len(settings)), np.nan)
    for place, detector in enumerate(plan.detectors.values()):
        assert isinstance(detector, Refined)  # noqa: S101  as `tune` made sure
        found, _ = plan.cache.localize(detector.detector, photo)
        if found.localization is None:
            continue
        for column, refiner in enumerate(settings):
            better = refiner.refine(photo, found.localization, found.threshold)
            value = metric.observe(Comparison(better, truth, found.threshold))
            values[place, column] = np.nan if value is None else value
    return values
