from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from networks_made import write_network
from tamperscope import plugins
from tamperscope.detectors._learned import Look
from tamperscope.errors import TamperscopeError
from tamperscope.io.decode import decode
from tamperscope.training.calibrate import (
    _counts,
    _f1,
    _platt,
    _versions,
    _window,
    calibrate,
    fit_threshold,
)
from tamperscope.training.config import Training
from tamperscope.training.data import open_splits
from tamperscope.types import Localization, Photo
from training_made import write_set


def test_f1_at_every_threshold_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    heat, mask = rng.random((20, 30), np.float32), rng.random((20, 30)) < 0.3
    heat[0, :5] = 0.5  # a pixel at the threshold is marked
    found = _f1(heat, mask)
    for place in (0, 24, 49, 98):
        marked = heat >= (place + 1) / 100
        assert found[place] == pytest.approx(f1_score(mask.ravel(), marked.ravel()))


def test_the_threshold_is_where_the_mean_is_highest() -> None:
    curves = np.zeros((2, 99))
    curves[0, 10], curves[1, 29] = 0.5, 0.8
    assert fit_threshold(list(curves)) == 0.3


def test_the_score_is_a_logistic_regression() -> None:
    rng = np.random.default_rng(1)
    labels = rng.random(4000) < 0.2
    suspicions = rng.normal(labels * 1.0, 1.0)
    line = _platt(suspicions, labels)
    assert line is not None
    reference = LogisticRegression(C=1e9, class_weight="balanced").fit(suspicions[:, None], labels)
    assert line[0] == pytest.approx(float(reference.coef_[0, 0]), abs=0.02)
    assert line[1] == pytest.approx(float(reference.intercept_[0]), abs=0.02)


def test_what_points_the_wrong_way_makes_no_score() -> None:
    labels = np.arange(40) % 2 == 0
    assert _platt(-labels.astype(float), labels) is None


def test_a_detector_is_calibrated_on_photographs(tmp_path: Path) -> None:
    splits = open_splits(str(write_set(tmp_path)), None, 0)
    weights = str(write_network(tmp_path / "made.onnx"))
    detector = plugins.build("detectors", "conv_lstm", weights=weights)
    found = calibrate(detector, splits["val"], Training())
    assert 0 < found["threshold"] < 1
    assert ("calibration" in found) == ("calibrated" in found)
    assert found == calibrate(detector, splits["val"], Training())
    masks = plugins.build("detectors", "conv_lstm", weights=str(write_network(tmp_path / "m.onnx", ["mask"])))
    assert set(calibrate(masks, splits["val"], Training())) == {"threshold"}


def test_of_a_large_photograph_the_part_around_the_manipulation_counts() -> None:
    mask = np.zeros((3000, 4000), bool)
    mask[2990:2995, 10:50] = True
    rows, columns = _window(mask)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (1024, 1024)
    assert (rows.start % 8, columns.start % 8) == (0, 0)
    assert mask[rows, columns].sum() == mask.sum()
    assert _window(np.zeros((64, 100), bool)) == (slice(0, 64), slice(0, 100))
    mask[:10, 3900:3910] = True  # between both there is nothing
    assert mask[_window(mask)].any()


def test_a_threshold_is_chosen_among_those_that_are_allowed() -> None:
    curve = np.zeros(99)
    curve[[9, 49]] = 0.8, 0.6
    assert fit_threshold([curve]) == pytest.approx(0.1)
    assert fit_threshold([curve], np.arange(99) >= 30) == pytest.approx(0.5)
    assert fit_threshold([curve], np.zeros(99, bool)) == pytest.approx(0.99)  # which marks least


def test_pixels_are_counted_at_each_threshold() -> None:
    heat = np.array([0.0, 0.3, 0.3, 0.999], np.float32)
    counts = _counts(heat)
    assert [int(counts[place]) for place in (0, 1, 29, 31, 99)] == [4, 3, 3, 1, 1]
    for hundredth in range(1, 100):  # a threshold is reached by its own number in 32 bits, as in a mask
        heat = np.full((1, 1), hundredth / 100, np.float32)
        marked = Localization(heat, None).mask(hundredth / 100).sum()
        assert _counts(heat.ravel())[hundredth] == marked == 1


