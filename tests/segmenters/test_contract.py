"""What every registered segmenter promises, on every awkward photo."""

from functools import partial
from typing import Any

import numpy as np
import pytest

import photos
from segmenters_made import made_weights
from tamperscope import plugins
from tamperscope.io.decode import decode
from tamperscope.segmenters._base import Segmenter

NAMES = plugins.names("segmenters")


@pytest.fixture(scope="module", params=NAMES)
def build(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes a segmenter with fields, weights included if it needs some; what they find does not matter."""
    weights = made_weights(request.param, tmp_path_factory.mktemp("weights"))
    fields: dict[str, Any] = {"weights": str(weights)} if weights else {}
    if request.param == "sam":  # whose random masks are none that it believes in
        fields |= {"points": 2, "quality": 0.0, "stability": 0.0}
    return partial(plugins.build, "segmenters", request.param, **fields)


def test_regions_are_masks_of_the_photo(build: Any) -> None:
    segmenter: Segmenter = build()
    segmenter.prepare()
    # What is read from a file is RGB, always; sizes are what may be awkward.
    for awkward in ("1x1.png", "7x5.jpg", "9x17.jpg", "300x9.jpg", "grey.png", "constant.jpg", "photo.png"):
        given = decode(photos.awkward(awkward))
        masks = segmenter.regions(given)
        assert masks.dtype == bool
        assert masks.shape[1:] == (given.height, given.width)
        assert masks.any(axis=(1, 2)).all()
        assert np.array_equal(masks, segmenter.regions(given)), "not deterministic"


def test_a_large_photo_is_brought_to_its_size(build: Any) -> None:
    given = decode(photos.encode(photos.scene()))
    _, height, width = build(size=10_000).regions(given).shape
    assert 9_000 < height * width <= 10_000
    assert height / width == pytest.approx(given.height / given.width, rel=0.05)


def test_it_finds_something(build: Any) -> None:
    given = decode(photos.encode(photos.scene()))
    assert len(build(size=40_000).regions(given))
