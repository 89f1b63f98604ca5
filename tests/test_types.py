import dataclasses
from typing import Any

import numpy as np
import pytest

import photos
import tamperscope
from tamperscope.types import Jpeg, Localization, Photo


def make_photo(**changes: Any) -> Photo:
    values: dict[str, Any] = {
        "pixels": np.zeros((4, 6, 3), np.uint8),
        "jpeg": None,
        "orientation": 1,
        "digest": "0" * 64,
        "format": "PNG",
        "size": 1,
        "decoded_rows": 4,
    }
    return Photo(**{**values, **changes})


def test_photo_is_read_only() -> None:
    photo = make_photo()
    with pytest.raises(ValueError, match="read-only"):
        photo.pixels[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        photo.orientation = 2  # type: ignore[misc]
    assert (photo.height, photo.width) == (4, 6)


def test_what_is_given_stays_the_giver_s_and_what_is_held_is_read_only() -> None:
    pixels, heatmap, valid = (
        np.zeros((4, 6, 3), np.uint8),
        np.zeros((4, 6), np.float32),
        np.ones((4, 6), bool),
    )
    photo, found = make_photo(pixels=pixels), Localization(heatmap, None, valid)
    for given, held in ((pixels, photo.pixels), (heatmap, found.heatmap), (valid, found.valid)):
        assert held is not None
        assert given.flags.writeable
        assert not held.flags.writeable


@pytest.mark.parametrize(
    "changes",
    [
        {"pixels": np.zeros((4, 6), np.uint8)},
        {"pixels": np.zeros((4, 6, 3), np.float32)},
        {"orientation": 0},
        {"orientation": 9},
        {"decoded_rows": 5},
    ],
)
def test_photo_refuses_what_it_cannot_be(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        make_photo(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heatmap": np.zeros((4, 6))}, "heatmap must be float32"),
        ({"heatmap": np.zeros((0, 6), np.float32)}, "heatmap must be float32"),
        ({"heatmap": np.full((4, 6), 1.5, np.float32)}, "lie in"),
        ({"heatmap": np.full((4, 6), -0.1, np.float32)}, "lie in"),
        ({"heatmap": np.full((4, 6), np.nan, np.float32)}, "lie in"),
        ({"score": 1.01}, "score"),
        ({"score": float("nan")}, "score"),
        ({"valid": np.ones((6, 4), bool)}, "valid"),
        ({"valid": np.ones((4, 6), np.uint8)}, "valid must be bool .*, not uint8"),
    ],
)
def test_localization_refuses_what_it_cannot_be(changes: dict[str, Any], message: str) -> None:
    values = {"heatmap": np.zeros((4, 6), np.float32), "score": 0.5, **changes}
    with pytest.raises(ValueError, match=message):
        Localization(**values)


def test_mask_leaves_out_what_cannot_be_judged() -> None:
    heatmap = np.array([[0.4, 0.5, 0.9]], np.float32)
    everywhere = Localization(heatmap, None)
    partly = Localization(heatmap, None, np.array([[True, True, False]]))
    assert everywhere.mask(0.5).tolist() == [[False, True, True]]
    assert partly.mask(0.5).tolist() == [[False, True, False]]


@pytest.mark.parametrize(
    ("sampling", "name"),
    [
        (((1, 1),), "4:0:0"),
        (((2, 2),), "4:0:0"),
        (((1, 1), (1, 1), (1, 1)), "4:4:4"),
        (((2, 2), (2, 2), (2, 2)), "4:4:4"),
        (((2, 1), (1, 1), (1, 1)), "4:2:2"),
        (((2, 2), (1, 1), (1, 1)), "4:2:0"),
        (((1, 2), (1, 1), (1, 1)), "4:4:0"),
        (((4, 1), (1, 1), (1, 1)), "4:1:1"),
        (((2, 2), (2, 1), (1, 1)), "2x2,2x1,1x1"),
        (((1, 1), (2, 2), (2, 2)), "1x1,2x2,2x2"),
    ],
)
def test_subsampling_is_named(sampling: tuple[tuple[int, int], ...], name: str) -> None:
    jpeg = Jpeg(lambda: ((), ()), (), sampling, False, False, 90, True, True, False)
    assert jpeg.subsampling == name


def test_coefficients_are_read_once_and_only_when_asked_for() -> None:
    calls = []

    def read() -> tuple[tuple[Any, ...], tuple[str, ...]]:
        calls.append(1)
        return (np.zeros((1, 1, 8, 8), np.int16),), ("remark",)

    jpeg = Jpeg(read, (), ((1, 1),), False, False, 90, True, True, False)
    assert not calls
    assert jpeg.coefficients[0].shape == (1, 1, 8, 8)
    assert jpeg.remarks == ("remark",)
    assert len(calls) == 1


def test_loading_and_detecting_never_changes_the_photo() -> None:
    photo = tamperscope.load(photos.spliced()[0])
    before = photo.pixels.copy()
    tamperscope.detector("ela").localize(photo)
    assert np.array_equal(photo.pixels, before)
