import dataclasses

import numpy as np
import pytest

import photos
from tamperscope import plugins
from tamperscope.detectors import auto
from tamperscope.detectors._base import Detector
from tamperscope.io.decode import decode
from tamperscope.types import Photo


def resolve(photo: Photo, **fields: object) -> tuple[Detector, str]:
    chooser: Detector = plugins.build("detectors", "auto")
    return chooser.resolve(photo, lambda name: plugins.build("detectors", name, **fields))


@pytest.mark.parametrize(
    ("awkward", "chosen", "why"),
    [
        ("photo.jpg", "fusion", "it is the best on real forgeries"),
        ("UPPER.JPG", "fusion", "it is the best on real forgeries"),
        ("photo.png", "fusion", "it is the best on real forgeries"),
        ("300x9.jpg", "adjpeg", "the photo is too small for fusion, and is a JPEG"),
        ("16x16.png", "noi", "the photo is too small for fusion, and its PNG has no JPEG coefficients"),
    ],
)
def test_the_choice_follows_the_evidence_and_is_explained(awkward: str, chosen: str, why: str) -> None:
    detector, reason = resolve(decode(photos.awkward(awkward)))
    assert type(detector) is plugins.load("detectors", chosen)
    assert reason.startswith(f"auto chose {chosen}: {why}")


@pytest.mark.parametrize(("form", "chosen"), [("JPEG", "adjpeg"), ("PNG", "noi")])
def test_photos_that_would_take_minutes_are_left_to_others(
    form: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "_LARGEST", 10_000)
    large = decode(photos.encode(np.zeros((101, 100, 3), np.uint8), form))
    detector, reason = resolve(large)
    assert type(detector) is plugins.load("detectors", chosen)
    assert "too large for fusion" in reason


def test_a_jpeg_without_readable_coefficients_is_judged_by_its_noise() -> None:
    photo = decode(photos.awkward("300x9.jpg"))
    assert photo.jpeg
    broken = dataclasses.replace(photo, jpeg=dataclasses.replace(photo.jpeg, read=lambda: ((), ("broken",))))
    detector, reason = resolve(broken)
    assert type(detector) is plugins.load("detectors", "noi")
    assert "has no JPEG coefficients" in reason


def test_what_is_left_of_a_file_may_be_too_small_for_fusion() -> None:
    data = photos.encode(photos.crop(320, 256), "JPEG", quality=85, subsampling=0)
    photo = decode(data[: len(data) // 8], salvage=True)
    assert 8 <= photo.decoded_rows < 64
    detector, reason = resolve(photo)
    assert type(detector) is plugins.load("detectors", "adjpeg")
    assert "too small for fusion" in reason


def test_the_users_fields_reach_the_chosen_detector() -> None:
    detector, _ = resolve(decode(photos.awkward("photo.jpg")), tile=256)
    assert plugins.parameters(detector)["tile"] == 256


def test_localizing_directly_gives_what_the_chosen_one_gives() -> None:
    photo = decode(photos.spliced()[0])
    direct = plugins.build("detectors", "auto").localize(photo)
    assert np.array_equal(direct.heatmap, plugins.build("detectors", "fusion").localize(photo).heatmap)


def test_others_resolve_to_themselves() -> None:
    ela = plugins.build("detectors", "ela")
    assert ela.resolve(decode(photos.awkward("photo.png")), lambda name: ela) == (ela, "")
