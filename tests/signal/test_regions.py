import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from tamperscope.signal.regions import find_regions
from tamperscope.types import Localization, Region


def test_regions_are_described() -> None:
    heatmap = np.zeros((100, 200), np.float32)
    heatmap[10:30, 20:60] = 0.75
    heatmap[15, 25] = 1
    heatmap[50:90, 100:180] = 0.5
    large, small = find_regions(Localization(heatmap, None), 0.5)
    assert large == Region(100, 50, 80, 40, 0.16, 0.5, 0.5)
    assert (small.x, small.y, small.width, small.height, small.area_share) == (20, 10, 40, 20, 0.04)
    assert small.peak == 1
    assert small.mean == pytest.approx((0.75 * 799 + 1) / 800)


def test_specks_and_what_cannot_be_judged_are_left_out() -> None:
    heatmap = np.zeros((100, 200), np.float32)
    heatmap[:7, :9] = 1
    heatmap[50:60, 50:60] = 1
    valid = np.ones(heatmap.shape, bool)
    assert len(find_regions(Localization(heatmap, None), 0.5)) == 1
    assert len(find_regions(Localization(heatmap, None), 0.5, least_share=0.01)) == 0
    valid[50:60] = False
    assert find_regions(Localization(heatmap, None, valid), 0.5) == ()


def test_no_more_than_asked_for_the_largest_first() -> None:
    heatmap = np.zeros((400, 400), np.float32)
    for index in range(10):
        heatmap[index * 40 : index * 40 + 10 + index, :20] = 1
    regions = find_regions(Localization(heatmap, None), 0.5, most=3)
    assert [region.height for region in regions] == [19, 18, 17]


@given(st.integers(0, 999), st.floats(0.3, 0.9))
def test_regions_agree_with_scipys_labels(seed: int, threshold: float) -> None:
    noise = np.random.default_rng(seed).random((60, 80)).astype(np.float32)
    heatmap = np.clip(ndimage.gaussian_filter(noise, 3) * 8 - 3.5, 0, 1)
    labels, _ = ndimage.label(heatmap >= threshold, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())[1:]
    expected = sorted((area / heatmap.size for area in areas if area >= 64), reverse=True)
    found = find_regions(Localization(heatmap, None), threshold)
    assert [region.area_share for region in found] == pytest.approx(expected[:50])
    for region in found:
        assert threshold <= region.mean <= region.peak <= 1
