"""Noise residual: a part from elsewhere is found, and what cannot be told is said."""

import numpy as np
from sklearn.metrics import roc_auc_score

import photos
import tamperscope
from forging import pasted_into_camera
from tamperscope.io.decode import decode


def test_a_part_with_other_noise_is_found() -> None:
    pixels, mask = pasted_into_camera()
    found = tamperscope.detector("residual").localize(tamperscope.load(photos.encode(pixels)))
    assert roc_auc_score(mask.ravel(), found.heatmap.ravel()) > 0.85
    assert found.score is None
    assert found.valid is None


def test_it_marks_little_of_a_photo_that_is_whole() -> None:
    detector = tamperscope.detector("residual")
    found = detector.localize(tamperscope.load(photos.encode(photos.scene("chelsea"))))
    assert found.mask(detector.card.threshold).mean() < 0.08


def test_of_a_white_page_it_judges_nothing() -> None:
    found = tamperscope.detector("residual").localize(
        tamperscope.load(photos.encode(np.full((200, 300, 3), 255, np.uint8)))
    )
    assert found.valid is not None
    assert not found.valid.any()
    assert not found.heatmap.any()
    assert "black nor white" in found.reason


def test_rows_that_are_not_in_the_file_count_for_nothing() -> None:
    data = photos.encode(photos.scene(), "JPEG", quality=98)
    given = decode(data[: len(data) * 3 // 4], salvage=True)
    assert given.decoded_rows < given.height
    found = tamperscope.detector("residual").localize(given)
    there = tamperscope.detector("residual").localize(
        tamperscope.load(photos.encode(given.pixels[: given.decoded_rows // 8 * 8]))
    )
    rows = given.decoded_rows // 8 * 8 - 8
    np.testing.assert_allclose(found.heatmap[:rows], there.heatmap[:rows], atol=1e-5)
