from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import photos
import tamperscope
from forging import host_and_donor
from tamperscope.forge.make import forge
from tamperscope.forge.recipe import PRESETS


def found(
    name: str, count: int = 20, **changes: object
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield a detector's heat and the truth, of forgeries with traces of aligned double compression."""
    recipe = replace(PRESETS["aligned"], pristine=0, shrink=(1, 1), **changes)  # type: ignore[arg-type]
    detector = tamperscope.detector(name)
    for seed in range(count):
        host, donor = host_and_donor(300, 400)
        made = forge(host, [donor], recipe, np.random.default_rng(seed))
        yield detector.localize(tamperscope.load(made.encode())).heatmap, made.mask


def test_pasted_parts_are_found_where_the_photo_was_compressed_twice() -> None:
    aucs = [roc_auc_score(truth.ravel(), heat.ravel()) for heat, truth in found("dct")]
    assert np.mean(aucs) >= 0.9


def test_without_a_first_compression_nothing_is_claimed() -> None:
    """What is left of a map follows the content, not the truth, and stays at even odds."""
    maps = list(found("dct", host_jpeg=0))
    assert np.mean([(heat > 0.5).mean() for heat, _ in maps]) < 0.01
    assert max(heat.max() for heat, _ in maps) < 0.6
    claims = [roc_auc_score(truth.ravel(), heat.clip(0.5).ravel()) for heat, truth in maps]
    assert np.mean(claims) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("quality", [60, 80, 95])
def test_a_photo_that_was_compressed_once_is_left_alone(quality: int) -> None:
    result = tamperscope.detector("dct").localize(
        tamperscope.load(photos.encode(photos.scene(), "JPEG", quality=quality))
    )
    assert result.mask(0.5).mean() < 0.02
    assert result.score is None


def test_the_reason_counts_the_histograms() -> None:
    first = photos.decode_pixels(photos.encode(photos.scene(), "JPEG", quality=60))
    result = tamperscope.detector("dct").localize(tamperscope.load(photos.encode(first, "JPEG", quality=92)))
    assert " of 45 histograms of coefficients show an earlier compression" in result.reason
    assert result.mask(0.5).mean() < 0.1
