"""Metrics of places against scikit-learn, naive loops and properties."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn import metrics as reference

from tamperscope.metrics._base import Comparison, Confusion, Observations, parse_metric
from tamperscope.metrics._ranking import GRID, Ranking, merge
from tamperscope.types import Localization

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

coarse = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])  # ties
heat = st.one_of(coarse, st.floats(0, 1, width=32))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Floats, Bools]:
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    return draw(hnp.arrays(np.float32, shape, elements=heat)), draw(hnp.arrays(np.bool_, shape))


def observe(name: str, heatmap: Floats, truth: Bools, threshold: float = 0.5) -> float | None:
    (metric,) = parse_metric(name)
    return metric.observe(Comparison(Localization(heatmap, None), truth, threshold))


@given(pairs())
def test_auc_is_scikit_learns(pair: tuple[Floats, Bools]) -> None:
    heatmap, truth = pair
    found = observe("pixel_auc", heatmap, truth)
    if truth.all() or not truth.any():
        assert found is None
    else:
        assert found == pytest.approx(reference.roc_auc_score(truth.ravel(), heatmap.ravel()), abs=1e-12)


@given(pairs())
def test_a_monotone_map_keeps_auc_and_best_scores(pair: tuple[Floats, Bools]) -> None:
    heatmap, truth = pair
    bent = np.sqrt(heatmap)
    if np.unique(bent).size == np.unique(heatmap).size:  # rounding made no new ties
        for name in ("pixel_auc", "pixel_f1@best", "pixel_mcc@best", "pixel_iou@best"):
            assert observe(name, bent, truth) == observe(name, heatmap, truth)


@given(pairs())
def test_turning_heat_and_truth_around_keeps_auc(pair: tuple[Floats, Bools]) -> None:
    heatmap, truth = pair
    turned = ((4 - np.searchsorted(np.unique(heatmap), heatmap)) / 100 + 0.5).astype(np.float32)
    if truth.any() and not truth.all():
        assert observe("pixel_auc", turned, ~truth) == pytest.approx(observe("pixel_auc", heatmap, truth))


@given(pairs(), st.sampled_from([0.1, 0.5, 1.0]))
def test_scores_at_a_threshold_are_scikit_learns(pair: tuple[Floats, Bools], threshold: float) -> None:
    heatmap, truth = pair
    marked, flat = (heatmap >= np.float32(threshold)).ravel(), truth.ravel()
    expected = {
        "pixel_f1": reference.f1_score(flat, marked, zero_division=0),
        "pixel_iou": reference.jaccard_score(flat, marked, zero_division=0),
        "segmentation_accuracy": reference.accuracy_score(flat, marked),
    }
    for name, value in expected.items():
        found = observe(f"{name}@{float(np.float32(threshold))}", heatmap, truth)
        assert found == (pytest.approx(value, abs=1e-12) if truth.any() else None)
    if not truth.any():
        assert observe(f"false_alarm_area@{threshold}", heatmap, truth) == pytest.approx(
            (heatmap >= threshold).mean()
        )


@given(pairs())
def test_correlation_is_scikit_learns_where_the_truth_varies(pair: tuple[Floats, Bools]) -> None:
    heatmap, truth = pair
    found = observe("pixel_mcc@card", heatmap, truth)
    if truth.all() or not truth.any():
        assert found is None
    else:
        expected = reference.matthews_corrcoef(truth.ravel(), (heatmap >= 0.5).ravel())
        assert found == pytest.approx(expected, abs=1e-9)


@given(pairs())
def test_swapping_mask_and_truth_swaps_precision_and_recall(pair: tuple[Floats, Bools]) -> None:
    heatmap, truth = pair
    marked = heatmap >= 0.5
    one = Confusion.at(Comparison(Localization(heatmap, None), truth, 0.5), 0.5)
    other = Confusion.at(Comparison(Localization(truth.astype(np.float32), None), marked, 0.5), 0.5)
    assert one.true_positives == other.true_positives
    assert one.false_positives == other.false_negatives
    assert one.false_negatives == other.false_positives
    if truth.any() and marked.any():
        swapped = truth.astype(np.float32)
        assert observe("pixel_f1@card", heatmap, truth) == observe("pixel_f1@card", swapped, marked)


@given(pairs())
def test_the_best_threshold_is_the_best_of_all(pair: tuple[Floats, Bools]) -> None:
    heatmap, truth = pair
    for name in ("pixel_f1", "pixel_mcc", "pixel_iou"):
        found = observe(f"{name}@best", heatmap, truth)
        thresholds = [float(value) for value in np.unique(heatmap) if value > 1e-30]
        tried = [observe(f"{name}@{value!r}", heatmap, truth) for value in thresholds]
        values = [value for value in tried if value is not None]
        if found is not None and (heatmap > 1e-30).all():
            assert found == pytest.approx(max([*values, 0 if name != "pixel_mcc" else -1]), abs=1e-6) or (
                name == "pixel_mcc" and found == 0  # marking nothing beats an inverted map
            )


@given(pairs(), st.data())
def test_no_threshold_marks_what_is_not_judged(pair: tuple[Floats, Bools], data: st.DataObject) -> None:
    heatmap, truth = pair
    valid = data.draw(hnp.arrays(np.bool_, truth.shape))
    found = Confusion.sweep(Comparison(Localization(heatmap, None, valid), truth, 0.5))
    marks = [heatmap >= value for value in [2.0, *np.unique(heatmap[valid])[::-1]]]
    expected = [(np.sum(mark & valid & truth), np.sum(mark & valid & ~truth)) for mark in marks]
    assert list(zip(found.true_positives, found.false_positives, strict=True)) == expected
    assert set(found.true_positives + found.false_negatives) == {np.sum(truth)}
    (metric,) = parse_metric("pixel_f1@best")
    nothing = np.zeros_like(valid)
    assert not metric.observe(Comparison(Localization(heatmap, None, nothing), truth, 0.5))


@pytest.mark.parametrize("shape", [(64, 64), (130, 200), (63, 500)])
def test_patch_accuracy_is_a_naive_loops(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    truth = np.kron(rng.random((8, 16)) < 0.3, np.ones((25, 40), bool))[: shape[0], : shape[1]]
    heatmap = np.kron(rng.random((8, 16)), np.ones((25, 40)))[: shape[0], : shape[1]].astype(np.float32)
    right = []
    for top in range(0, shape[0] - 63, 64):
        for left in range(0, shape[1] - 63, 64):
            window = slice(top, top + 64), slice(left, left + 64)
            right.append((truth[window].mean() > 0.125) == ((heatmap[window] >= 0.5).mean() > 0.125))
    found = observe("patch_accuracy", heatmap, truth)
    assert found == (pytest.approx(np.mean(right)) if right else None)


def test_minus_zero_is_zero() -> None:
    heatmap = np.array([[-0.0, 0.0, 1.0]], np.float32)
    assert Ranking.of(heatmap, heatmap > 0).values.tolist() == [0, 1]


@given(st.lists(pairs(), min_size=1, max_size=6), st.integers(1, 40))
def test_pooling_saved_rankings_is_exact(
    tmp_path_factory: pytest.TempPathFactory, photos: list[tuple[Floats, Bools]], at_once: int
) -> None:
    folder = tmp_path_factory.mktemp("rankings")
    paths = [folder / f"{index}.npy" for index in range(len(photos))]
    for path, (heatmap, truth) in zip(paths, photos, strict=True):
        Ranking.of(heatmap, truth).save(path)
    scores = np.concatenate([heatmap.ravel() for heatmap, _ in photos])
    truths = np.concatenate([truth.ravel() for _, truth in photos])
    curve = merge(paths, at_once)
    if truths.all() or not truths.any():
        assert curve is None
        return
    assert curve is not None
    assert curve.auc == pytest.approx(reference.roc_auc_score(truths, scores), abs=1e-12)
    false, true, _ = reference.roc_curve(truths, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.rates, np.interp(GRID, false, true), atol=1e-12)
    whole = Ranking.of(scores.reshape(1, -1), truths.reshape(1, -1)).curve
    assert whole is not None
    np.testing.assert_allclose(whole.rates, curve.rates, atol=1e-12)
    (metric,) = parse_metric("pixel_auc_pooled")
    observed = Observations(np.empty(0), np.empty(0, bool), 0.5, curve)
    assert metric.summarize(observed)[0] == pytest.approx(curve.auc, abs=1e-12)


def test_pooled_counts_may_be_huge(tmp_path: Path) -> None:
    # 4e9 pixels of each kind in two values: products beyond 64 bits, without the pixels.
    many = np.array([3_000_000_000, 1_000_000_000])
    path = tmp_path / "huge.npy"
    Ranking(np.array([0.25, 0.75], np.float32), many[::-1].copy(), many).save(path)
    curve = merge([path, path, path])
    assert curve is not None
    assert curve.auc == pytest.approx((0.75 * 0.75 + (0.75 * 0.25 + 0.25 * 0.75) / 2), abs=1e-12)


@pytest.mark.parametrize("name", ["pixel_auc", "pixel_f1"])
def test_photos_that_are_not_called_manipulated_are_left_out(name: str) -> None:
    heatmap, truth = np.array([[0.9, 0.2, 0.6]], np.float32), np.array([[True, False, False]])
    (plain,), (called,) = (
        parse_metric(f"{name}@card" if name == "pixel_f1" else name),
        parse_metric(f"{name}_called"),
    )
    for score, counts in ((None, False), (0.49, False), (0.5, True)):
        comparison = Comparison(Localization(heatmap, score), truth, 0.5)
        expected = plain.observe(comparison) if counts else None
        assert called.observe(comparison) == expected
        assert plain.observe(comparison) is not None
