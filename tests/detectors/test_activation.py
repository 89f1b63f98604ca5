"""Detectors that classify whole photos: their views, and the region that these fit."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import photos
from networks_made import write_views
from tamperscope import plugins
from tamperscope.detectors._onnx import Trained
from tamperscope.errors import InvalidParameter, MissingWeights, UnknownPlugin
from tamperscope.io.decode import decode
from tamperscope.signal.error_level import grid_windows
from tamperscope.types import Photo


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_views(tmp_path_factory.mktemp("made") / "wcbnet.onnx", "wcbnet", 3)


def photo() -> Photo:
    return decode(photos.encode(photos.crop(120, 200), "JPEG"))


def build(weights: Path, name: str = "wcbnet", **fields: Any) -> Any:
    return plugins.build("detectors", name, weights=str(weights), **fields)


def ramp(power: float) -> np.ndarray[Any, Any]:
    """What a map of the made network is at the size of the photo, when the network's side is 24."""
    line = np.linspace(0, 1, 24, dtype=np.float32) ** np.float32(power)
    return np.asarray(cv2.resize(np.tile(line, (24, 1)), (200, 120), interpolation=cv2.INTER_LINEAR))


def test_views_agree_by_their_geometric_mean_times_the_probability(made: Path) -> None:
    found = build(made, segmenter="").localize(photo())
    assert np.allclose(found.heatmap, ramp(2) * 0.7, atol=1e-3)  # of the powers 1, 2 and 3, and of .5, .7, .9
    assert found.score == pytest.approx(0.7)
    assert list(found.evidence) == ["view 2", "view 3", "view 4"]
    assert np.allclose(found.evidence["view 4"][0], np.linspace(0, 1, 24) ** 3, atol=1e-6)
    assert "view 2 0.50" in found.reason


@pytest.mark.parametrize(("view", "probability"), [(2, 0.5), (3, 0.7), (4, 0.9)])
def test_a_single_view_can_be_taken(made: Path, view: int, probability: float) -> None:
    found = build(made, segmenter="", view=view).localize(photo())
    assert np.allclose(found.heatmap, ramp(view - 1) * probability, atol=1e-3)
    assert found.score == pytest.approx(probability)


@pytest.mark.parametrize(("view", "probability"), [(2, 0.5), (3, 0.7), (4, 0.9)])
def test_without_the_calibration_who_is_more_likely_manipulated_reaches_the_threshold(
    tmp_path: Path, view: int, probability: float
) -> None:
    weights = write_views(
        tmp_path / "w.onnx",
        "wcbnet",
        3,
        calibration=(0.1, -9.0),
        calibrated="by few",
        threshold=0.2,
        doubt=0.1,
    )
    fitted = build(weights, segmenter="", view=view).localize(photo())
    assert fitted.score < 0.01
    detector = build(weights, segmenter="", view=view, calibrated=False)
    odds = probability / (1 - probability) * 0.2 / (1 - 0.2)
    assert detector.localize(photo()).score == pytest.approx(odds / (1 + odds), abs=1e-6)
    card = detector.own_card
    assert (card.threshold, card.calibrated, card.doubt) == (0.2, "", None)


