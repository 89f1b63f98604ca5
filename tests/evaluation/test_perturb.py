"""What happens to photographs before they are analysed: as asked, reproducible, the truth with them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dataset_trees import ellipse
from photos import crop, encode
from tamperscope.errors import InvalidParameter
from tamperscope.evaluation.perturb import KINDS, Perturbation, equalize, parse_perturbations
from tamperscope.io.decode import decode
from tamperscope.io.encode import encode_jpeg
from tamperscope.types import Photo

SHAPE = (96, 128)
TRUTH = ellipse(SHAPE)


def photo(kind: str = "JPEG", **options: object) -> Photo:
    return decode(encode(crop(*SHAPE), kind, **options))  # type: ignore[arg-type]


def applied(name: str, source: Photo | None = None, seed: int = 0) -> tuple[Photo, NDArray[np.bool_]]:
    (perturbation,) = parse_perturbations([name])
    data, truth = perturbation.apply(source or photo(), TRUTH, seed)
    return decode(data), truth


def test_they_are_parsed_as_they_are_named() -> None:
    found = parse_perturbations(["jpeg:95,75", "resize:0.5", "jpeg:75"])
    assert [one.name for one in found] == ["jpeg:95", "jpeg:75", "resize:0.5"]
    assert found[2] == Perturbation("resize", 0.5)


@pytest.mark.parametrize(
    "text", ["jpg:90", "jpeg", "jpeg:", "jpeg:0", "jpeg:101", "jpeg:75.5", "resize:9", "noise:x", "blur:nan"]
)
def test_what_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter):
        parse_perturbations([text])


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("source", ["JPEG", "PNG"])
def test_they_depend_on_the_seed_and_the_bytes_alone(kind: str, source: str) -> None:
    strength = {"jpeg": 80, "resize": 0.75, "crop": 3, "blur": 1, "noise": 4}[kind]
    one, other = (Perturbation(kind, strength).apply(photo(source), TRUTH, 7) for _ in range(2))
    assert one[0] == other[0]
    assert decode(one[0]).pixels.shape[:2] == one[1].shape


def test_noise_differs_by_seed_and_by_photo() -> None:
    files = {
        Perturbation("noise", 4).apply(photo(quality=q), TRUTH, seed)[0] for q in (80, 90) for seed in (0, 1)
    }
    assert len(files) == 4


def test_jpeg_saves_at_that_quality() -> None:
    jpeg = applied("jpeg:61")[0].jpeg
    assert jpeg
    assert (jpeg.quality, jpeg.standard_tables, jpeg.subsampling) == (61, True, "4:2:0")


@pytest.mark.parametrize("name", ["resize:0.5", "crop:5", "blur:1.5", "noise:3"])
def test_others_save_as_the_file_was(name: str) -> None:
    own = [np.full((8, 8), 3, np.uint16), np.full((8, 8), 9, np.uint16)]
    source = decode(encode_jpeg(crop(*SHAPE), own, "4:2:2"))
    jpeg = applied(name, source)[0].jpeg
    assert jpeg
    for table, expected in zip(jpeg.tables, own, strict=False):
        np.testing.assert_array_equal(table, expected)
    assert jpeg.subsampling == "4:2:2"
    assert applied(name, photo("PNG"))[0].format == "PNG"


@pytest.mark.parametrize("factor", [0.5, 0.75, 0.9, 2.0])
def test_resizing_takes_the_truth_with_it(factor: float) -> None:
    found, truth = applied(f"resize:{factor}", photo("PNG"))
    assert truth.shape == (round(96 * factor), round(128 * factor)) == found.pixels.shape[:2]
    assert truth.mean() == pytest.approx(TRUTH.mean(), rel=0.06)
    rows = np.flatnonzero(truth.any(axis=1)) / factor
    expected = np.flatnonzero(TRUTH.any(axis=1))
    assert rows[[0, -1]] == pytest.approx(expected[[0, -1]], abs=2)


def test_cropping_takes_the_truth_with_it() -> None:
    found, truth = applied("crop:5", photo("PNG"))
    np.testing.assert_array_equal(truth, TRUTH[5:, 5:])
    np.testing.assert_array_equal(found.pixels, crop(*SHAPE)[5:, 5:])


def test_grey_files_stay_grey() -> None:
    source = decode(encode(crop(*SHAPE), "JPEG", mode="L"))
    for name in ("jpeg:70", "blur:1", "resize:0.5"):
        jpeg = applied(name, source)[0].jpeg
        assert jpeg
        assert len(jpeg.tables) == 1


def test_what_cannot_be_seen_is_changed_as_little_as_that() -> None:
    found, _ = applied("noise:3", photo("PNG"))
    difference = found.pixels.astype(int) - crop(*SHAPE)
    assert difference.std() == pytest.approx(3, rel=0.1)


def test_equalizing_draws_from_one_range_for_both_classes() -> None:
    drawn = []
    for quality in range(60, 100):
        data, truth = equalize(photo(quality=quality), TRUTH, 0, (70, 95))
        jpeg = decode(data).jpeg
        assert jpeg
        assert jpeg.standard_tables
        assert jpeg.subsampling == "4:2:0"
        np.testing.assert_array_equal(truth, TRUTH)
        drawn.append(jpeg.quality)
    assert 70 <= min(drawn) < 75
    assert 90 < max(drawn) <= 95
    assert abs(np.corrcoef(drawn, range(60, 100))[0, 1]) < 0.4  # what it was says nothing about what it is
    assert equalize(photo(), TRUTH, 0, (70, 95)) != equalize(photo(), TRUTH, 3, (70, 95))
