import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamperscope.signal.windows import (
    Tile,
    blocks_to_pixels,
    each,
    interpolate_blocks,
    mirrored,
    strips,
    tiles,
)


@given(st.integers(0, 200), st.integers(1, 50))
def test_strips_cover_every_row_once(rows: int, most: int) -> None:
    covered = [row for strip in strips(rows, most) for row in range(rows)[strip]]
    assert covered == list(range(rows))
    assert all(strip.stop - strip.start <= most for strip in strips(rows, most))


@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from([8, 16, 32]))
def test_blocks_become_pixels(height: int, width: int, step: int) -> None:
    rows, columns = -(-height // step), -(-width // step)
    values = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
    expected = np.kron(values, np.ones((step, step), np.float32))[:height, :width]
    assert np.array_equal(blocks_to_pixels(values, (height, width), (step, step)), expected)


def test_pixels_beyond_the_last_block_continue_it() -> None:
    values = np.array([[1, 2]], np.float32)
    assert blocks_to_pixels(values, (10, 20))[9, 19] == 2
    assert interpolate_blocks(values, (10, 20), 8)[9, 19] == 2


def test_blocks_may_have_fractional_sizes() -> None:
    values = np.arange(4)[None]
    assert blocks_to_pixels(values, (1, 10), (8, 2.5)).tolist() == [[0, 0, 0, 1, 1, 2, 2, 2, 3, 3]]


def test_interpolation_meets_the_blocks_at_their_centres_and_rises_between() -> None:
    found = interpolate_blocks(np.array([[0, 1]], np.float32), (8, 32), 16)
    assert found.shape == (8, 32)
    assert found.dtype == np.float32
    assert (np.diff(found[0]) >= 0).all()
    assert found[0, :8].max() == 0
    assert found[0, 24:].min() == 1


def test_what_is_mirrored_keeps_its_blocks() -> None:
    plane = np.arange(21 * 24).reshape(21, 24)
    found = mirrored(plane, 32)
    assert found.shape == (32, 32)
    np.testing.assert_array_equal(found[:21, :24], plane)
    np.testing.assert_array_equal(found[21:24], np.repeat(found[20:21], 3, axis=0))
    np.testing.assert_array_equal(found[:, 24:], found[:, 16:24][:, ::-1])
    np.testing.assert_array_equal(found[24:], found[16:24][::-1])


def test_work_is_done_on_each_tile_and_what_fails_is_raised() -> None:
    whole = np.zeros(100, int)

    def count(tile: Tile) -> None:
        whole[tile.place] += 1

    each(count, tiles(100, 7, 2))
    assert (whole == 1).all()

    def fail(tile: Tile) -> None:
        raise ValueError(tile.place)

    with pytest.raises(ValueError, match="slice"):
        each(fail, tiles(100, 7, 2))
