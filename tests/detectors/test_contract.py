"""What every registered detector promises, on every awkward photo."""

import dataclasses
import pickle
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import photos
from detectors_made import build, build_made
from tamperscope import plugins
from tamperscope.detectors._base import Detector
from tamperscope.detectors._learned import Learned
from tamperscope.detectors._onnx import shipped
from tamperscope.errors import InvalidParameter, MissingEvidence
from tamperscope.io.decode import decode
from tamperscope.types import Card, Localization, Need, Photo

NAMES = plugins.names("detectors")


@cache
def photo(name: str) -> Photo:
    return decode(photos.awkward(name))


@pytest.mark.parametrize("awkward", photos.AWKWARD)
@pytest.mark.parametrize("name", NAMES)
def test_it_judges_or_says_what_is_missing(name: str, awkward: str) -> None:
    given = photo(awkward)
    before = given.pixels.copy()
    detector = build(name)
    try:
        result = detector.localize(given)
    except MissingEvidence as error:
        assert error.remedy
        return
    assert isinstance(result, Localization)  # whose own checks cover ranges and types
    assert result.heatmap.shape == (given.height, given.width)
    assert result.reason
    assert np.array_equal(given.pixels, before), "the photo was changed"
    again = detector.localize(given)
    assert np.array_equal(result.heatmap, again.heatmap), "not deterministic"
    assert result.score == again.score


@pytest.mark.parametrize("name", NAMES)
def test_what_is_too_small_is_refused_in_so_many_words(name: str) -> None:
    for awkward in ("1x1.png", "1x1.jpg", "7x5.png", "7x5.jpg"):
        with pytest.raises(MissingEvidence, match="too few"):
            build(name).localize(photo(awkward))


@pytest.mark.parametrize("name", NAMES)
def test_a_need_that_is_not_met_is_named(name: str) -> None:
    detector = build(name)
    if Need.JPEG in detector.needs:
        with pytest.raises(MissingEvidence, match=r"JPEG.*this is PNG"):
            detector.localize(photo("photo.png"))
    else:
        assert detector.localize(photo("photo.png")).heatmap.shape == (97, 130)


@pytest.mark.parametrize("name", NAMES)
def test_the_card_tells_what_a_person_must_know(name: str) -> None:
    card = plugins.load("detectors", name).card
    assert isinstance(card, Card)
    assert all((card.title, card.looks_at, card.limits, card.paper, card.licence))
    assert 1990 < card.year < 2100
    assert 0 < card.threshold < 1


@pytest.mark.parametrize("name", [name for name in plugins.names("detectors", own=True) if name != "auto"])
def test_a_page_shows_what_it_finds_and_when_it_lies(name: str) -> None:
    folder = Path(__file__).parents[2] / "docs" / "guide" / "detectors"
    page = (folder / f"{name}.md").read_text()
    assert page.startswith(f"# `{name}`: ")
    assert "**When it lies.**" in page
    if not issubclass(plugins.load("detectors", name), Learned) or shipped(name).exists():
        assert f"]({name}.webp)" in page
        assert len((folder / f"{name}.webp").read_bytes()) > 10_000
    assert f"[`{name}`]({name}.md)" in (folder / "README.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_documented_and_checked(name: str) -> None:
    plugin = plugins.load("detectors", name)
    for field in plugins.options(plugin).values():
        assert field.metadata["description"]
        assert field.default is not dataclasses.MISSING
        low, high = field.metadata["low"], field.metadata["high"]
        for beyond in ([] if low is None else [low - 1]) + ([] if high is None else [high + 1]):
            with pytest.raises(InvalidParameter, match=field.name):
                plugins.build("detectors", name, **{field.name: beyond})


@pytest.mark.parametrize("name", NAMES)
def test_the_extremes_of_every_field_work(name: str) -> None:
    plugin = plugins.load("detectors", name)
    for field in plugins.options(plugin).values():
        for value in (field.metadata["low"], field.metadata["high"]):
            if value is not None:
                detector = build_made(name, **{field.name: value})
                assert detector.localize(photo("photo.jpg")).heatmap.shape == (97, 130)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_frozen_value_that_passes_between_processes(name: str) -> None:
    detector = build(name)
    assert pickle.loads(pickle.dumps(detector)) == detector  # noqa: S301  our own bytes
    assert hash(detector) == hash(build(name))
    with pytest.raises(dataclasses.FrozenInstanceError):
        detector.smallest = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_were_never_in_the_file_are_not_judged(name: str) -> None:
    data = photos.resaved()
    part = decode(data[: len(data) // 2], salvage=True)
    result = build(name).localize(part)
    assert 0 < part.decoded_rows < part.height
    assert result.valid is not None
    assert not result.valid[part.decoded_rows :].any()
    assert not result.heatmap[part.decoded_rows :].any()


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_were_never_in_the_file_do_not_count_in_what_is_said_of_the_others(name: str) -> None:
    """A file that ends early is judged as one of so many rows: the same data behind another header."""
    data = photos.encode(photos.crop(320, 256), "JPEG", quality=85, subsampling=0)
    cut = data[: len(data) * 3 // 5]
    part = decode(cut, salvage=True)
    height = cut.index(b"\xff\xc0") + 5
    rows = part.decoded_rows
    assert 128 <= rows < part.height
    there = decode(cut[:height] + rows.to_bytes(2, "big") + cut[height + 2 :] + b"\xff\xd9")
    result, expected = build(name).localize(part), build(name).localize(there)
    assert result.score == expected.score
    assert np.array_equal(result.heatmap[:rows], expected.heatmap)
    assert result.links == tuple(
        dataclasses.replace(link, area_share=link.area_share * rows / 320) for link in expected.links
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_ends_at_once_is_too_small(name: str) -> None:
    data = photos.encode(photos.crop(320, 256), "JPEG", quality=85)
    part = decode(data[: data.index(b"\xff\xda") + 100], salvage=True)
    assert part.decoded_rows < 8
    with pytest.raises(MissingEvidence, match=r"too few.*find a whole copy"):
        build(name).localize(part)


def test_a_heatmap_of_the_wrong_size_is_a_defect() -> None:
    @dataclasses.dataclass(frozen=True)
    class Wrong(Detector):
        card = plugins.load("detectors", "ela").card

        def _localize(self, photo: Photo) -> Localization:
            return Localization(np.zeros((1, 1), np.float32), None)

    with pytest.raises(ValueError, match=r"Wrong made a heatmap of \(1, 1\)"):
        Wrong().localize(photo("photo.png"))
