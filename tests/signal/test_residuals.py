"""How unlike the rest a place's noise is: counted as by hand, high where it was changed, nothing else."""

from itertools import product

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import photos
from tamperscope.signal import residuals
from tamperscope.signal.residuals import BLOCK, unlikeness

PART = np.s_[96:192, 128:240]


def inside(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which blocks are of the part."""
    mask = np.zeros(shape, bool)
    mask[PART[0].start // BLOCK : PART[0].stop // BLOCK, PART[1].start // BLOCK : PART[1].stop // BLOCK] = (
        True
    )
    return mask


def found(pixels: photos.Pixels) -> residuals.Floats:
    unlike = unlikeness(pixels)
    assert unlike is not None
    return unlike


def noisy(pixels: NDArray[np.float64], sigma: float, seed: int = 0) -> photos.Pixels:
    noise = np.random.default_rng(seed).normal(0, sigma, pixels.shape)
    return np.asarray(np.clip(pixels + noise, 0, 255).round(), np.uint8)


def test_runs_are_counted_as_by_hand() -> None:
    plane = np.random.default_rng(0).integers(-20, 20, (16, 24)).astype(np.int16)
    expected = np.zeros((2, 3, 2 * 25))
    kinds: dict[tuple[int, ...], int] = {}
    for run in sorted(product(range(3), repeat=4)):
        kinds.setdefault(least(run), len(kinds))
    assert len(kinds) == 25
    residual = plane[:, :-3] - 3 * plane[:, 1:-2] + 3 * plane[:, 2:-1] - plane[:, 3:]
    sign = np.where(residual > 2, 2, np.where(residual < -2, 0, 1))
    for row, column in np.ndindex(sign.shape):
        if column + 3 < sign.shape[1]:
            run = tuple(int(one) for one in sign[row, column : column + 4])
            expected[row // 8, (column + 3) // 8, kinds[least(run)]] += 1
        if row + 3 < sign.shape[0]:
            run = tuple(int(one) for one in sign[row : row + 4, column])
            expected[(row + 1) // 8, (column + 1) // 8, 25 + kinds[least(run)]] += 1
    np.testing.assert_array_equal(residuals._runs(plane, 4, 1), expected)


def least(run: tuple[int, ...]) -> tuple[int, ...]:
    """Return what stands for a run, its reverse, and both with other signs."""
    other = tuple(2 - sign for sign in run)
    return min(run, run[::-1], other, other[::-1])


def test_a_photo_and_the_same_on_its_side_are_counted_alike() -> None:
    plane = photos.crop(64, 96)[..., 1].astype(np.int16)
    upright, turned = residuals._counts(plane, 4, 1), residuals._counts(np.ascontiguousarray(plane.T), 4, 1)
    np.testing.assert_array_equal(upright, turned.transpose(1, 0, 2))


@pytest.mark.parametrize("change", ["blurred", "noisier", "resized", "grey noise"])
def test_a_part_whose_noise_was_changed_is_unlike(change: str) -> None:
    pixels = noisy(photos.scene().astype(float), 2)
    part = pixels[PART]
    if change == "blurred":
        part = cv2.GaussianBlur(part, (0, 0), 0.8)
    elif change == "noisier":
        part = noisy(part.astype(float), 4, seed=1)
    elif change == "resized":
        part = cv2.resize(pixels[PART[0], 128:210], (112, 96), interpolation=cv2.INTER_CUBIC)
    else:
        grey = np.random.default_rng(1).normal(0, 3, (*part.shape[:2], 1))
        part = np.clip(photos.scene()[PART] + grey, 0, 255).astype(np.uint8)
    changed = pixels.copy()
    changed[PART] = part
    unlike = found(changed)
    mask = inside(unlike.shape)
    assert roc_auc_score(mask.ravel(), unlike.ravel()) > 0.9
    assert unlike[mask].mean() > found(pixels)[mask].mean() + 0.5


def test_what_is_brighter_and_as_noisy_is_not_unlike() -> None:
    rows = np.linspace(40, 210, 320)[:, None, None]
    dark, middle, bright = np.array_split(found(noisy(np.broadcast_to(rows, (320, 320, 3)), 3)), 3)
    assert max(abs(one.mean() - middle.mean()) for one in (dark, bright)) < 0.4


def test_the_result_does_not_depend_on_the_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = photos.scene()
    whole = found(pixels)
    monkeypatch.setattr(residuals, "_STRIP", 3)
    np.testing.assert_array_equal(found(pixels), whole)


def test_of_large_photos_every_other_row_says_about_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = photos.scene()
    every = found(pixels)
    monkeypatch.setattr(residuals, "_LARGE", 1000)
    assert np.corrcoef(every.ravel(), found(pixels).ravel())[0, 1] > 0.9


def test_the_median_is_nothing_and_what_is_white_cannot_be_told() -> None:
    pixels = photos.scene().copy()
    pixels[:64, :64] = 255
    unlike = found(pixels)
    assert not unlike[:8, :8].any()
    assert np.median(unlike[8:]) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("level", [0, 255])
def test_where_too_little_can_be_judged_it_says_nothing(level: int) -> None:
    assert unlikeness(np.full((300, 200, 3), level, np.uint8)) is None
    assert unlikeness(photos.scene()[:100, :100]) is None
    assert unlikeness(np.zeros((7, 5, 3), np.uint8)) is None


def test_a_wall_is_everywhere_alike() -> None:
    assert np.abs(found(np.full((300, 200, 3), 128, np.uint8))).max() < 0.01
