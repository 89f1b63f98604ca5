from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import photos
from tamperscope.forge.history import Saving
from tamperscope.io.decode import decode
from tamperscope.signal.dct import block_dct
from tamperscope.signal.history import MOST, History, history

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def blocks(found: History) -> NDArray[np.uint8]:
    rows, columns = (length // 8 for length in found.levels.shape)
    return np.asarray(found.levels.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3))


@pytest.mark.parametrize("name", ["photo.jpg", "progressive.jpg", "420.jpg", "grey.jpg", "arithmetic.jpg"])
def test_of_a_jpeg_it_is_what_the_file_holds(name: str) -> None:
    photo = decode(photos.awkward(name))
    assert photo.jpeg
    found = history(photo)
    rows, columns = -(-photo.height // 8), -(-photo.width // 8)
    assert found.levels.shape == (8 * rows, 8 * columns)
    stored = photo.jpeg.coefficients[0][:rows, :columns]
    assert np.array_equal(blocks(found), np.minimum(np.abs(stored), MOST))
    assert np.array_equal(found.table, photo.jpeg.tables[0])
    assert found.stored


def test_the_most_negative_coefficient_is_a_large_one() -> None:
    photo = decode(photos.awkward("photo.jpg"))
    assert photo.jpeg
    first, *others = photo.jpeg.coefficients
    stored = first.copy()
    stored[0, 0, 0, 0] = -32768
    spoilt = replace(photo.jpeg, read=lambda: ((stored, *others), ()))
    assert history(replace(photo, jpeg=spoilt)).levels[0, 0] == MOST


@pytest.mark.parametrize("name", photos.AWKWARD)
def test_every_photo_has_one(name: str) -> None:
    photo = decode(photos.awkward(name))
    found = history(photo)
    assert found.levels.dtype == np.uint8
    assert found.levels.max() <= MOST
    assert found.levels.shape == (photo.height + -photo.height % 8, photo.width + -photo.width % 8)
    assert found.table.shape == (8, 8)
    assert found.stored <= (photo.jpeg is not None)


def test_an_earlier_saving_shows_in_the_pixels() -> None:
    """Levels of what was once a grey JPEG are multiples of its steps, but for rounding."""
    grey = np.repeat(photos.crop(96, 128).mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    saved = Saving("standard", 50, "4:4:4")
    photo = decode(photos.encode(saved.wear(grey)))
    found = history(photo)
    assert not found.stored
    levels = blocks(found)[..., 2, 2].astype(int)  # a step of 16 in that table
    assert np.isin(levels, (0, 1, 15, 16, 17, MOST)).mean() > 0.99
    assert np.isin(levels, (15, 16, 17)).any()


def test_pixels_are_transformed_as_jpeg_does_it() -> None:
    photo = decode(photos.encode(photos.crop(64, 72)))
    expected = np.abs(np.rint(block_dct(photo.pixels @ LUMA - np.float32(128))))
    assert np.array_equal(blocks(history(photo)), np.minimum(expected, MOST))


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("flip", [False, True])
def test_a_turn_is_that_of_the_turned_pixels(quarters: int, flip: bool) -> None:
    pixels = photos.crop(64, 64)
    turned = np.rot90(pixels, quarters)[:, :: -1 if flip else 1]
    expected = history(decode(photos.encode(np.ascontiguousarray(turned))))
    found = history(decode(photos.encode(pixels))).turned(quarters, flip)
    close = np.abs(found.levels.astype(int) - expected.levels) <= 1
    assert close.all()  # halves may be rounded either way
    assert (found.levels == expected.levels).mean() > 0.999


def test_tables_turn_too_and_windows_keep_to_the_grid() -> None:
    rng = np.random.default_rng(0)
    table = rng.random((8, 8)).astype(np.float32)
    found = History(rng.integers(0, MOST, (32, 32), np.uint8), table, stored=True)
    assert np.array_equal(found.turned(1, flip=True).table, table.T)
    assert np.array_equal(found.turned(2, flip=True).table, table)
    part = found.window(8, 16, 16, 8)
    assert np.array_equal(blocks(part), blocks(found)[1:3, 2:3])


def test_what_is_mirrored_is_that_of_the_mirrored_pixels() -> None:
    pixels = photos.crop(40, 64)
    mirrored = np.pad(pixels, ((0, 24), (0, 0), (0, 0)), mode="symmetric")
    found, expected = (history(decode(photos.encode(one))) for one in (pixels, mirrored))
    assert found.mirrored(32).levels.shape == (40, 64)
    close = (
        np.abs(found.mirrored(64).levels.astype(int) - expected.levels) <= 1
    )  # halves are rounded either way
    assert close.all()
    assert (found.mirrored(64).levels == expected.levels).mean() > 0.999
