"""From values to numbers: counts, intervals, differences."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tamperscope.evaluation.judge import EXCLUDED, FAILED, JUDGED, NOT_APPLICABLE, Answer
from tamperscope.evaluation.summary import Series, differences, interval, numbers
from tamperscope.metrics._base import parse_metric
from tamperscope.types import Sample

METRICS = [*parse_metric("pixel_auc"), *parse_metric("false_alarm_area@card"), *parse_metric("image_auc")]


def series(
    values: NDArray[np.float64],
    *,
    name: str = "one",
    groups: int | None = None,
    kinds: tuple[str, ...] = ("splice",),
) -> Series:
    """Manipulated photos with these values of the first metric, and as many pristine ones."""
    found = Series(name)
    for manipulated in (True, False):
        for place, value in enumerate(values):
            group = f"{place % (groups or len(values))}"
            kind = kinds[place % len(kinds)] if manipulated else ""
            found.samples.append(Sample(f"{manipulated}{place}", Path("x"), manipulated, group, kind=kind))
            score = float(value if manipulated else 1 - value)
            own = (None if np.isnan(value) else float(value), None) if manipulated else (None, 0.25)
            found.answers.append(Answer(JUDGED, threshold=0.5, score=score, values=(*own, score)))
    return found


def test_the_interval_is_the_one_of_a_naive_bootstrap() -> None:
    values = np.random.default_rng(0).random(60)
    first = next(iter(numbers(series(values), METRICS, 1)))
    assert first.value == pytest.approx(values.mean())
    rng = np.random.default_rng(9)
    means = [rng.choice(values, 60).mean() for _ in range(4000)]
    assert (first.low, first.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.01)
    assert first == next(iter(numbers(series(values), METRICS, 1)))


def test_photos_that_share_a_source_are_drawn_together() -> None:
    values = np.tile(np.random.default_rng(0).random(6), 20)
    apart, together = (next(iter(numbers(series(values, groups=groups), METRICS, 1))) for groups in (None, 6))
    assert apart.low is not None
    assert apart.high is not None
    assert together.low is not None
    assert together.high is not None
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_everything_is_counted_and_nothing_is_zero() -> None:
    found = series(np.array([0.9, np.nan, 0.7, 0.5, 0.3, 0.1]))
    for place, status in ((3, NOT_APPLICABLE), (4, FAILED), (5, EXCLUDED)):
        found.answers[place] = Answer(status)
    auc, area, image = numbers(found, METRICS, 0)
    assert (auc.n, auc.undefined, auc.not_applicable, auc.failed, auc.excluded) == (2, 1, 1, 1, 1)
    assert auc.value == pytest.approx(0.8)
    assert (area.n, area.undefined, area.value) == (6, 0, 0.25)
    assert (image.n, image.level) == (7, "image")  # two photos have no score


def test_nothing_judged_is_undefined() -> None:
    found = series(np.array([0.5]))
    found.answers = [Answer(NOT_APPLICABLE), Answer(NOT_APPLICABLE)]
    for number in numbers(found, METRICS, 0):
        assert (number.value, number.low, number.high, number.n) == (None, None, None, 0)


def test_kinds_have_their_own_numbers() -> None:
    found = list(numbers(series(np.arange(8) / 8, kinds=("splice", "copy-move")), METRICS, 0))
    subsets = {(number.subset, number.metric): number for number in found}
    assert subsets["splice", "pixel_auc"].n == subsets["copy-move", "pixel_auc"].n == 4
    assert ("splice", "image_auc") not in subsets
    assert subsets["all", "pixel_auc"].n == 8


def test_differences_are_paired() -> None:
    values = np.random.default_rng(0).random(50) * 0.8
    one, other = series(values + 0.1, name="one"), series(values, name="other")
    gap = next(iter(differences([one, other], METRICS, 0)))
    assert (gap.detector, gap.than, gap.metric, gap.n) == ("one", "other", "pixel_auc", 50)
    assert (gap.value, gap.low, gap.high) == pytest.approx((0.1, 0.1, 0.1))


def test_differences_are_taken_where_both_judged() -> None:
    one, other = series(np.array([0.9, 0.8, 0.7])), series(np.array([0.5, 0.6, np.nan]), name="other")
    one.answers[0] = Answer(NOT_APPLICABLE)
    gap = next(iter(differences([one, other], METRICS, 0)))
    assert gap.n == 1
    assert gap.value == pytest.approx(0.2)


def test_an_interval_of_hardly_anything_is_none() -> None:
    assert interval(np.array([np.nan, np.nan, 1.0])) == (None, None)
    assert interval(np.full(100, 0.5)) == (0.5, 0.5)


def test_few_groups_make_no_interval() -> None:
    number = next(iter(numbers(series(np.random.default_rng(0).random(40), groups=4), METRICS, 0)))
    assert number.value is not None
    assert (number.low, number.high) == (None, None)
