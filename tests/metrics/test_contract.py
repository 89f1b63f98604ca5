"""What every metric promises."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamperscope import plugins
from tamperscope.errors import InvalidParameter, UnknownPlugin
from tamperscope.metrics._base import Comparison, Metric, Observations, Thresholded, parse_metric
from tamperscope.types import Localization

METRICS: list[Metric] = [metric for name in plugins.names("metrics") for metric in parse_metric(name)]
each_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


def comparison(seed: int = 0, shape: tuple[int, int] = (130, 70), share: float = 0.2) -> Comparison:
    rng = np.random.default_rng(seed)
    truth = rng.random(shape) < share
    heatmap = np.clip(rng.normal(0.4 + 0.2 * truth, 0.2), 0, 1).astype(np.float32)
    return Comparison(Localization(heatmap, float(rng.random())), truth, 0.6)


@each_metric
def test_it_says_what_it_means(metric: Metric) -> None:
    assert metric.title
    assert metric.convention.endswith(".")
    assert metric.of in ("manipulated", "pristine", "all")
    assert metric.level in ("pixel", "image")


@each_metric
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (64, 64), (130, 70)])
@pytest.mark.parametrize("share", [0, 0.2, 1])
def test_any_photo_has_a_finite_value_or_none(metric: Metric, shape: tuple[int, int], share: float) -> None:
    value = metric.observe(comparison(shape=shape, share=share))
    assert value is None or -1 <= value <= 1


@each_metric
def test_it_is_not_observed_on_photos_that_it_does_not_concern(metric: Metric) -> None:
    for share in (0, 0.2):
        if not metric.concerns(share > 0):
            assert metric.observe(comparison(share=share)) is None


@each_metric
def test_what_cannot_be_judged_is_not_marked_but_keeps_its_rank(metric: Metric) -> None:
    plain = comparison()
    valid = np.random.default_rng(1).random(plain.truth.shape) < 0.7
    blind = Localization(plain.localization.heatmap, 0.3, valid)
    marks = isinstance(metric, Thresholded) or metric.name == "patch_accuracy"
    same = Localization(plain.localization.heatmap * (valid if marks else 1), 0.3)
    found = metric.observe(Comparison(blind, plain.truth, 0.6))
    assert found == metric.observe(Comparison(same, plain.truth, 0.6))
    if isinstance(metric, Thresholded) and found is not None:
        assert found != metric.observe(Comparison(replace(blind, valid=None), plain.truth, 0.6))


@each_metric
def test_none_of_no_photos(metric: Metric) -> None:
    nothing = Observations(np.empty(0), np.empty(0, bool), 0.5)
    assert np.isnan(metric.summarize(nothing)).all()
    assert np.isnan(metric.summarize(nothing, np.empty((3, 0)))).all()


@pytest.mark.parametrize("metric", [metric for metric in METRICS if not metric.pooled], ids=lambda m: m.name)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 12))
def test_a_weight_is_the_number_of_times_that_a_photo_counts(metric: Metric, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    values, labels = rng.integers(0, 5, n) / 4, rng.random(n) < 0.5
    weights = rng.integers(0, 3, (2, n))
    found = metric.summarize(Observations(values, labels, 0.5), weights.astype(float))
    for counts, number in zip(weights, found, strict=True):
        repeated = Observations(np.repeat(values, counts), np.repeat(labels, counts), 0.5)
        np.testing.assert_allclose(number, metric.summarize(repeated)[0], atol=1e-12)


def test_a_truth_of_another_shape_is_refused() -> None:
    found = comparison()
    with pytest.raises(ValueError, match="truth must be bool"):
        Comparison(found.localization, found.truth.T, 0.5)


def test_names_carry_the_threshold() -> None:
    assert [metric.name for metric in parse_metric("pixel_f1@0.25")] == ["pixel_f1@0.25"]
    assert [metric.name for metric in parse_metric("image_auc")] == ["image_auc"]


@pytest.mark.parametrize("text", ["pixel_f1@0", "pixel_f1@1.5", "pixel_f1@nan", "pixel_f1@", "pixel_auc@0.5"])
def test_thresholds_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(InvalidParameter):
        parse_metric(text)


def test_the_best_threshold_is_not_offered_where_it_means_nothing() -> None:
    with pytest.raises(InvalidParameter, match="false_alarm_area"):
        parse_metric("false_alarm_area@best")


def test_a_metric_without_threshold_says_so() -> None:
    with pytest.raises(InvalidParameter, match="pixel_auc takes no threshold; write pixel_auc"):
        parse_metric("pixel_auc@0.5")


def test_an_unknown_metric_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownPlugin, match="did you mean 'pixel_auc'"):
        parse_metric("pixel_aux")


def test_thresholded_metrics_know_their_threshold() -> None:
    assert {metric.name.partition("@")[0] for metric in METRICS if isinstance(metric, Thresholded)} == {
        metric.name.partition("@")[0] for metric in METRICS if "@" in metric.name
    }
