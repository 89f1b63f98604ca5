import numpy as np
import pytest

import photos
from tamperscope.signal.error_level import grid_levels, grid_windows, recompress, signed_error_levels


@pytest.mark.parametrize("quality", [1, 50, 90, 100])
def test_levels_and_what_is_left_make_the_photo(quality: int) -> None:
    pixels = photos.crop(61, 83)
    levels = signed_error_levels(pixels, quality)
    assert levels.dtype == np.float32
    assert np.abs(levels).max() <= 1
    assert recompress(pixels, quality) + 255 * levels == pytest.approx(pixels, abs=1e-3)


def test_the_sign_is_kept() -> None:
    levels = signed_error_levels(photos.crop(64, 64), 50)
    assert (levels > 0.01).any()
    assert (levels < -0.01).any()
    assert abs(levels.mean()) < 0.01


def test_what_was_saved_so_before_loses_least() -> None:
    pixels = photos.crop(128, 128)
    again = recompress(pixels, 90)
    assert (
        np.abs(signed_error_levels(again, 90)).mean() < 0.3 * np.abs(signed_error_levels(pixels, 90)).mean()
    )


def test_a_photo_keeps_its_grid_and_a_small_one_is_mirrored() -> None:
    pixels = photos.crop(61, 83)
    levels = grid_levels(pixels, 50, 96)
    assert levels.shape == (96, 96, 3)
    assert np.array_equal(levels[:61, :83], signed_error_levels(pixels, 50))
    assert np.array_equal(levels[64:72], levels[56:64][::-1])
    assert grid_levels(photos.crop(200, 104), 50, 96).shape == (200, 104, 3)


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (64, 64), (65, 130), (200, 104)])
def test_windows_cover_all_of_a_photo(shape: tuple[int, int]) -> None:
    levels = grid_levels(photos.crop(*shape), 50, 64)
    seen = np.zeros(levels.shape[:2], bool)
    for (row, column), window in grid_windows(photos.crop(*shape), 50, 64):
        assert window.shape == (64, 64, 3)
        assert row % 8 == column % 8 == 0
        assert np.array_equal(window, levels[row : row + 64, column : column + 64])
        seen[row : row + 64, column : column + 64] = True
    assert seen.all()
