"""The pattern of colour filters: found where a camera left it, and missing where it was broken."""

import cv2
import numpy as np
import pytest

import photos
from tamperscope.forge.sensor import sense
from tamperscope.signal import mosaic
from tamperscope.signal.mosaic import BLOCK, Mosaic, find_mosaic


def taken(seed: int = 3) -> photos.Pixels:
    """The scene, taken by a camera."""
    return sense(photos.scene(), np.random.default_rng(seed))[0]


def found(pixels: photos.Pixels) -> Mosaic:
    pattern = find_mosaic(pixels)
    assert pattern
    return pattern


@pytest.mark.parametrize("seed", range(6))
def test_a_camera_leaves_a_pattern(seed: int) -> None:
    pattern = found(taken(seed))
    assert pattern.plain
    assert np.nanmedian(pattern.presence) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("step", ["resized", "enlarged twice", "coarsely saved", "never taken"])
def test_elsewhere_there_is_none(step: str) -> None:
    pixels = taken()
    if step == "resized":
        pixels = cv2.resize(pixels, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    elif step == "enlarged twice":
        pixels = cv2.resize(pixels, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    elif step == "coarsely saved":
        pixels = photos.decode_pixels(photos.encode(pixels, "JPEG", quality=70))
    else:
        pixels = photos.scene()
    pattern = find_mosaic(pixels)
    assert pattern is None or not pattern.plain


@pytest.mark.parametrize("kind", ["filled", "another", "shifted"])
def test_where_it_is_broken_the_odds_are_high(kind: str) -> None:
    pixels = taken()
    part = np.s_[80:176, 96:224]
    broken = pixels.copy()
    if kind == "filled":
        broken[part] = cv2.resize(cv2.resize(pixels[part], (64, 48)), (128, 96))
        broken[part] = np.clip(
            broken[part] + np.random.default_rng(0).normal(0, 3, broken[part].shape), 0, 255
        )
    elif kind == "another":
        broken[part] = photos.scene()[part]
    else:
        broken[part] = pixels[81:177, 96:224]
    odds = found(broken).odds(4)
    inside = odds[80 // BLOCK + 1 : 176 // BLOCK - 1, 96 // BLOCK + 1 : 224 // BLOCK - 1]
    whole = found(pixels).odds(4)
    assert inside.mean() > 1 > 0 > whole.mean()


def test_the_result_does_not_depend_on_the_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = taken()
    whole = found(pixels)
    monkeypatch.setattr(mosaic, "_STRIP", 3)
    parts = found(pixels)
    np.testing.assert_array_equal(whole.presence, parts.presence)
    assert (whole.strength, whole.share, whole.spread) == (parts.strength, parts.share, parts.spread)


def test_odds_are_bounded_and_silent_where_nothing_is_known() -> None:
    presence = np.array([[0.5, -1, 2, np.nan]], np.float32)
    np.testing.assert_allclose(Mosaic(1, 1, presence, 0.5).odds(4), [[0, 4, -4, 0]])
    np.testing.assert_allclose(Mosaic(1, 1, presence, 5).odds(4), [[0, 0.06, -0.06, 0]])
    assert not Mosaic(1, 1, presence, float("inf")).odds(4).any()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_in_a_wall_nothing_can_be_told(level: int) -> None:
    assert find_mosaic(np.full((300, 200, 3), level, np.uint8)) is None
    assert find_mosaic(np.zeros((7, 5, 3), np.uint8)) is None
