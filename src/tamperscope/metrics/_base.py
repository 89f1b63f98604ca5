"""What every metric is: a value for each photo, and how the values of many make one number."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tamperscope import plugins
from tamperscope.errors import InvalidParameter
from tamperscope.metrics._ranking import Curve, Ranking
from tamperscope.plugins import Configurable, option
from tamperscope.types import Localization

__all__ = [
    "Comparison",
    "Confusion",
    "Metric",
    "Observations",
    "Scored",
    "Thresholded",
    "mean",
    "parse_metric",
    "ratio",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """A localization beside the truth, bool of its shape; what several metrics need is computed once.

    Every pixel counts. Where the detector cannot judge it marks nothing, whatever its heat, but heat is
    ranked as it is: that it cannot tell puts a pixel between the pristine and the manipulated ones.
    ``threshold`` is the detector's own, of its card.
    """

    localization: Localization
    truth: NDArray[np.bool_]
    threshold: float

    def __post_init__(self) -> None:
        shape = self.localization.heatmap.shape
        if self.truth.dtype != np.bool_ or self.truth.shape != shape:
            raise ValueError(f"truth must be bool {shape}, not {self.truth.dtype} {self.truth.shape}")

    @cached_property
    def manipulated(self) -> bool:
        """Whether the truth marks anything."""
        return bool(self.truth.any())

    @property
    def called(self) -> bool:
        """Whether the detector calls the photo manipulated."""
        score = self.localization.score
        return score is not None and score >= self.threshold

    @cached_property
    def ranking(self) -> Ranking:
        """The pixels in the order of their heat."""
        return Ranking.of(self.localization.heatmap, self.truth)

    @cached_property
    def marking(self) -> Ranking:
        """The pixels in the order in which a falling threshold marks them."""
        heat, valid = self.localization.heatmap, self.localization.valid
        return self.ranking if valid is None else Ranking.of(heat[valid], self.truth[valid])

    def mask(self, threshold: float) -> NDArray[np.bool_]:
        """Return what is marked at the threshold, bool."""
        return self.localization.mask(threshold)


@dataclass(frozen=True, eq=False)
class Confusion:
    """Numbers of pixels by mark and truth: one of each, or ``(k,)`` for as many thresholds."""

    true_positives: Floats
    false_positives: Floats
    false_negatives: Floats
    true_negatives: Floats

    @classmethod
    def at(cls, comparison: Comparison, threshold: float) -> "Confusion":
        """Count at one threshold."""
        marked = comparison.mask(threshold)
        true = np.count_nonzero(marked & comparison.truth)
        false = np.count_nonzero(marked) - true
        return cls._of(comparison.truth, np.array([true]), np.array([false]))

    @classmethod
    def sweep(cls, comparison: Comparison) -> "Confusion":
        """Count at every threshold that makes a difference, from marking nothing to all that is judged."""
        return cls._of(comparison.truth, *comparison.marking.sweep)

    @classmethod
    def _of(cls, truth: NDArray[np.bool_], true: NDArray[np.int64], false: NDArray[np.int64]) -> "Confusion":
        positives = np.count_nonzero(truth)
        counts = true, false, positives - true, truth.size - positives - false
        return cls(*(count.astype(np.float64) for count in counts))


@dataclass(frozen=True, eq=False)
class Observations:
    """What a metric observed on ``n`` photos where it is defined, and the photos' labels and thresholds.

    ``pooled`` is the curve of all their pixels, if the metric pools them.
    """

    values: Floats
    manipulated: NDArray[np.bool_]
    threshold: Floats | float
    pooled: Curve | None = None


@dataclass(frozen=True)
class Metric(Configurable, ABC):
    """A measure of localizations against the truth.

    ``of`` says which photos it is observed on, and ``level`` whether it speaks of places or of whole
    photos. ``higher_is_better`` orders examples. ``variants`` are the values of `at` that an evaluation
    shows unless told otherwise; ``pooled`` metrics have no value for a single photo.
    """

    title: ClassVar[str]
    convention: ClassVar[str]
    of: ClassVar[Literal["manipulated", "pristine", "all"]] = "manipulated"
    level: ClassVar[Literal["pixel", "image"]] = "pixel"
    higher_is_better: ClassVar[bool] = True
    variants: ClassVar[tuple[str, ...]] = ()
    pooled: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The registered name, with the threshold behind it where there is one: ``pixel_f1@card``."""
        at = getattr(self, "at", None)
        return plugins.name_of(self) + (f"@{at}" if at else "")

    def concerns(self, manipulated: bool) -> bool:
        """Tell whether the metric is observed on such photos at all."""
        return self.of == "all" or (self.of == "manipulated") == manipulated

    def observe(self, comparison: Comparison) -> float | None:
        """Return the photo's value; None where it is undefined or the metric does not concern the photo."""
        if not self.concerns(comparison.manipulated):
            return None
        value = self._observe(comparison)
        return None if value is None or np.isnan(value) else float(value)

    @abstractmethod
    def _observe(self, comparison: Comparison) -> float | None: ...

    def summarize(self, observed: Observations, weights: Floats | None = None) -> Floats:
        """Return what the values make together, ``(b,)``: one for each row of ``weights`` (b, n), or NaN.

        A weight says how often a photo counts; without weights, each counts once and ``b`` is 1.
        """
        if weights is None:
            weights = np.ones((1, observed.values.size))
        if not observed.values.size:
            return np.full(len(weights), np.nan)
        return self._summarize(observed, weights)

    def _summarize(self, observed: Observations, weights: Floats) -> Floats:
        return mean(observed.values, weights)


