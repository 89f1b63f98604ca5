import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import photos
import tamperscope
from forging import copied
from tamperscope.forge.history import Saving
from tamperscope.types import Localization

Bools = NDArray[np.bool_]


def localize(pixels: photos.Pixels, quality: float | None = None) -> Localization:
    return tamperscope.detector("patchmatch").localize(
        tamperscope.load(Saving("standard", quality, "4:4:4").encode(pixels))
    )


def f1(result: Localization, truth: Bools) -> float:
    mask = result.mask(0.5)
    return float(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))


@pytest.mark.parametrize(
    ("angle", "scale", "quality"),
    [
        (0, 1, None),
        (0, 1, 75),
        (25, 1, None),
        (-70, 1, 90),
        (180, 1, 95),
        (0, 1.08, 95),
        (0, 0.7, 95),
        (-30, 1.3, 90),
        (0, 1.5, 85),
    ],
)
def test_a_part_and_its_copy_are_found(angle: float, scale: float, quality: float | None) -> None:
    pixels, source, copy = copied(angle, scale)
    result = localize(pixels, quality)
    assert f1(result, source | copy) > 0.75
    assert "parts of the photo occur twice" in result.reason
    link = max(result.links, key=lambda link: link.area_share)
    assert source[link.y, link.x] != source[link.to_y, link.to_x]
    assert copy[link.y, link.x] != copy[link.to_y, link.to_x]
    # OpenCV turns anti-clockwise; from the copy to its source all is the other way round.
    forth = source[link.y, link.x]
    assert not link.mirrored
    assert link.scale == pytest.approx(scale if forth else 1 / scale, rel=0.05)
    assert (link.turn - (-angle if forth else angle) + 180) % 360 == pytest.approx(180, abs=3)


def test_a_mirrored_copy_is_found_and_called_so() -> None:
    pixels = photos.scene()[:, :480].copy()
    pixels[200:310, 330:440] = pixels[100:210, 80:190][:, ::-1]
    (link,) = localize(pixels, 95).links
    assert link.mirrored
    assert link.scale == pytest.approx(1, rel=0.05)
    assert abs(link.turn) < 3


def test_a_symmetric_thing_is_no_copy() -> None:
    half = photos.scene()[:, 200:400]
    assert not localize(np.concatenate([half, half[:, ::-1]], axis=1), 95).links


def test_a_pair_is_joined_once() -> None:
    pixels, _, _ = copied()
    result = localize(pixels)
    assert len(result.links) == 1
    assert result.score is not None
    assert result.score > 0.8


def test_the_same_photo_gives_the_same_map() -> None:
    pixels, _, _ = copied()
    assert localize(pixels).heatmap.tobytes() == localize(pixels).heatmap.tobytes()


@pytest.mark.parametrize("name", ["coffee", "chelsea"])
@pytest.mark.parametrize("quality", [None, 70])
def test_a_photo_without_copies_has_none(name: str, quality: float | None) -> None:
    result = localize(photos.scene(name).copy(), quality)
    assert not result.links
    assert result.score == 0
    assert result.mask(0.5).mean() < 0.01
    assert "no part of the photo occurs twice" in result.reason


def test_flat_areas_are_not_judged() -> None:
    pixels = np.full((200, 300, 3), 128, np.uint8)
    pixels[:, 150:] = photos.crop(200, 150)
    result = localize(pixels)
    assert result.valid is not None
    assert not result.valid[:, :130].any()
    assert result.valid[:, 170:].mean() > 0.9


def test_large_photos_are_compared_by_cells() -> None:
    pixels, source, copy = copied()
    large = cv2.resize(pixels, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    truth = (
        cv2.resize((source | copy).astype(np.uint8), large.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    )
    result = localize(large)
    assert result.heatmap.shape == large.shape[:2]
    assert f1(result, truth) > 0.75