def test_the_region_that_fits_best_is_marked(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tamperscope.segmenters.felzenszwalb import Felzenszwalb

    halves = np.zeros((2, 120, 200), bool)
    halves[0, :, :100] = halves[1, :, 100:] = True
    monkeypatch.setattr(Felzenszwalb, "_regions", lambda _self, _pixels: halves)
    plain = build(made, segmenter="").localize(photo()).heatmap
    found = build(made).localize(photo()).heatmap
    assert (found[:, 110:] > plain[:, 110:]).mean() > 0.9  # the right half holds most of the heat
    assert (found[:, 20:90] < plain[:, 20:90]).all()


def test_the_baseline_has_one_view(tmp_path: Path) -> None:
    weights = write_views(tmp_path / "resnet.onnx", "resnet", 1)
    found = build(weights, "resnet", segmenter="").localize(photo())
    assert list(found.evidence) == ["last block"]
    assert np.allclose(found.heatmap, ramp(1) * 0.5, atol=1e-3)


def test_what_cannot_be_meant_is_refused_when_it_is_made(made: Path) -> None:
    with pytest.raises(InvalidParameter, match=r"wcbnet\.view cannot be 1"):
        build(made, view=1)
    with pytest.raises(UnknownPlugin, match="felzenszwalb"):
        build(made, segmenter="felzenswalb")
    with pytest.raises(InvalidParameter, match="felzenszwalb has no field"):
        build(made, segments="scal=3")


def test_weights_with_a_single_view_are_called_by_it(tmp_path: Path) -> None:
    weights = write_views(tmp_path / "one.onnx", "wcbnet", 1, variant="WCBnet_3")
    found = build(weights, segmenter="").localize(photo())
    assert list(found.evidence) == ["view 3"]
    build(weights, view=3).prepare()
    with pytest.raises(InvalidParameter, match="these weights have view 3"):
        build(weights, view=4).prepare()


def test_a_segmenter_without_weights_is_said_before_the_first_photo(made: Path) -> None:
    build(made).prepare()
    with pytest.raises(MissingWeights):
        build(made, segmenter="pspnet").prepare()


def test_weights_of_windows_see_all_of_the_photo_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = write_views(tmp_path / "w.onnx", "wcbnet", 3, 48, sight={"grid": True, "levels": 5})
    detector = build(weights, segmenter="")
    asked = []
    run = Trained.run

    def watched(self: Trained, **inputs: Any) -> Any:
        asked.append(inputs["pixels"][0].transpose(1, 2, 0))
        return run(self, **inputs)

    monkeypatch.setattr(Trained, "run", watched)
    found = detector.localize(photo())
    expected = [window for _, window in grid_windows(photo().pixels, 5, 48)]
    assert len(asked) == len(expected) == 3 * 5
    assert all(np.array_equal(one, other) for one, other in zip(asked, expected, strict=True))
    assert found.evidence["view 2"].shape == (120, 200)
    assert np.allclose(found.evidence["view 2"][0, 48:96], np.linspace(0, 1, 48), atol=1e-6)
    assert found.score == pytest.approx(0.7)
    build(weights, segmenter="", quality=60).localize(photo())
    levels = next(window for _, window in grid_windows(photo().pixels, 60, 48))
    assert np.array_equal(asked[15], levels)


def test_the_most_suspicious_window_speaks_for_the_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = write_views(tmp_path / "w.onnx", "wcbnet", 3, 48, sight={"grid": True, "levels": 5})
    told = iter([0.1, 0.2, 0.9, 0.3, *[0.1] * 11])

    def said(_self: Trained, **_inputs: Any) -> Any:
        value = np.float32(next(told))
        return {"views": np.full((1, 3), value), "maps": np.full((1, 3, 12, 12), value)}

    monkeypatch.setattr(Trained, "run", said)
    found = build(weights, segmenter="").localize(photo())
    assert found.score == pytest.approx(0.9)
    # Maps are compared over all of the photo: the third window, from column 96, is the one.
    assert found.evidence["view 3"].shape == (30, 50)
    assert found.evidence["view 3"][5, 30] == pytest.approx(1)
    assert found.evidence["view 3"][5, 14] == pytest.approx(2 / 9)
    assert found.heatmap[20, 120] == pytest.approx(0.9, abs=1e-3)


def test_a_last_window_may_begin_within_a_cell_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows of 48 pixels with cells of 16 begin at row 72 and column 152 of 120 and 200."""
    weights = write_views(tmp_path / "w.onnx", "wcbnet", 3, 48, sight={"grid": True, "levels": 5})
    told = iter([*[0.0] * 14, 1.0])

    def said(_self: Trained, **_inputs: Any) -> Any:
        return {"views": np.full((1, 3), 0.5), "maps": np.full((1, 3, 3, 3), next(told), np.float32)}

    monkeypatch.setattr(Trained, "run", said)
    expected = np.zeros((15, 25))
    expected[9:, 19:] = 1
    found = build(weights, segmenter="").localize(photo())
    assert np.array_equal(found.evidence["view 2"], expected)
