"""Colour filters: parts that lack the camera's pattern are found, and photos without one are left alone."""

from sklearn.metrics import roc_auc_score

import photos
import tamperscope
from forging import pasted_into_camera
from tamperscope.io.decode import decode


def test_a_part_that_no_camera_took_is_found() -> None:
    pixels, mask = pasted_into_camera()
    found = tamperscope.detector("cfa").localize(tamperscope.load(photos.encode(pixels)))
    assert roc_auc_score(mask.ravel(), found.heatmap.ravel()) > 0.85
    marked = found.mask(tamperscope.detector("cfa").card.threshold)
    assert marked[mask].mean() > 0.4
    assert marked[~mask].mean() < 0.02
    assert found.score is None


def test_of_what_was_saved_coarsely_it_judges_nothing() -> None:
    given = tamperscope.load(photos.encode(pasted_into_camera()[0], "JPEG", quality=60))
    found = tamperscope.detector("cfa").localize(given)
    assert found.valid is not None
    assert not found.valid.any()
    assert not found.heatmap.any()
    assert "no pattern" in found.reason


def test_rows_that_are_not_in_the_file_are_not_judged() -> None:
    data = photos.encode(pasted_into_camera()[0], "JPEG", quality=100, subsampling=0)
    given = decode(data[: len(data) * 3 // 4], salvage=True)
    assert given.decoded_rows < given.height
    found = tamperscope.detector("cfa").localize(given)
    assert found.valid is not None
    assert found.valid[:64].mean() > 0.9
    assert not found.valid[given.decoded_rows :].any()
