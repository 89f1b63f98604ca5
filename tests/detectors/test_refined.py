from pathlib import Path

import numpy as np
import pytest

import photos
import tamperscope
from tamperscope import plugins
from tamperscope.detectors._refined import Refined, assemble
from tamperscope.errors import InvalidParameter, MissingEvidence, UnknownPlugin
from tamperscope.evaluation.cache import Cache
from tamperscope.io.decode import decode
from tamperscope.refine.smooth import Smooth


def test_a_name_says_what_runs() -> None:
    detector = assemble("ela+smooth+crf", {"ela": {"quality": 95}, "smooth": {"sigma": 3.0}})
    assert isinstance(detector, Refined)
    assert plugins.name_of(detector) == "ela+smooth+crf"
    parameters = plugins.parameters(detector)
    assert parameters["detector"]["refiner"] == {"sigma": 3.0}
    assert parameters["detector"]["detector"]["quality"] == 95
    assert parameters["refiner"]["iterations"] == 5
    assert detector.card.title == "Error level analysis, refined by smooth, refined by crf"


def test_it_is_the_detector_and_then_the_refiner() -> None:
    photo = decode(photos.awkward("photo.png"))
    plain = tamperscope.detector("ela", quality=95).localize(photo)
    refined = tamperscope.detector("ela+smooth", quality=95, smooth={"sigma": 2.0}).localize(photo)
    assert np.array_equal(refined.heatmap, Smooth(2.0).refine(photo, plain, 0.5).heatmap)
    assert refined.score == plain.score


@pytest.mark.parametrize(
    ("name", "words"),
    [("ela+crff", "there is no refiner 'crff'; did you mean 'crf'"), ("elaa+crf", "no detector 'elaa'")],
)
def test_unknown_parts_are_named(name: str, words: str) -> None:
    with pytest.raises(UnknownPlugin, match=words):
        assemble(name, {})


def test_a_wrong_field_is_named() -> None:
    with pytest.raises(InvalidParameter, match=r"crf has no field 'iteration'; did you mean 'iterations'"):
        tamperscope.detector("ela+crf", crf={"iteration": 3})


def test_a_refiner_that_is_named_twice_has_its_fields_twice() -> None:
    detector = tamperscope.detector("ela+smooth+smooth", smooth={"sigma": 2.0})
    assert plugins.parameters(detector)["refiner"] == {"sigma": 2.0}
    assert plugins.parameters(detector)["detector"]["refiner"] == {"sigma": 2.0}
    with pytest.raises(InvalidParameter, match="crf cannot be 5; give crf="):
        tamperscope.detector("ela+crf", crf=5)


def test_a_chosen_detector_is_refined() -> None:
    photo = decode(photos.awkward("16x16.png"))
    chosen, why = assemble("auto+crf", {}).resolve(photo, lambda name: assemble(name, {}))
    assert plugins.name_of(chosen) == "noi+crf"
    assert "auto chose noi" in why


def test_what_the_detector_needs_is_needed() -> None:
    with pytest.raises(MissingEvidence, match="JPEG"):
        assemble("adjpeg+crf", {}).localize(decode(photos.awkward("photo.png")))


def test_rows_that_a_file_lost_stay_blank() -> None:
    photo = decode(photos.encode(photos.crop(97, 130), "JPEG")[:-1500], salvage=True)
    assert photo.decoded_rows < photo.height
    result = assemble("ela+crf", {}).localize(photo)
    assert not result.heatmap[photo.decoded_rows :].any()


def test_what_is_measured_with_and_without_is_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, cache = decode(photos.awkward("photo.png")), Cache(tmp_path)
    plain, known = cache.localize(assemble("ela", {}), photo)
    assert not known
    monkeypatch.setattr(type(assemble("ela", {})), "_localize", None)
    refined, known = cache.localize(assemble("ela+smooth", {}), photo)
    assert not known
    assert plain.localization
    assert refined.localization
    expected = Smooth().refine(photo, plain.localization, plain.threshold)
    assert np.array_equal(refined.localization.heatmap, expected.heatmap)
    missing, _ = cache.localize(assemble("adjpeg+smooth", {}), photo)
    assert missing.localization is None
    assert "JPEG" in missing.missing
