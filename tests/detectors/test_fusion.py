"""The network of ours, tile by tile: the same as at once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit

import photos
from forging import copied, pasted_into_camera
from networks_made import card
from tamperscope import plugins
from tamperscope.detectors import _copies
from tamperscope.detectors.fusion import Fusion, _averaged
from tamperscope.forge.sensor import sense
from tamperscope.io.decode import decode
from tamperscope.signal.history import history
from tamperscope.training.export import to_onnx, with_card
from tamperscope.training.run import build_network
from tamperscope.types import Photo


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(1)
    made = build_network("fusion").eval()
    for module in made.modules():  # as after a training: what is normalized is of different means and spreads
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.3, 1.5)
    return made


@pytest.fixture(scope="module")
def weights(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "fusion.onnx"
    path.write_bytes(with_card(to_onnx(network), card(network="fusion", calibration=(1.0, 0.0))))
    return path


def photo(form: str = "JPEG") -> Photo:
    return decode(photos.encode(photos.scene()[:205, :333], form))


def build(weights: Path, **fields: Any) -> Any:
    return plugins.build("detectors", "fusion", weights=str(weights), **fields)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_it_says_what_the_network_says(network: Any, weights: Path, form: str) -> None:
    given = photo(form)
    known = history(given)
    pixels = np.pad(given.pixels, ((0, 3), (0, 3), (0, 0)), mode="edge")
    with torch.no_grad():
        judged = network(
            torch.from_numpy(pixels / np.float32(255)).permute(2, 0, 1)[None],
            torch.from_numpy(known.levels)[None],
            torch.from_numpy(known.table)[None],
            torch.tensor([float(known.stored)]),
        )
    found = build(weights, smaller=0, residuals=0, larger=0, edges=False).localize(given)
    expected = judged.mask.softmax(1)[0, 1, :205, :333].numpy()
    assert expected.std() > 1e-3
    assert np.abs(found.heatmap - expected).max() < 1e-4
    suspect = (judged.blocks[0] + judged.trust[0].sigmoid().log()).max() / 2  # each block is a cell
    assert found.score == pytest.approx(float(suspect.sigmoid()), abs=1e-4)
    assert np.abs(found.evidence["reliability"] - judged.trust[0].sigmoid().numpy()).max() < 1e-4


@pytest.mark.parametrize(("tile", "part"), [(64, 448), (128, 448), (512, 64), (72, 64)])
def test_tiles_change_nothing(weights: Path, tile: int, part: int) -> None:
    given = photo()
    whole, tiled = build(weights).localize(given), build(weights, tile=tile, part=part).localize(given)
    assert np.abs(whole.heatmap - tiled.heatmap).max() < 1e-3
    assert whole.score == pytest.approx(tiled.score, abs=1e-3)
    assert np.abs(whole.evidence["reliability"] - tiled.evidence["reliability"]).max() < 1e-3


@pytest.mark.parametrize(("most", "residuals"), [(0.01, 0), (1.4, 0), (1.4, 0.6)])
def test_looks_at_smaller_sizes_order_what_is_less_likely_than_not(
    weights: Path, most: float, residuals: float
) -> None:
    """After all else; of a photo of 288x520 pixels there is one: a quarter of it has sides below 128."""
    given = decode(photos.encode(np.tile(photos.scene(), (2, 2, 1))[:288, :520]))
    quads = given.pixels.reshape(144, 2, 260, 2, 3).astype(int).sum((1, 3))
    small = decode(photos.encode(((quads + 2) // 4).astype(np.uint8)))
    alone = build(weights, smaller=0, residuals=residuals, edges=False).localize(given)
    again = build(weights, smaller=0, residuals=0, edges=False).localize(small)
    joined = build(weights, smaller=most, residuals=residuals, edges=False).localize(given)
    odds, further = logit(alone.heatmap), logit(again.heatmap)
    shift = cv2.resize((0.7 * (further - further.mean())).clip(-most, most), (520, 288))
    expected = np.where(odds < 0, np.minimum(odds + shift * (-odds).clip(0, 1), 0), odds)
    assert np.abs(joined.heatmap - alone.heatmap).max() > 1e-4
    assert np.abs(joined.heatmap - expit(expected)).max() < 1e-4
    assert joined.score == alone.score
    assert_array_equal(joined.evidence["reliability"], alone.evidence["reliability"])


def test_each_size_down_to_128_pixels_is_looked_at(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    judging = Fusion.judge

    def watched(self: Fusion, photo: Photo) -> Any:
        seen.append((photo.height, photo.width))
        return judging(self, photo)

    monkeypatch.setattr(Fusion, "judge", watched)
    build(weights).localize(decode(photos.encode(np.tile(photos.scene(), (2, 2, 1))[:600, :1000])))
    assert seen == [(600, 1000), (300, 500), (150, 250)]
    seen.clear()
    build(weights).localize(decode(photos.encode(photos.scene()[:255, :333])))
    assert seen == [(255, 333)]


@pytest.mark.parametrize("power", [0.5, 1])
def test_places_of_larger_photos_must_show_more(weights: Path, power: float) -> None:
    """Odds and score are divided; what has fewer pixels than the crops of the training is as one of them."""
    large = decode(photos.encode(np.tile(photos.scene(), (2, 2, 1))[:512, :640], "JPEG"))
    alone = build(weights, larger=0, smaller=0, copies=0).localize(large)
    found = build(weights, larger=power, smaller=0, copies=0).localize(large)
    fewer = power * np.log(512 * 640 / 103_000)
    assert np.abs(logit(alone.heatmap) - logit(found.heatmap) - fewer).max() < 1e-3
    assert logit(alone.score) - logit(found.score) == pytest.approx(fewer, abs=1e-4)
    small = decode(photos.encode(photos.scene()[:205, :319], "JPEG"))
    alone, found = (build(weights, larger=one, copies=0).localize(small) for one in (0, power))
    more = power * np.log(103_000 / 256**2)
    assert np.abs(logit(found.heatmap) - logit(alone.heatmap) - more).max() < 1e-3
    assert logit(found.score) - logit(alone.score) == pytest.approx(more, abs=1e-4)


def test_the_map_follows_the_edges_of_the_photo(weights: Path) -> None:
    """Within things of one colour it is even; the score is that of the map as it was."""
    pixels = np.full((128, 256, 3), 60, np.uint8)
    pixels[:, 131:] = 190
    given = decode(photos.encode(pixels + np.random.default_rng(1).integers(0, 9, pixels.shape, np.uint8)))
    alone, found = (build(weights, residuals=0, edges=edges).localize(given) for edges in (False, True))
    before, after = (np.abs(np.diff(logit(one.heatmap), axis=1)) for one in (alone, found))
    near = np.s_[:, 128:134]
    assert np.delete(after, near[1], axis=1).mean() < 0.5 * np.delete(before, near[1], axis=1).mean()
    assert after.mean(0).argmax() == 130
    assert found.score == alone.score


def test_parts_of_a_large_photo_change_nothing(weights: Path) -> None:
    large = decode(photos.encode(np.tile(photos.scene(), (2, 2, 1))[:640, :1000], "JPEG"))
    whole, parted = build(weights).localize(large), build(weights, part=64).localize(large)
    assert np.abs(whole.heatmap - parted.heatmap).max() < 1e-3
    assert whole.score == pytest.approx(parted.score, abs=1e-3)


def test_cells_are_means_also_of_what_is_left_over() -> None:
    plane = np.arange(20, dtype=np.float32).reshape(4, 5)
    assert_array_equal(_averaged(plane, 1), plane)
    expected = [[plane[:3, :3].mean(), plane[:3, 3:].mean()], [plane[3:, :3].mean(), plane[3:, 3:].mean()]]
    assert_allclose(_averaged(plane, 3), expected)


def test_copies_raise_the_heat_where_they_are_and_nowhere_else(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_copies, "_NONE", -5.5)  # a network that learned nothing does not speak for a copy
    pixels, source, copy = copied()
    given = decode(photos.encode(pixels))
    alone, joined = build(weights, copies=0).localize(given), build(weights).localize(given)
    raised = joined.heatmap > alone.heatmap
    assert not alone.links
    assert joined.links
    assert "copies" in joined.evidence
    assert raised[source | copy].mean() > 0.6
    assert raised[~(source | copy)].mean() < 0.1
    assert_array_equal(joined.heatmap[~raised], alone.heatmap[~raised])
    assert joined.score >= alone.score


def test_a_photo_with_a_likely_copy_is_not_cleared(
    network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_copies, "_NONE", -5.5)
    weights = tmp_path / "made.onnx"
    own = replace(card(network="fusion", calibration=(1.0, -20.0), threshold=0.9995), doubt=0.5)
    weights.write_bytes(with_card(to_onnx(network), own))
    given = decode(photos.encode(copied()[0]))
    alone, joined = build(weights, copies=0).localize(given), build(weights).localize(given)
    assert alone.score is not None
    assert alone.score < 0.01
    assert joined.links
    assert joined.score == 0.5


def test_unlike_noise_moves_the_heat_and_not_the_score(weights: Path) -> None:
    pixels, mask = pasted_into_camera()
    given = decode(photos.encode(pixels))
    alone, joined = (
        build(weights, copies=0, filters=0, residuals=most, edges=False).localize(given) for most in (0, 0.6)
    )
    assert "residuals" not in alone.evidence
    assert joined.evidence["residuals"].size == mask.size // 64
    rise = logit(joined.heatmap) - logit(alone.heatmap)
    assert np.abs(rise).max() < 2.101
    assert rise[mask].mean() > np.quantile(rise[~mask], 0.75)
    assert joined.score == alone.score


@pytest.mark.parametrize("doubt", [None, 0.999])
def test_missing_filters_raise_the_heat_and_forbid_to_clear(
    network: Any, tmp_path: Path, doubt: float | None
) -> None:
    weights = tmp_path / "made.onnx"
    own = replace(card(network="fusion", calibration=(1.0, 0.0), threshold=0.9995), doubt=doubt)
    weights.write_bytes(with_card(to_onnx(network), own))
    taken, _ = sense(photos.scene(), np.random.default_rng(3))
    whole = build(weights, copies=0).localize(decode(photos.encode(taken)))
    pixels, mask = pasted_into_camera()
    given = decode(photos.encode(pixels))
    alone, joined = (build(weights, copies=0, filters=most, edges=False).localize(given) for most in (0, 3.5))
    assert "filters" not in alone.evidence
    assert joined.evidence["filters"].size == mask.size // 64
    rise = logit(joined.heatmap) - logit(alone.heatmap)
    assert rise.min() > -1e-3
    assert rise.max() < 3.501
    assert rise[mask].mean() > 1
    assert rise[~mask].mean() < 0.3
    assert "colour filters" in joined.reason
    assert joined.score == (alone.score if doubt is None else doubt)
    assert max(alone.score, whole.score) < 0.999


@pytest.mark.parametrize("name", ["fusion", "fusion_open"])
def test_the_shipped_weights_in_eight_bits_are_those_as_learned(name: str) -> None:
    exact, short = (plugins.build("detectors", name, exact=exact) for exact in (True, False))
    one, other = (detector.trained.card for detector in (exact, short))
    assert exact.weights_digest != short.weights_digest
    metrics = dict(other.metrics)
    assert metrics.pop("in 8 bits")["mean difference"]["mask"] < 0.005
    assert replace(other, metrics=metrics) == one, "run tamperscope quantize once more"
    found, again = (detector.localize(photo()).heatmap for detector in (exact, short))
    assert 0 < np.abs(found - again).mean() < 0.01
