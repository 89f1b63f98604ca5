"""Shapes of manipulated areas, as people cut them out."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["SHAPES", "draw_outline"]

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Shape = Callable[[Pixels, float, np.random.Generator], Mask]

_SMALL = 160  # side at which segments are found; they need no more
_FEWEST, _MOST = 60, 400  # segments


def draw_outline(kind: str, guide: Pixels, share: float, rng: np.random.Generator) -> Mask:
    """Return an area of about ``share`` of the picture, bool (height, width), neither empty nor everything.

    ``guide`` is the RGB picture whose contents "segment" follows.
    """
    mask = SHAPES[kind](guide, share, rng)
    if not mask.any() or mask.all():  # a shape that was too small for the pixels, or a picture of one segment
        mask = _box(guide, share, rng)
    return mask


def _segment(guide: Pixels, share: float, rng: np.random.Generator) -> Mask:
    """Return touching segments: watersheds from random seeds, joined in the order of their likeness."""
    height, width = guide.shape[:2]
    scale = min(1, _SMALL / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.GaussianBlur(cv2.resize(guide, size, interpolation=cv2.INTER_AREA), (0, 0), 1)
    number = int(np.clip(2 / share, _FEWEST, _MOST))  # so that one is smaller than what is wanted
    seeds = np.zeros(size[::-1], np.int32)
    seeds[rng.integers(0, size[1], number), rng.integers(0, size[0], number)] = np.arange(1, number + 1)
    labels = cv2.watershed(small, seeds)
    labels[labels < 1] = 0  # the lines between segments
    chosen = _grow(labels, cv2.cvtColor(small, cv2.COLOR_RGB2LAB), share * labels.size, rng)
    joined = cv2.morphologyEx(chosen.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    smooth = cv2.resize(joined * np.float32(1), (width, height), interpolation=cv2.INTER_LINEAR)
    mask: Mask = cv2.GaussianBlur(smooth, (0, 0), max(0.5, 0.5 / scale)) > 0.5
    return mask


def _grow(labels: NDArray[np.int32], colours: Pixels, wanted: float, rng: np.random.Generator) -> Mask:
    sizes = np.bincount(labels.ravel())
    means = np.stack(
        [
            np.bincount(labels.ravel(), colours[..., channel].ravel()) / np.maximum(sizes, 1)
            for channel in range(3)
        ],
        axis=1,
    )
    sizes[0] = 0
    # What the frame cuts is no whole thing, and its straight side would give any paste away: the last resort.
    # The frame itself belongs to no watershed.
    penalty = np.zeros(sizes.size)
    penalty[labels[[1, -2]]] = penalty[labels[:, [1, -2]]] = 1e9
    whole = np.flatnonzero((sizes > 0) & (penalty == 0))
    chosen: Mask = labels == rng.choice(whole if whole.size else np.flatnonzero(sizes))
    while chosen.sum() < wanted:
        ring = cv2.dilate(chosen.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        near = np.unique(labels[ring & ~chosen])
        near = near[near > 0]
        if not near.size:
            break
        inside = means[np.unique(labels[chosen])].mean(axis=0)
        unlikeness = ((means[near] - inside) ** 2).sum(axis=1) + penalty[near]
        chosen |= labels == near[np.argmin(unlikeness)]
    return chosen


def _blob(guide: Pixels, share: float, rng: np.random.Generator) -> Mask:
    """Return a smooth closed curve with random lobes."""
    angles = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    return _filled(guide, share, _lobes(angles, rng), angles, rng)


def _lasso(guide: Pixels, share: float, rng: np.random.Generator) -> Mask:
    """Return a polygon as a hand draws it, click by click."""
    corners = int(rng.integers(6, 25))
    angles = (np.arange(corners) + rng.uniform(0, 0.8, corners)) * 2 * np.pi / corners
    return _filled(guide, share, _lobes(angles, rng) * rng.uniform(0.85, 1.15, corners), angles, rng)


def _lobes(angles: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a smooth random radius at each angle, about 1."""
    radius = np.ones_like(angles)
    for order in range(2, 8):
        radius += rng.normal(0, 0.35 / order) * np.cos(order * angles + rng.uniform(0, 2 * np.pi))
    return np.maximum(radius, 0.2)


def _ellipse(guide: Pixels, share: float, rng: np.random.Generator) -> Mask:
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    return _filled(guide, share, np.ones_like(angles), angles, rng)


def _box(guide: Pixels, share: float, rng: np.random.Generator) -> Mask:
    height, width = guide.shape[:2]
    stretch = rng.uniform(0.6, 1.6)
    sides = np.sqrt(share) * np.array([height * stretch, width / stretch])
    rows, columns = np.clip(np.rint(sides), 1, np.maximum(1, np.array([height, width]) - 1)).astype(int)
    mask = np.zeros((height, width), bool)
    top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
    mask[top : top + rows, left : left + columns] = True
    return mask


def _filled(
    guide: Pixels,
    share: float,
    radius: NDArray[np.float64],
    angles: NDArray[np.float64],
    rng: np.random.Generator,
) -> Mask:
    """Fill a curve, scaled to the wanted area, where the frame does not cut it if it fits."""
    height, width = guide.shape[:2]
    stretch, tilt = rng.uniform(0.6, 1.6), rng.uniform(0, np.pi)
    x, y = radius * np.cos(angles) * stretch, radius * np.sin(angles) / stretch
    x, y = x * np.cos(tilt) - y * np.sin(tilt), x * np.sin(tilt) + y * np.cos(tilt)
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    size = np.sqrt(share * height * width / max(area, 1e-9))
    points = np.stack([x, y], axis=1) * size
    low, high = -points.min(axis=0), [width, height] - points.max(axis=0)
    points += low + (high - low) * np.where(low < high, rng.random(2), 0.5)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1)
    return mask.astype(bool)


SHAPES: dict[str, Shape] = {
    "segment": _segment,
    "blob": _blob,
    "lasso": _lasso,
    "ellipse": _ellipse,
    "box": _box,
}
