"""Which of two alike parts is the copy, and how sure that is."""

import numpy as np
import pytest
from numpy.typing import NDArray

import photos
from forging import copied
from tamperscope.detectors._copies import Copies, alike, find_copies
from tamperscope.io.decode import decode

Bools = NDArray[np.bool_]


def find(
    pixels: photos.Pixels,
    logits: NDArray[np.float32],
    unlike: NDArray[np.float32] | None = None,
    most: int = 500_000,
) -> Copies:
    """Look for copies; numbers for each pixel are reduced to one for each block."""
    noise = None if unlike is None else unlike[::8, ::8]
    found = find_copies(alike(decode(photos.encode(pixels)), logits[::8, ::8], noise, most))
    assert found is not None
    return found


def test_the_side_that_looks_manipulated_is_the_copy() -> None:
    pixels, source, copy = copied()
    for truth, other in ((copy, source), (source, copy)):
        found = find(pixels, np.where(truth, 2, -4).astype(np.float32))
        assert found.probability > 0.7
        assert found.heat[truth].mean() > 0.6
        assert found.heat[other].mean() < 0.1
        link = max(found.links, key=lambda link: link.area_share)
        assert truth[link.y, link.x]
        assert other[link.to_y, link.to_x]


def test_the_side_whose_noise_is_unlike_the_rest_is_the_copy() -> None:
    pixels, source, copy = copied()
    even = np.full(copy.shape, -3, np.float32)
    unsure = find(pixels, even).probability
    for truth, other in ((copy, source), (source, copy)):
        found = find(pixels, even, unlike=np.where(truth, 1, 0).astype(np.float32))
        assert found.heat[truth].mean() > 0.5
        assert found.heat[other].mean() < 0.1
        assert found.probability > unsure


def test_where_nothing_tells_them_apart_both_are_marked_and_it_is_less_sure() -> None:
    pixels, source, copy = copied()
    even = find(pixels, np.full(copy.shape, -3, np.float32))
    seen = find(pixels, np.where(copy, 2, -3).astype(np.float32))
    assert even.probability < seen.probability
    assert even.heat[source].mean() == pytest.approx(even.heat[copy].mean(), rel=0.2)
    assert even.heat[~(source | copy)].mean() < 0.1


def test_large_photos_are_reduced_and_links_are_not() -> None:
    pixels, source, copy = copied()
    found = find(pixels, np.where(copy, 2, -4).astype(np.float32), most=60_000)
    assert found.heat.size <= 60_000
    link = max(found.links, key=lambda link: link.area_share)
    assert copy[link.y, link.x]
    assert source[link.to_y, link.to_x]


def test_nothing_twice_is_nothing() -> None:
    assert (
        find_copies(
            alike(decode(photos.encode(photos.scene())), np.zeros((50, 75), np.float32), None, 500_000)
        )
        is None
    )
