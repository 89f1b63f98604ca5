"""From the values of many photos to the numbers that are printed, with their intervals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tamperscope.evaluation.judge import EXCLUDED, FAILED, JUDGED, NOT_APPLICABLE, NOTHING, Answer
from tamperscope.metrics._base import Floats, Metric, Observations, ratio
from tamperscope.metrics._ranking import GRID, Curve, merge
from tamperscope.types import Sample

__all__ = [
    "FEWEST_GROUPS",
    "RESAMPLES",
    "Difference",
    "Number",
    "Series",
    "differences",
    "interval",
    "numbers",
]

RESAMPLES = 2000
_AT_ONCE = 4_000_000  # weights held in memory
FEWEST_GROUPS = 5  # of which an interval is made; of fewer it would look like certainty


@dataclass(eq=False)
class Series:
    """A detector's answers to the photos of a data set, in their order."""

    detector: str
    samples: list[Sample] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    curves: int = 0
    pooled: Curve | None = None
    _rates: Floats = field(default_factory=lambda: np.zeros(GRID.size))

    def add(self, sample: Sample, answer: Answer) -> None:
        """Take an answer, less what would make many of them large."""
        if answer.rates is not None:
            self._rates += answer.rates
            self.curves += 1
        self.samples.append(sample)
        self.answers.append(
            replace(answer, rates=None, reason="" if answer.status == JUDGED else answer.reason)
        )

    @property
    def rates(self) -> Floats | None:
        """The mean of the photos' ROC curves, of which there are ``curves``."""
        return self._rates / self.curves if self.curves else None

    def observed(
        self, place: int, metric: Metric, chosen: NDArray[np.bool_]
    ) -> "tuple[Observations, NDArray[np.bool_]]":
        """Return what the metric at this ``place`` observed among the ``chosen`` photos, and on which."""
        found = np.array([_value(answer, place) for answer in self.answers], float)
        concerned = self.concerned(metric) & chosen
        used = concerned & (self.having(JUDGED, metric) if metric.pooled else ~np.isnan(found))
        thresholds = np.array([answer.threshold for answer in self.answers])
        pooled = self.pooled if metric.pooled else None
        return Observations(found[used], self.manipulated[used], thresholds[used], pooled), used

    def pool(self) -> None:
        """Trace the ROC curve of all photos' pixels, and delete their rankings."""
        paths = [answer.ranking for answer in self.answers if answer.ranking]
        self.pooled = merge(paths)
        for path in paths:
            path.unlink()

    @property
    def manipulated(self) -> NDArray[np.bool_]:
        """Which photos are manipulated, bool ``(n,)``."""
        return np.array([sample.manipulated for sample in self.samples], bool)

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Which photos the detector could judge, bool ``(n,)``."""
        return self.having(JUDGED)

    def having(self, status: str, metric: Metric | None = None) -> NDArray[np.bool_]:
        """Return which photos have this status, bool ``(n,)``; for a metric, if one is given."""
        found = (answer.status_for(metric) if metric else answer.status for answer in self.answers)
        return np.array([one == status for one in found], bool)

    def concerned(self, metric: Metric) -> NDArray[np.bool_]:
        """Return which photos the metric concerns, bool ``(n,)``."""
        return np.array([metric.concerns(sample.manipulated) for sample in self.samples], bool)


def _value(answer: Answer, place: int) -> float:
    value = answer.values[place] if answer.values else None
    return np.nan if value is None else value


@dataclass(frozen=True)
class Number:
    """A metric's number for a detector on a set of photos, and how many stand behind it.

    ``low`` and ``high`` bound the 95% bootstrap interval; None, like ``value``, where undefined. ``n`` photos
    have a value; of the others that the metric concerns, it is undefined for some, the detector is not
    applicable to some, failed on some, and some were excluded: metrics of places cannot use those without a
    mask.
    """

    detector: str
    subset: str
    metric: str
    level: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    undefined: int
    not_applicable: int
    failed: int
    excluded: int


@dataclass(frozen=True)
class Difference:
    """How much more ``detector`` has than ``than`` on the ``n`` photos that both judged."""

    detector: str
    than: str
    metric: str
    level: str
    value: float | None
    low: float | None
    high: float | None
    n: int


def numbers(series: Series, metrics: Sequence[Metric], seed: int) -> Iterator[Number]:
    """Yield every metric's number: for all photos, and for each kind of manipulation if there are several."""
    kinds = sorted({sample.kind for sample in series.samples if sample.manipulated})
    subsets = {"all": np.ones(len(series.samples), bool)}
    if len(kinds) > 1:
        of = np.array([sample.kind for sample in series.samples])
        subsets |= {kind or "unknown kind": (of == kind) & series.manipulated for kind in kinds}
    for subset, chosen in subsets.items():
        for place, metric in enumerate(metrics):
            if subset == "all" or (metric.of == "manipulated"):
                yield _number(series, subset, chosen, place, metric, seed)