class Knowing:
    """Suspects what it was told, and marks nothing but one pixel."""

    smallest = 8

    def __init__(self, manipulated: set[str]) -> None:
        self.manipulated = manipulated

    def look(self, photo: Photo) -> Look:
        heat = np.zeros((photo.height, photo.width), np.float32)
        heat[0, 0] = 0.7
        rng = np.random.default_rng(int(photo.digest[:8], 16))
        return Look(heat, float(rng.normal(4 * (photo.digest in self.manipulated))), "")


def test_alarms_hold_the_score_of_pristine_photographs_down(tmp_path: Path) -> None:
    split = open_splits(str(write_set(tmp_path)), None, 0)["val"]
    told = {decode(one.image).digest for one in split.of(manipulated=True)}
    found: dict[float, dict[str, Any]] = {}
    for alarms in (0.0, 0.25):
        found[alarms] = calibrate(
            Knowing(told),  # type: ignore[arg-type]
            split,
            Training(alarms=alarms, misses=alarms),
        )
    assert found[0.0]["calibration"][0] == found[0.25]["calibration"][0] > 0
    slope, intercept = found[0.25]["calibration"]
    detector = Knowing(told)
    suspicions = [detector.look(photo).suspicion for _, photo, _ in _versions(split, 8, 0)]
    labels = [sample.manipulated for sample, _, _ in _versions(split, 8, 0)]
    scores = expit(slope * np.array(suspicions, float) + intercept)
    pristine, manipulated = scores[~np.array(labels)], np.array(suspicions, float)[np.array(labels)]
    allowed = int(0.25 * len(pristine))
    assert (pristine >= found[0.25]["threshold"]).sum() == allowed
    assert np.sort(pristine)[-1 - allowed] == pytest.approx(found[0.25]["threshold"], abs=1e-5)
    lowest = np.quantile(manipulated, 0.25, method="lower")
    assert "doubt" not in found[0.0]
    assert found[0.25]["doubt"] == pytest.approx(
        min(expit(slope * lowest + intercept), found[0.25]["threshold"])
    )
    assert "no more than 25% of any data set's pristine ones" in found[0.25]["calibrated"]


def test_no_more_of_pristine_photographs_is_marked_than_may_be(tmp_path: Path) -> None:
    split = open_splits(str(write_set(tmp_path)), None, 0)["val"]
    pixel = np.mean([1 / (photo.height * photo.width) for _, photo, _ in _versions(split, 8, 0)])
    for marked, low, high in ((2 * pixel, 0.0, 0.695), (pixel / 2, 0.695, 1.0)):
        found = calibrate(Knowing(set()), split, Training(marked=marked))  # type: ignore[arg-type]
        assert low < found["threshold"] <= high


def test_further_pristine_photographs_are_spared_as_well(tmp_path: Path) -> None:
    split = open_splits(str(write_set(tmp_path)), None, 0)["val"]
    manipulated = [one.image for one in split.of(manipulated=True)]
    pristine = [one.image for one in split.of(manipulated=False)]
    told = {decode(path).digest for path in manipulated}
    training = Training(alarms=0.25, marked=1e-9)
    plain, same, others = (
        calibrate(Knowing(told), split, training, pristine=further)  # type: ignore[arg-type]
        for further in ([], pristine, manipulated)
    )
    # What is suspect among them moves the line; it was found on the set's photographs alone.
    assert plain["calibration"][0] == same["calibration"][0] == others["calibration"][0]
    assert others["calibration"][1] < same["calibration"][1] <= plain["calibration"][1]
    assert f"nor of {len(manipulated)} further ones reach the threshold" in others["calibrated"]


def test_the_threshold_marks_no_more_of_further_pristine_photographs_than_may_be(tmp_path: Path) -> None:
    split = open_splits(str(write_set(tmp_path)), None, 0)["val"]
    small = tmp_path / "small.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(small)
    shares = [1 / (photo.height * photo.width) for _, photo, _ in _versions(split, 8, 0)]
    training = Training(marked=2 * max(shares))  # may mark a pixel of the set's photographs, not one of 64
    for further in ([], [small]):
        found = calibrate(Knowing(set()), split, training, pristine=further)  # type: ignore[arg-type]
        assert (found["threshold"] > 0.695) == bool(further)


def test_a_further_photograph_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    split = open_splits(str(write_set(tmp_path)), None, 0)["val"]
    with pytest.raises(TamperscopeError, match=r"none\.jpg"):
        calibrate(Knowing(set()), split, Training(marked=0.1), pristine=[tmp_path / "none.jpg"])  # type: ignore[arg-type]
