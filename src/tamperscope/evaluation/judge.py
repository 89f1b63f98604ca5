"""What an evaluation does to one photo: prepare it, run the detectors, and compare with the truth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tamperscope.datasets._base import Dataset
from tamperscope.detectors._base import Detector
from tamperscope.errors import BadMask, OutputError, TamperscopeError
from tamperscope.evaluation.cache import Cache, Found
from tamperscope.evaluation.perturb import Perturbation, equalize
from tamperscope.io.decode import Limits, decode
from tamperscope.io.paths import display, unwritable
from tamperscope.metrics._base import Comparison, Metric
from tamperscope.types import Localization, Photo, Sample

__all__ = [
    "EXCLUDED",
    "FAILED",
    "JUDGED",
    "NOTHING",
    "NOT_APPLICABLE",
    "Answer",
    "Plan",
    "Task",
    "Verdicts",
    "judge",
    "lost",
]

JUDGED, NOT_APPLICABLE, FAILED, EXCLUDED = "judged", "not applicable", "failed", "excluded"

NOTHING = "(marks nothing)"  # a map of zeros, beside which every detector is shown


@dataclass(frozen=True)
class Plan:
    """What is done to every photo of an evaluation; passes between processes.

    ``qualities`` is the range that `equalize` draws from, None for files as they are.
    """

    dataset: Dataset
    detectors: Mapping[str, Detector]
    metrics: tuple[Metric, ...]
    cache: Cache
    rankings: Path
    qualities: tuple[int, int] | None = None
    seed: int = 0
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Task:
    """One photo, as it is or perturbed; ``index`` counts the tasks."""

    index: int
    sample: Sample
    perturbation: Perturbation | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of one detector on one photo; ``values`` are the metrics', in the plan's order.

    ``rates`` are the photo's true positive rates at the false positive rates `GRID`, ``ranking`` where its
    ranking lies. ``unmasked`` is why no place in the photo could be compared, if none could: metrics of
    whole photos have their values all the same.
    """

    status: str
    reason: str = ""
    threshold: float = np.nan
    score: float | None = None
    values: tuple[float | None, ...] = ()
    rates: NDArray[np.float64] | None = None
    ranking: Path | None = None
    unmasked: str = ""

    def status_for(self, metric: Metric) -> str:
        """Return the status that the metric's value has."""
        return EXCLUDED if self.unmasked and metric.level == "pixel" else self.status


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The answers for one photo by detector, and how many of them came from the cache.

    ``digest`` is that of the analysed bytes; empty if the photo is excluded, which every answer says then.
    """

    task: Task
    answers: Mapping[str, Answer]
    digest: str = ""
    cached: int = 0


def judge(task: Task, plan: Plan) -> Verdicts:
    """Judge one photo by all detectors; what is wrong with it is in the answers, never raised.

    Raises:
        OutputError: the cache or the rankings cannot be written.

    """
    place = display(task.sample.image)
    try:
        photo, truth, bad = _prepare(task.sample, task.perturbation, plan)
    except TamperscopeError as error:
        return _all(task, plan, Answer(EXCLUDED, str(error.at(place))))
    except Exception as error:  # noqa: BLE001  what Pillow or OpenCV say of one photo must not end the rest
        reason = f"{place}: cannot be prepared ({type(error).__name__}: {display(str(error))})"
        return _all(task, plan, Answer(EXCLUDED, reason))
    needed = any(metric.level == "pixel" for metric in plan.metrics)
    unmasked = str(bad.at(place)) if bad and needed else ""
    answers, cached = {}, 0
    for name, detector in plan.detectors.items():
        try:
            found, known = plan.cache.localize(detector, photo)
        except OutputError:
            raise
        except Exception as error:  # noqa: BLE001  one detector's defect must not end the evaluation
            answers[name] = Answer(
                FAILED, f"{type(error).__name__}: {display(str(error))}", unmasked=unmasked
            )
            continue
        cached += known
        answers[name] = _compare(found, truth, unmasked, plan, plan.rankings / f"{name}-{task.index}.npy")
    nothing = Found(Localization(np.zeros(truth.shape, np.float32), None), 0.5)
    answers[NOTHING] = _compare(nothing, truth, unmasked, plan, plan.rankings / f"nothing-{task.index}.npy")
    return Verdicts(task, answers, photo.digest, cached)


def lost(task: Task, plan: Plan) -> Verdicts:
    """Return what is said of a photo on which a worker died."""
    reason = "the process crashed or was killed, perhaps for want of memory; retry with --workers 1"
    return _all(task, plan, Answer(FAILED, reason))


def _all(task: Task, plan: Plan, answer: Answer) -> Verdicts:
    return Verdicts(task, dict.fromkeys([*plan.detectors, NOTHING], answer))


def prepare(sample: Sample, perturbation: Perturbation | None, plan: Plan) -> tuple[Photo, NDArray[np.bool_]]:
    """Return the photo that is analysed, and its truth.

    Raises:
        TamperscopeError: the photo or its mask cannot be used.

    """
    photo, truth, bad = _prepare(sample, perturbation, plan)
    if bad:
        raise bad
    return photo, truth


def _prepare(
    sample: Sample, perturbation: Perturbation | None, plan: Plan
) -> tuple[Photo, NDArray[np.bool_], BadMask | None]:
    """Return the photo that is analysed, its truth, and why its mask cannot be used, if it cannot.

    It was manipulated somewhere all the same: the truth is all of it then.
    """
    photo = decode(sample.image, limits=plan.limits)
    shape = photo.height, photo.width
    bad = None
    try:
        truth = plan.dataset.truth(sample, shape)
    except BadMask as error:
        truth, bad = np.ones(shape, bool), error
    if perturbation:
        data, truth = perturbation.apply(photo, truth, plan.seed)
        photo = decode(data, limits=plan.limits)
    if plan.qualities:
        data, truth = equalize(photo, truth, plan.seed, plan.qualities)
        photo = decode(data, limits=plan.limits)
    if sample.manipulated and not truth.any():
        raise BadMask("nothing manipulated is left of it", "perturb it less")
    return photo, truth, bad


def _save(comparison: Comparison, path: Path) -> None:
    try:
        comparison.ranking.save(path)
    except OSError as error:
        raise unwritable(path, error) from error


def _compare(found: Found, truth: NDArray[np.bool_], unmasked: str, plan: Plan, ranking: Path) -> Answer:
    if found.localization is None:
        return Answer(NOT_APPLICABLE, found.missing, found.threshold, unmasked=unmasked)
    comparison = Comparison(found.localization, truth, found.threshold)
    values = tuple(
        None if unmasked and metric.level == "pixel" else metric.observe(comparison)
        for metric in plan.metrics
    )
    curve = comparison.ranking.curve if comparison.manipulated and not unmasked else None
    pooled = not unmasked and any(metric.pooled for metric in plan.metrics)
    if pooled:
        _save(comparison, ranking)
    return Answer(
        JUDGED,
        found.localization.reason,
        found.threshold,
        found.localization.score,
        values,
        None if curve is None else curve.rates,
        ranking if pooled else None,
        unmasked,
    )
