import numpy as np
import pytest

import photos
from tamperscope.signal.error_level import recompress, signed_error_levels


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
