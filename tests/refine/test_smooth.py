import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tamperscope.refine._smooth import smooth


@pytest.mark.parametrize("sigma", [0.7, 2.0, 8.0])
def test_it_is_a_gaussian(sigma: float) -> None:
    heatmap = np.random.default_rng(0).random((61, 83), np.float32)
    expected = gaussian_filter(heatmap, sigma, mode="reflect", truncate=4)
    assert np.abs(smooth(heatmap, sigma) - expected).max() < 2e-3  # the filters end at other lengths


def test_without_a_width_nothing_changes() -> None:
    heatmap = np.eye(9, dtype=np.float32)
    assert np.array_equal(smooth(heatmap, 0), heatmap)


def test_a_level_map_stays_level_to_its_borders() -> None:
    assert smooth(np.full((5, 70), 0.25, np.float32), 8) == pytest.approx(0.25, abs=1e-6)
