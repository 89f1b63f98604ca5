"""What every registered refiner promises, on every awkward photo."""

from functools import cache

import numpy as np
import pytest

import photos
from tamperscope import plugins
from tamperscope.io.decode import decode
from tamperscope.refine._base import Refiner
from tamperscope.types import Link, Localization, Photo

NAMES = plugins.names("refine")


@cache
def photo(name: str) -> Photo:
    return decode(photos.awkward(name))


def blob(height: int, width: int) -> np.ndarray:
    """Heat around the middle, with noise."""
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    noise = np.random.default_rng(0).random((height, width))
    heat = np.exp(-3 * (rows**2 + columns**2)) * 0.9 + 0.1 * noise
    return np.asarray(heat, np.float32)


@pytest.mark.parametrize("awkward", photos.AWKWARD)
@pytest.mark.parametrize("name", NAMES)
def test_it_gives_a_map_of_the_photos_size(name: str, awkward: str) -> None:
    given = photo(awkward)
    before = given.pixels.copy()
    heatmap = blob(given.height, given.width)
    found = Localization(
        heatmap.copy(), 0.25, None, links=(Link(0, 0, 1, 1, 0.1, 1.0, 0.0, False),), reason="said"
    )
    refiner: Refiner = plugins.build("refine", name)
    refined = refiner.refine(given, found, 0.3)
    assert refined.heatmap.shape == (given.height, given.width)
    assert (refined.score, refined.links, refined.reason) == (0.25, found.links, "said")
    assert np.array_equal(given.pixels, before), "the photo was changed"
    assert np.array_equal(found.heatmap, heatmap), "the localization was changed"
    assert np.array_equal(refined.heatmap, refiner.refine(given, found, 0.3).heatmap), "not deterministic"


@pytest.mark.parametrize("name", NAMES)
def test_where_the_detector_cannot_judge_its_map_stays(name: str) -> None:
    given = photo("photo.png")
    heatmap = blob(given.height, given.width)
    valid = np.ones(heatmap.shape, bool)
    valid[:, 40:60] = False
    refined = plugins.build("refine", name).refine(given, Localization(heatmap, None, valid), 0.5)
    assert np.array_equal(refined.heatmap[~valid], heatmap[~valid])
    assert not np.array_equal(refined.heatmap[valid], heatmap[valid])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_level_map_stays_on_its_side_of_the_threshold(name: str, level: float) -> None:
    given = photo("photo.png")
    found = Localization(np.full((given.height, given.width), level, np.float32), None)
    refined = plugins.build("refine", name).refine(given, found, 0.5)
    assert ((refined.heatmap >= 0.5) == (level >= 0.5)).all()


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_a_person_must_know(name: str) -> None:
    kind = plugins.load("refine", name)
    assert kind.title
    assert kind.looks_at
    assert kind.paper
    for entry in plugins.options(kind).values():
        assert entry.metadata["description"]
