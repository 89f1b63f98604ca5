from pathlib import Path

import numpy as np
import pytest

import photos
from networks_made import card, write_network
from tamperscope import plugins
from tamperscope.detectors._learned import suspicion
from tamperscope.detectors._patches import PatchNetwork, top_mean
from tamperscope.errors import InvalidParameter
from tamperscope.io.decode import decode
from tamperscope.types import Photo


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("made") / "made.onnx")


def photo(height: int = 150, width: int = 205) -> Photo:
    return decode(photos.encode(photos.crop(height, width)))


def build(weights: Path, **fields: object) -> PatchNetwork:
    built: PatchNetwork = plugins.build("detectors", "conv_lstm", weights=str(weights), **fields)
    return built


@pytest.mark.parametrize("stride", [8, 24, 32, 56, 64])
@pytest.mark.parametrize("batch", [1, 5, 1024])
def test_what_patches_say_of_a_pixel_is_laid_where_it_belongs(made: Path, stride: int, batch: int) -> None:
    given = photo()
    found = build(made, stride=stride, batch=batch, sigma=0.0, gating="none").look(given).heatmap
    expected = given.pixels.mean(axis=2) / 255
    assert np.abs(found - expected)[:144, :200].max() < 1e-5  # the rest lies beyond the grid's last block
    assert np.abs(found[144:, :200] - expected[143, :200]).max() < 1e-5
    assert np.abs(found[:144, 200:] - expected[:144, 199:200]).max() < 1e-5


def test_patches_without_overlap_are_gated_each_by_its_label(made: Path) -> None:
    given = photo(128, 192)
    means = given.pixels.mean(axis=2).reshape(2, 64, 3, 64).mean(axis=(1, 3)) / 255
    expected = given.pixels.mean(axis=2) / 255
    assert (means > 0.5).any()
    assert (means < 0.5).any()
    for gating, labels in (("hard", means > 0.5), ("soft", means)):
        look = build(made, stride=64, sigma=0.0, gating=gating).look(given)
        found = look.heatmap
        assert np.abs(found - expected * labels.repeat(64, 0).repeat(64, 1)).max() < 1e-5
        assert look.suspicion == pytest.approx(
            suspicion(top_mean(means.ravel().astype(np.float32))), abs=1e-4
        )


def test_a_network_without_masks_shows_its_labels(tmp_path: Path) -> None:
    given = photo(128, 192)
    labels = write_network(tmp_path / "labels.onnx", ["label"])
    found = build(labels, stride=64, sigma=0.0).look(given).heatmap
    means = given.pixels.mean(axis=2).reshape(2, 64, 3, 64).mean(axis=(1, 3)) / 255
    assert np.abs(found - means.repeat(64, 0).repeat(64, 1)).max() < 1e-5


def test_a_network_without_labels_gives_no_score(tmp_path: Path) -> None:
    result = build(write_network(tmp_path / "masks.onnx", ["mask"])).localize(photo())
    assert result.score is None
    assert "no score" in result.reason


def test_the_score_is_calibrated_or_not_given(made: Path, tmp_path: Path) -> None:
    given = photo()
    assert build(made).localize(given).score is None
    text = card(threshold=0.25, calibration=(2.0, 1.0), calibrated="on paper").dumps()
    detector = build(write_network(tmp_path / "calibrated.onnx", text=text))
    result = detector.localize(given)
    suspected = detector.look(given).suspicion
    assert suspected is not None
    assert result.score == pytest.approx(1 / (1 + np.exp(-(2 * suspected + 1))))
    assert (detector.own_card.threshold, detector.own_card.calibrated) == (0.25, "on paper")


def test_suspicion_is_the_logit_of_the_worst_tenth() -> None:
    patches = np.array([0.1] * 18 + [0.6, 0.8], np.float32)
    assert suspicion(top_mean(patches)) == pytest.approx(np.log(0.7 / 0.3), rel=1e-5)
    assert np.isfinite([suspicion(0.0), suspicion(1.0)]).all()
    assert suspicion(0.0) < -10
    assert suspicion(1.0) > 10


def test_memory_does_not_grow_with_the_patches(made: Path) -> None:
    import tracemalloc

    given = photo(1024, 1024)
    tracemalloc.start()
    build(made, stride=16, batch=8).localize(given)
    assert tracemalloc.get_traced_memory()[1] < 12 * given.height * given.width * 4
    tracemalloc.stop()


@pytest.mark.parametrize("fields", [{"stride": 12}, {"gating": "some"}, {"stride": 0}])
def test_wrong_fields_are_refused(made: Path, fields: dict[str, object]) -> None:
    with pytest.raises(InvalidParameter):
        build(made, **fields)


def test_a_photo_smaller_than_the_networks_view_is_mirrored(tmp_path: Path) -> None:
    wide = write_network(tmp_path / "wide.onnx", ["mask"], side=256)
    for height, width in ((150, 205), (64, 300), (300, 64)):
        given = photo(height, width)
        found = build(wide, sigma=0.0).look(given).heatmap
        expected = given.pixels.mean(axis=2) / 255
        rows, columns = (max(256, length) // 8 * 8 for length in (height, width))
        assert np.abs(found - expected)[:rows, :columns].max() < 1e-5
