import numpy as np
import pytest
from numpy.typing import NDArray

from tamperscope.signal.guided import guided

Floats = NDArray[np.float32]


def drawn(seed: int, shape: tuple[int, ...]) -> Floats:
    return np.asarray(np.random.default_rng(seed).random(shape), np.float32)


@pytest.fixture
def picture() -> Floats:
    return drawn(3, (23, 31, 3))


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_a_plane_over_the_channels_stays(picture: Floats, channels: int) -> None:
    guide = picture[..., :channels]
    values = guide @ np.array([2.0, -3.0, 0.5], np.float32)[:channels] + 1
    np.testing.assert_allclose(guided(values, guide, guide, 2, 1e-7), values, atol=2e-3)


def test_it_is_a_regression_in_each_window(picture: Floats) -> None:
    values = drawn(4, picture.shape[:2])
    found = guided(values, picture, picture, 2, 0.01)
    # Far from borders: the mean of the planes of all windows that hold the place.
    row, column, planes = 11, 15, []
    for top in range(row - 2, row + 3):
        for left in range(column - 2, column + 3):
            window = np.s_[top - 2 : top + 3, left - 2 : left + 3]
            colours = picture[window].reshape(-1, 3).astype(float)
            spread = np.cov(colours.T, bias=True) + 0.01 * np.eye(3)
            apart = (colours - colours.mean(0)).T @ values[window].ravel() / len(colours)
            slope = np.linalg.solve(spread, apart)
            planes.append(values[window].mean() + slope @ (picture[row, column] - colours.mean(0)))
    assert found[row, column] == pytest.approx(np.mean(planes), abs=1e-4)


def test_the_edge_of_a_larger_picture_is_found() -> None:
    large = np.zeros((64, 64, 3), np.uint8)
    large[:, 34:] = 200  # within a place of the small one
    small = np.asarray(large.reshape(16, 4, 16, 4, 3).mean((1, 3)) / 255, np.float32)
    ramp = np.tile(np.clip((np.arange(16) - 5) / 6, 0, 1), (16, 1))
    found = guided(ramp.astype(np.float32), small, large, 2, 1e-3)
    assert found.shape == (64, 64)
    jump = np.abs(np.diff(found[32]))
    assert jump.argmax() == 33
    assert jump[33] > 5 * np.sort(jump)[-2]


def test_a_guide_of_eight_bits_is_the_same(picture: Floats) -> None:
    bits = (255 * picture).astype(np.uint8)
    scaled = np.asarray(bits.astype(np.float32) / 255, np.float32)
    values = picture[..., 0]
    np.testing.assert_allclose(
        guided(values, scaled, bits, 2, 1e-3), guided(values, scaled, scaled, 2, 1e-3), atol=1e-5
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (7, 2)])
def test_where_nothing_changes_the_mean_remains(shape: tuple[int, int]) -> None:
    flat = np.full((*shape, 3), 0.5, np.float32)
    found = guided(np.full(shape, 0.25, np.float32), flat, flat, 2, 1e-3)
    np.testing.assert_allclose(found, 0.25, atol=1e-6)
