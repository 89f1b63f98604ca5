"""What every registered segmenter promises, on every awkward photo."""

import numpy as np
import pytest

import photos
from tamperscope import plugins
from tamperscope.io.decode import decode
from tamperscope.segmenters._base import Segmenter

NAMES = plugins.names("segmenters")


@pytest.mark.parametrize("awkward", photos.AWKWARD)
@pytest.mark.parametrize("name", NAMES)
def test_regions_are_masks_of_the_photo(name: str, awkward: str) -> None:
    given = decode(photos.awkward(awkward))
    segmenter: Segmenter = plugins.build("segmenters", name)
    masks = segmenter.regions(given)
    assert masks.dtype == bool
    assert masks.shape[1:] == (given.height, given.width)
    assert masks.any(axis=(1, 2)).all()
    assert np.array_equal(masks, segmenter.regions(given)), "not deterministic"


@pytest.mark.parametrize("name", NAMES)
def test_a_large_photo_is_brought_to_its_size(name: str) -> None:
    given = decode(photos.encode(photos.scene()))
    segmenter: Segmenter = plugins.build("segmenters", name, size=10_000)
    _, height, width = segmenter.regions(given).shape
    assert 9_000 < height * width <= 10_000
    assert height / width == pytest.approx(given.height / given.width, rel=0.05)
