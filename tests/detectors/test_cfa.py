"""Colour filters: parts that lack the camera's pattern are found, and photos without one are left alone."""

import numpy as np
from sklearn.metrics import roc_auc_score

import photos
import tamperscope
from tamperscope.forge.sensor import sense
from tamperscope.io.decode import decode


def pasted() -> tuple[photos.Pixels, photos.Pixels]:
    """A scene as a camera took it, with a part of it that no camera took; and where that is."""
    taken, _ = sense(photos.scene(), np.random.default_rng(3))
    mask = np.zeros(taken.shape[:2], bool)
    mask[80:176, 96:224] = True
    taken[mask] = photos.scene()[mask]
    return taken, mask


def test_a_part_that_no_camera_took_is_found() -> None:
    pixels, mask = pasted()
    found = tamperscope.detector("cfa").localize(tamperscope.load(photos.encode(pixels)))
    assert roc_auc_score(mask.ravel(), found.heatmap.ravel()) > 0.85
    marked = found.mask(tamperscope.detector("cfa").card.threshold)
    assert marked[mask].mean() > 0.4
    assert marked[~mask].mean() < 0.02
    assert found.score is None


def test_of_what_was_saved_coarsely_it_judges_nothing() -> None:
    given = tamperscope.load(photos.encode(pasted()[0], "JPEG", quality=60))
    found = tamperscope.detector("cfa").localize(given)
    assert found.valid is not None
    assert not found.valid.any()
    assert not found.heatmap.any()
    assert "no pattern" in found.reason


def test_rows_that_are_not_in_the_file_are_not_judged() -> None:
    data = photos.encode(pasted()[0], "JPEG", quality=100, subsampling=0)
    given = decode(data[: len(data) * 3 // 4], salvage=True)
    assert given.decoded_rows < given.height
    found = tamperscope.detector("cfa").localize(given)
    assert found.valid is not None
    assert found.valid[:64].mean() > 0.9
    assert not found.valid[given.decoded_rows :].any()
