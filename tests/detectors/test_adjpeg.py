import dataclasses
import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import photos
import tamperscope
from tamperscope.detectors._double_jpeg import clipped, score_region
from tamperscope.detectors.adjpeg import AlignedDoubleJpeg
from tamperscope.types import Localization


def localize(data: bytes, **fields: float) -> Localization:
    return tamperscope.detector("adjpeg", **fields).localize(tamperscope.load(data))


def auc(result: Localization, mask: np.ndarray) -> float:
    return float(roc_auc_score(mask.ravel(), result.heatmap.ravel()))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize(("first", "second"), [(50, 85), (60, 90), (75, 92), (85, 95), (70, 80)])
def test_what_was_pasted_into_a_jpeg_is_found(first: int, second: int, subsampling: str) -> None:
    found = []
    for seed in range(2):
        data, mask = photos.spliced(first, second, seed=seed, subsampling=subsampling)
        result = localize(data)
        found.append(auc(result, mask))
        assert result.score is not None
        assert result.score >= AlignedDoubleJpeg.card.threshold
    assert np.mean(found) > 0.95


def test_pristine_twins_are_rarely_accused() -> None:
    pairs = [(50, 85), (60, 90), (75, 92), (85, 95), (70, 80), (65, 99), (55, 75), (90, 97)]
    scores = [
        localize(photos.resaved(first, second, name=name)).score
        for first, second in pairs
        for name in ("coffee", "chelsea")
    ]
    accused = [score for score in scores if score is not None and score >= AlignedDoubleJpeg.card.threshold]
    assert len(accused) <= 1, "the card promises about one in twenty"


@pytest.mark.parametrize("quality", [50, 75, 90, 95, 100])
def test_a_photo_that_was_compressed_once_gives_no_ground_to_judge(quality: int) -> None:
    result = localize(photos.encode(photos.scene(), "JPEG", quality=quality))
    assert result.score == 0
    assert result.valid is not None
    assert not result.valid.any()
    assert not result.heatmap.any()
    assert "no trace" in result.reason


def test_a_forgery_without_jpeg_history_stays_at_chance() -> None:
    pixels = photos.scene().copy()
    mask = np.zeros(pixels.shape[:2], bool)
    mask[100:220, 150:330] = True
    pixels[mask] = photos.scene("chelsea")[60:180, 100:280].reshape(-1, 3)
    result = localize(photos.encode(pixels, "JPEG", quality=90))
    assert 0.4 < auc(result, mask) < 0.6
    assert result.score == 0


def test_a_coarser_last_compression_hides_the_trace() -> None:
    data, _ = photos.spliced(95, 60)
    assert localize(data).score == 0


@pytest.mark.parametrize("quality", [55, 70, 85])
def test_the_first_quality_is_estimated(quality: int) -> None:
    reason = localize(photos.resaved(quality, 95)).reason
    (found,) = re.findall(r"near quality (\d+)", reason)
    assert abs(int(found) - quality) <= 4


def test_grey_and_progressive_files_work_alike() -> None:
    host = photos.decode_pixels(photos.encode(photos.scene(), "JPEG", "L", quality=60)).copy()
    mask = np.zeros(host.shape[:2], bool)
    mask[100:220, 150:330] = True
    host[mask] = photos.scene("chelsea")[60:180, 100:280].reshape(-1, 3)
    for options in ({}, {"progressive": True}):
        result = localize(photos.encode(host, "JPEG", "L", quality=90, **options))
        assert auc(result, mask) > 0.95


def test_flat_and_clipped_areas_are_not_judged() -> None:
    pixels = photos.scene().copy()
    pixels[:160, :200] = 128
    pixels[:160, 400:] = 255
    once = photos.decode_pixels(photos.encode(pixels, "JPEG", quality=60))
    result = localize(photos.encode(once, "JPEG", quality=90))
    assert result.valid is not None
    assert not result.valid[24:136, 24:176].any()
    assert not result.valid[24:136, 424:576].any()
    assert result.valid[200:].mean() > 0.5


def test_regions_of_no_weight_do_not_accuse() -> None:
    caution = AlignedDoubleJpeg().caution
    background = np.full((40, 60), -3, np.float32)
    judged = np.ones(background.shape, bool)
    assert score_region(background, judged, caution) == 0
    speck = background.copy()
    speck[10:12, 10:12] = 9
    assert score_region(speck, judged, caution) == 0, "four blocks are no region"
    region = background.copy()
    region[10:20, 10:20] = 9
    assert score_region(region, judged, caution) > 0.9
    assert score_region(region, ~(region > 0), caution) == 0, "what cannot be judged cannot accuse"
    assert score_region(np.abs(region), judged, caution) == 0, (
        "without a doubly compressed rest, no statement"
    )


@pytest.mark.parametrize("quality", [75, 90])
def test_a_large_photo_that_was_compressed_once_shows_no_trace(quality: int) -> None:
    tiles = np.tile(photos.scene(), (3, 3, 1))  # 2 MP: a model's misfit grows with the number of blocks
    result = localize(photos.encode(tiles, "JPEG", quality=quality))
    assert "no trace" in result.reason


def test_clipped_blocks_are_told_on_the_grid_whatever_the_size() -> None:
    for height in (321, 328, 333):
        pixels = np.full((height, 64, 3), 99, np.uint8)
        pixels[240:248] = 255
        photo = tamperscope.load(photos.encode(pixels))
        rows = -(-height // 8)
        assert np.flatnonzero(clipped(photo, (rows, 8), (8, 8)).any(axis=1)).tolist() == [30]


def test_luma_that_is_subsampled_is_mapped_to_its_pixels() -> None:
    data, mask = photos.spliced(60, 90, subsampling="4:4:4")
    photo = tamperscope.load(data)
    assert photo.jpeg
    # As if chroma had twice the resolution: each block of luma covers 16x16 pixels of a photo twice the size.
    doubled = dataclasses.replace(
        photo,
        pixels=np.repeat(np.repeat(photo.pixels, 2, axis=0), 2, axis=1),
        jpeg=dataclasses.replace(photo.jpeg, sampling=((1, 1), (2, 2), (2, 2))),
        decoded_rows=2 * photo.height,
    )
    result = tamperscope.detector("adjpeg").localize(doubled)
    assert auc(result, np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1)) > 0.95


def test_the_tampering_rate_is_estimated() -> None:
    data, _ = photos.spliced(60, 90)
    (rate,) = re.findall(r"tampering rate (\d+)%", localize(data).reason)
    (pristine,) = re.findall(r"tampering rate (\d+)%", localize(photos.resaved(60, 90)).reason)
    # Of coefficients, of which the pasted fur has more than its 7% of the area.
    assert int(pristine) + 5 < int(rate) < 30
