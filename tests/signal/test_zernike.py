import cv2
import numpy as np
import pytest

import photos
from tamperscope.signal.zernike import zernike_magnitudes


def plane() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.ascontiguousarray(photos.crop(65, 65)[..., 1], np.float32)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_quarter_turn_changes_nothing(turns: int) -> None:
    found = zernike_magnitudes(plane(), 6)
    turned = zernike_magnitudes(np.ascontiguousarray(np.rot90(plane(), turns)), 6)
    np.testing.assert_allclose(np.rot90(found, turns)[10:-10, 10:-10], turned[10:-10, 10:-10], atol=0.02)
    assert found.shape == (65, 65, 12)


def test_moments_are_those_of_the_definition() -> None:
    """V_11 = r exp(i phi): the first moment is the mean of (x + iy) times the picture over the disk."""
    values, radius = plane(), 6
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1] / (radius + 0.5)
    inside = rows**2 + columns**2 <= 1
    patch = values[32 - radius : 32 + radius + 1, 32 - radius : 32 + radius + 1]
    expected = abs(((columns + 1j * rows) * patch)[inside].mean()) * np.sqrt(2 / np.pi)
    assert zernike_magnitudes(values, radius)[32, 32, 1] == pytest.approx(expected, rel=1e-4)
    constant = zernike_magnitudes(np.full((31, 31), 7, np.float32), radius)[15, 15]
    assert constant[0] == pytest.approx(7 * np.sqrt(1 / np.pi), rel=1e-4)
    assert constant[1:].max() < 1e-4


@pytest.mark.parametrize("size", [1.3, 1.6])
def test_an_enlarged_picture_has_the_same_moments_over_enlarged_disks(size: float) -> None:
    whole = np.ascontiguousarray(photos.crop(80, 80)[..., 1], np.float32)
    enlarged = cv2.resize(whole, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[20:60, 20:60]
    found = zernike_magnitudes(whole, 6)[rows, columns]
    same = [np.rint((places + 0.5) * enlarged.shape[0] / 80 - 0.5).astype(int) for places in (rows, columns)]
    expected = zernike_magnitudes(enlarged, 6 * size)[same[0], same[1]]
    smaller = zernike_magnitudes(enlarged, 6)[same[0], same[1]]
    distance = np.median(np.sum((found - expected) ** 2, axis=-1))
    assert distance < 0.3 * np.median(np.sum((found - smaller) ** 2, axis=-1))
