from dataclasses import replace

import cv2
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import photos
import tamperscope
from forging import host_and_donor
from tamperscope.detectors.nadjpeg import _find_grid
from tamperscope.forge.history import Saving
from tamperscope.forge.make import forge
from tamperscope.forge.recipe import PRESETS


def plane(pixels: photos.Pixels) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32) - 128


@pytest.mark.parametrize("shift", [(3, 5), (7, 2), (0, 4), (6, 0), (1, 1)])
@pytest.mark.parametrize("saved_again", [True, False])
def test_the_grid_of_an_earlier_compression_is_found(shift: tuple[int, int], saved_again: bool) -> None:
    pixels = Saving("standard", 65).wear(photos.scene(), shift)
    if saved_again:
        pixels = Saving("standard", 95).wear(pixels)
    grid = _find_grid(plane(pixels), own=saved_again)
    assert grid.shift == shift
    assert grid.strength > 12


def test_a_photo_that_is_no_longer_jpeg_may_keep_the_grid_at_its_corner() -> None:
    assert _find_grid(plane(Saving("standard", 70).wear(photos.scene())), own=False).shift == (0, 0)


@pytest.mark.parametrize("quality", [None, 60, 80, 95])
def test_without_an_earlier_compression_there_is_none(quality: int | None) -> None:
    data = (
        photos.encode(photos.scene(), "JPEG", quality=quality) if quality else photos.encode(photos.scene())
    )
    result = tamperscope.detector("nadjpeg").localize(tamperscope.load(data))
    assert "no trace of an earlier JPEG compression on another grid" in result.reason
    assert not result.heatmap.any()
    assert result.valid is not None
    assert not result.valid.any()


def test_what_was_pasted_into_a_cropped_jpeg_is_found() -> None:
    recipe = replace(
        PRESETS["aligned"],
        pristine=0,
        shrink=(1, 1),
        off_grid=1,
        host_quality=(60, 70),
        final_quality=(90, 96),
    )
    found = []
    for seed in range(16):
        host, donor = host_and_donor(300, 400)
        made = forge(host, [donor], recipe, np.random.default_rng(seed))
        result = tamperscope.detector("nadjpeg").localize(tamperscope.load(made.encode()))
        found.append(float(roc_auc_score(made.mask.ravel(), result.heatmap.ravel())))
    assert np.mean(found) > 0.9


def test_a_part_from_a_jpeg_is_found_in_a_photo_that_was_none() -> None:
    pixels, mask = photos.scene().copy(), np.zeros(photos.scene().shape[:2], bool)
    mask[90:260, 150:400] = True
    pixels[mask] = Saving("standard", 50).wear(photos.scene(), (3, 6))[mask]
    result = tamperscope.detector("nadjpeg").localize(tamperscope.load(photos.encode(pixels)))
    assert "marked is what has it" in result.reason
    assert "shifted by 6 columns and 3 rows" in result.reason
    assert roc_auc_score(mask.ravel(), result.heatmap.ravel()) > 0.9
