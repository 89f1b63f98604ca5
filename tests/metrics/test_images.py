"""Metrics of whole photos against scikit-learn and a naive loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as reference

from tamperscope.metrics._base import Comparison, Observations, parse_metric
from tamperscope.types import Localization


@st.composite
def verdicts(draw: st.DrawFn) -> Observations:
    n = draw(st.integers(1, 30))
    scores = draw(
        st.lists(st.one_of(st.sampled_from([0.0, 0.2, 0.5, 1.0]), st.floats(0, 1)), min_size=n, max_size=n)
    )
    labels = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    return Observations(np.array(scores), np.array(labels), 0.5)


def summarize(name: str, observed: Observations) -> float:
    (metric,) = parse_metric(name)
    return float(metric.summarize(observed)[0])


def expect(found: float, expected: float) -> None:
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(verdicts())
def test_auc_is_scikit_learns(observed: Observations) -> None:
    both = 0 < observed.manipulated.mean() < 1
    expected = reference.roc_auc_score(observed.manipulated, observed.values) if both else np.nan
    expect(summarize("image_auc", observed), expected)


@given(verdicts())
def test_f1_is_scikit_learns(observed: Observations) -> None:
    accused = observed.values >= 0.5
    defined = (accused | observed.manipulated).any()
    expected = reference.f1_score(observed.manipulated, accused, zero_division=0) if defined else np.nan
    expect(summarize("image_f1", observed), expected)


@given(verdicts())
def test_balanced_accuracy_is_scikit_learns(observed: Observations) -> None:
    both = 0 < observed.manipulated.mean() < 1
    accused = observed.values >= 0.5
    expected = reference.balanced_accuracy_score(observed.manipulated, accused) if both else np.nan
    expect(summarize("balanced_accuracy", observed), expected)


def naive_calibration(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    total = 0.0
    for index in range(10):
        inside = [place for place, score in enumerate(scores) if min(int(score * 10), 9) == index]
        if inside:
            gap = np.mean([scores[place] for place in inside]) - np.mean([labels[place] for place in inside])
            total += abs(gap) * len(inside) / len(scores)
    return float(total)


@given(verdicts())
def test_calibration_error_is_a_naive_loops(observed: Observations) -> None:
    expect(summarize("calibration_error", observed), naive_calibration(observed.values, observed.manipulated))


@pytest.mark.parametrize("name", ["image_auc", "image_f1", "balanced_accuracy", "calibration_error"])
def test_a_detector_without_scores_is_undefined_not_zero(name: str) -> None:
    silent = Localization(np.zeros((8, 8), np.float32), None)
    (metric,) = parse_metric(name)
    assert metric.observe(Comparison(silent, np.ones((8, 8), bool), 0.5)) is None
