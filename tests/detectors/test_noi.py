import numpy as np
import pytest
import pywt
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

import photos
import tamperscope
from tamperscope.detectors.noi import _HIGH_PASS, _block_noise, _merge, diagonal_band


def test_the_filter_and_the_band_are_those_of_pywavelets() -> None:
    np.testing.assert_allclose(_HIGH_PASS, pywt.Wavelet("db8").dec_hi, atol=1e-7)
    plane = np.random.default_rng(0).normal(0, 9, (64, 90)).astype(np.float32)
    _, (_, _, expected) = pywt.dwt2(plane, "db8", mode="symmetric")
    # Theirs begins outside the picture: ours, centred on the pixels, is four coefficients in.
    np.testing.assert_allclose(diagonal_band(plane), expected[4:36, 4:49], atol=1e-3)


@pytest.mark.parametrize("sigma", [1.0, 3.0, 10.0])
def test_gaussian_noise_is_measured(sigma: float) -> None:
    noise = np.random.default_rng(0).normal(128, sigma, (256, 256, 1))
    pixels = np.repeat(np.clip(np.rint(noise), 0, 255).astype(np.uint8), 3, axis=2)
    found = _block_noise(pixels, 8)
    assert found.shape == (16, 16)
    assert abs(found.mean() / np.hypot(sigma, 1 / np.sqrt(12)) - 1) < 0.05


def test_strips_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _block_noise(photos.scene(), 8)
    monkeypatch.setattr("tamperscope.detectors.noi._STRIP", 64)
    np.testing.assert_allclose(_block_noise(photos.scene(), 8), whole, atol=1e-5)


def test_a_noisy_part_is_found() -> None:
    pixels = np.full((256, 384, 3), 128, np.uint8)
    noise = np.random.default_rng(0).normal(0, 6, pixels.shape)
    mask = np.zeros(pixels.shape[:2], bool)
    mask[64:160, 128:288] = True
    pixels = np.clip(pixels + np.where(mask[..., None], noise, noise / 4), 0, 255).astype(np.uint8)
    result = tamperscope.detector("noi").localize(tamperscope.load(photos.encode(pixels)))
    assert roc_auc_score(mask.ravel(), result.heatmap.ravel()) > 0.97
    assert result.score is None


def test_segments_take_their_mean() -> None:
    noise = np.array([[1.0, 1.2, 5.0], [1.1, 9.0, 5.2]])
    np.testing.assert_allclose(_merge(noise, 0.25), [[1.1, 1.1, 5.1], [1.1, 9.0, 5.1]])
    np.testing.assert_array_equal(_merge(noise, 0.0), noise)
    assert np.ptp(_merge(noise, 100.0)) == 0


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 3))
def test_merging_keeps_the_mean(rows: int, columns: int, most: float) -> None:
    noise = np.random.default_rng(rows * columns).uniform(0, 9, (rows, columns))
    np.testing.assert_allclose(_merge(noise, most).mean(), noise.mean())