def _number(
    series: Series, subset: str, chosen: NDArray[np.bool_], place: int, metric: Metric, seed: int
) -> Number:
    observed, used = series.observed(place, metric, chosen)
    concerned = series.concerned(metric) & chosen
    low, high = interval(_resampled(observed, metric, _groups(series, used), seed))
    counts = {
        status: int((series.having(status, metric) & concerned).sum())
        for status in (NOT_APPLICABLE, FAILED, EXCLUDED)
    }
    return Number(
        series.detector,
        subset,
        metric.name,
        metric.level,
        _defined(metric.summarize(observed)[0]),
        low,
        high,
        n=int(used.sum()),
        undefined=int((concerned & series.having(JUDGED, metric) & ~used).sum()),
        not_applicable=counts[NOT_APPLICABLE],
        failed=counts[FAILED],
        excluded=counts[EXCLUDED],
    )


def differences(all_series: Sequence[Series], metrics: Sequence[Metric], seed: int) -> Iterator[Difference]:
    """Yield, for each pair of detectors and metric, the paired difference on the photos that both judged."""
    for first, second in combinations((one for one in all_series if one.detector != NOTHING), 2):
        for place, metric in enumerate(metrics):
            if metric.pooled:
                continue
            everything = np.ones(len(first.samples), bool)
            both = (
                first.observed(place, metric, everything)[1] & second.observed(place, metric, everything)[1]
            )
            observed = [series.observed(place, metric, both)[0] for series in (first, second)]
            groups = _groups(first, both)
            resampled = [_resampled(one, metric, groups, seed) for one in observed]  # the same photos in both
            gap = metric.summarize(observed[0])[0] - metric.summarize(observed[1])[0]
            low, high = interval(resampled[0] - resampled[1])
            yield Difference(
                first.detector,
                second.detector,
                metric.name,
                metric.level,
                _defined(gap),
                low,
                high,
                int(both.sum()),
            )


def _groups(series: Series, used: NDArray[np.bool_]) -> NDArray[np.intp]:
    names = [sample.group for sample, use in zip(series.samples, used, strict=True) if use]
    return np.unique(names, return_inverse=True)[1] if names else np.empty(0, np.intp)


def _resampled(observed: Observations, metric: Metric, groups: NDArray[np.intp], seed: int) -> Floats:
    """Return the metric ``(RESAMPLES,)`` on photos drawn with replacement, group by group.

    Photos that share a source are no independent witnesses, so they are drawn together.
    """
    count = int(groups.max(initial=-1)) + 1
    if metric.pooled or count < FEWEST_GROUPS:
        return np.full(RESAMPLES, np.nan)
    drawn = _drawn(count, seed)
    if type(metric)._summarize is Metric._summarize:  # a mean needs the sums of the groups only
        sums = [np.bincount(groups, values, count) for values in (observed.values, np.ones(groups.size))]
        totals: NDArray[np.float64] = np.stack(sums) @ drawn.T.astype(np.float64)
        return ratio(totals[0], totals[1])
    step = max(1, _AT_ONCE // groups.size)
    parts = [
        metric.summarize(observed, drawn[first : first + step, groups].astype(float))
        for first in range(0, RESAMPLES, step)
    ]
    return np.concatenate(parts)


@lru_cache(maxsize=2)
def _drawn(count: int, seed: int) -> NDArray[np.int32]:
    """Return how often each of ``count`` groups is drawn, (RESAMPLES, count)."""
    rng = np.random.default_rng(seed)
    return np.stack(
        [
            np.bincount(rng.integers(0, count, count), minlength=count).astype(np.int32)
            for _ in range(RESAMPLES)
        ]
    )


def interval(resampled: Floats) -> tuple[float | None, float | None]:
    """Return the 2.5% and 97.5% quantiles of what is defined; None unless nearly all of it is."""
    defined = resampled[~np.isnan(resampled)]
    if defined.size < 0.95 * resampled.size:
        return None, None
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
