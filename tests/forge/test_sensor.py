"""Cameras: colours kept, noise where light is, and a pattern that only what was seen has in full."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamperscope.forge.sensor import _METHODS, _PATTERNS, _demosaiced, _mosaic, sense

CAMERAS = [(red, method) for red in _PATTERNS for method in _METHODS]


@pytest.mark.parametrize(("red", "method"), CAMERAS)
def test_flat_and_rising_colours_come_back(red: tuple[int, int], method: str) -> None:
    rows, columns = np.mgrid[:25, :30] / np.float32(100)
    for light in (
        np.full((25, 30, 3), (0.2, 0.5, 0.8), np.float32),
        np.stack([0.2 + rows, 0.3 + columns / 2, 0.1 + rows + columns], axis=2),
    ):
        found = _demosaiced(_mosaic(light, red), red, method)
        np.testing.assert_allclose(found[4:-4, 4:-4], light[4:-4, 4:-4], atol=3e-5)


@pytest.mark.parametrize(("red", "method"), CAMERAS)
def test_what_was_seen_is_left_as_it_was(red: tuple[int, int], method: str) -> None:
    raw = np.random.default_rng(0).random((24, 32), np.float32)
    found = _demosaiced(raw, red, method)
    rows, columns = (np.arange(length) % 2 for length in raw.shape)
    seen = np.add.outer((rows - red[0]) % 2, (columns - red[1]) % 2)  # 0 red, 1 green, 2 blue
    kept = np.take_along_axis(found, seen[..., None], axis=2)[..., 0]
    np.testing.assert_allclose(kept[2:-2, 2:-2], raw[2:-2, 2:-2], atol=2e-5)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_a_grey_wall_stays_grey_and_gets_noise_in_a_pattern(seed: int) -> None:
    wall = np.full((96, 96, 3), 128, np.uint8)
    found, facts = sense(wall, np.random.default_rng(seed))
    np.testing.assert_array_equal(found, sense(wall, np.random.default_rng(seed))[0])
    assert found.shape == wall.shape
    assert np.abs(found.mean((0, 1)) - 128).max() < 3
    if facts["shot"] < 2e-4 or facts["finish"] != "none" or facts["method"] == "edges":
        return  # rounding, or what followed, hides it
    green = found[..., 1].astype(float)
    spread = np.array([green[row::2, column::2].std() for row in range(2) for column in range(2)])
    row, column = facts["red"]
    of_green = [place for place in range(4) if (place // 2 + place % 2 + row + column) % 2]
    interpolated = [place for place in range(4) if place not in of_green]
    assert spread[of_green].min() > 1.1 * spread[interpolated].max()


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3, 3), (7, 5, 3)])
def test_small_photographs_have_cameras_too(shape: tuple[int, ...]) -> None:
    for seed in range(20):
        assert sense(np.full(shape, 200, np.uint8), np.random.default_rng(seed))[0].shape == shape
