import io

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

import photos
import tamperscope
from tamperscope.detectors.ela import _blur


def test_the_error_is_that_of_recompression() -> None:
    photo = tamperscope.load(photos.encode(photos.crop(64, 96)))
    found = tamperscope.detector("ela", smoothing=0.0, scale=5.0, quality=80).localize(photo)
    again = photos.decode_pixels(photos.encode(photos.crop(64, 96), "JPEG", quality=80, subsampling="4:2:0"))
    error = np.abs(photos.crop(64, 96).astype(float) - again).mean(axis=2)
    # Two builds of libjpeg may round differently by one level.
    assert np.abs(-5 * np.log1p(-found.heatmap.astype(float)) - error).mean() < 0.2


def test_what_was_not_compressed_before_stands_out() -> None:
    pixels = photos.decode_pixels(photos.encode(photos.scene(), "JPEG", quality=60)).copy()
    mask = np.zeros(pixels.shape[:2], bool)
    mask[100:220, 150:330] = True
    pixels[mask] = photos.scene("chelsea")[60:180, 100:280].reshape(-1, 3)
    result = tamperscope.detector("ela").localize(tamperscope.load(photos.encode(pixels)))
    assert roc_auc_score(mask.ravel(), result.heatmap.ravel()) > 0.9
    assert result.score is None


def test_a_wide_blur_at_reduced_size_is_nearly_the_exact_one() -> None:
    from scipy.ndimage import gaussian_filter

    plane = np.random.default_rng(0).uniform(0, 9, (200, 301)).astype(np.float32)
    inner = slice(32, -32), slice(32, -32)
    difference = _blur(plane, 8.0) - gaussian_filter(plane, 8.0)
    assert np.abs(difference[inner]).max() < 0.05 * plane.std()


@pytest.mark.parametrize("sigma", [0.0, 0.5, 3.9, 64.0])
def test_any_blur_keeps_size_and_mean(sigma: float) -> None:
    plane = np.random.default_rng(0).uniform(0, 9, (37, 51)).astype(np.float32)
    blurred = _blur(plane, sigma)
    assert blurred.shape == plane.shape
    assert abs(blurred.mean() - plane.mean()) < 0.5


def test_a_flat_photo_has_no_error() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (128, 128, 128)).save(stream, "PNG")
    assert tamperscope.detector("ela").localize(tamperscope.load(stream.getvalue())).heatmap.max() < 0.1