def mean(values: Floats, weights: Floats) -> Floats:
    """Return the means ``(b,)`` of ``values`` (n,), weighted by the rows of ``weights`` (b, n)."""
    return ratio(weights @ values, weights.sum(axis=1))


def ratio(above: Floats, below: Floats) -> Floats:
    """Divide, 0 / 0 and anything by 0 being NaN."""
    quotient = np.full(np.broadcast(above, below).shape, np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient


@dataclass(frozen=True)
class Thresholded(Metric, ABC):
    """A metric of the pixels marked at a threshold; subclasses say what it makes of a `Confusion`."""

    variants: ClassVar[tuple[str, ...]] = ("0.5", "card", "best")

    at: str = option("card", "threshold: card (the detector's own), best (of each photo), or a number")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.at not in {"card", *self.variants} and not _is_threshold(self.at):
            words = " or ".join(word for word in ("card", "best") if word in {"card", *self.variants})
            raise InvalidParameter(
                f"{plugins.name_of(self)} has no threshold {self.at!r}",
                f"give {words}, or a number above 0 up to 1",
            )

    def _observe(self, comparison: Comparison) -> float | None:
        if self.at == "best":
            values = self._measure(Confusion.sweep(comparison))
            return None if np.isnan(values).all() else float(np.nanmax(values))
        threshold = comparison.threshold if self.at == "card" else float(self.at)
        return float(self._measure(Confusion.at(comparison, threshold))[0])

    @abstractmethod
    def _measure(self, counts: Confusion) -> Floats: ...


@dataclass(frozen=True)
class Scored(Metric, ABC):
    """A metric of the scores of whole photos, manipulated and pristine."""

    of: ClassVar[Literal["manipulated", "pristine", "all"]] = "all"
    level: ClassVar[Literal["pixel", "image"]] = "image"

    def _observe(self, comparison: Comparison) -> float | None:
        return comparison.localization.score

    @abstractmethod
    def _summarize(self, observed: Observations, weights: Floats) -> Floats: ...


def _is_threshold(text: str) -> bool:
    try:
        return 0 < float(text) <= 1
    except ValueError:
        return False


def parse_metric(text: str) -> list[Metric]:
    """Return the metrics that ``name`` or ``name@threshold`` stands for: without a threshold, all shown ones.

    >>> [metric.name for metric in parse_metric("pixel_f1")]
    ['pixel_f1@0.5', 'pixel_f1@card', 'pixel_f1@best']

    Raises:
        UnknownPlugin, InvalidParameter: there is none of that name, or not at that threshold.

    """
    name, given, at = text.partition("@")
    if given and not issubclass(plugins.load("metrics", name), Thresholded):
        raise InvalidParameter(f"{name} takes no threshold", f"write {name}")
    if _is_threshold(at):
        at = repr(float(at))
    variants = (at,) if given else plugins.load("metrics", name).variants
    if not variants:
        return [plugins.build("metrics", name)]
    return [plugins.build("metrics", name, at=variant) for variant in variants]
