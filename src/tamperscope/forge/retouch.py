"""A part of the photograph worked over where it is: smoothed, sharpened, re-drawn, toned, saved apart."""

import cv2
import numpy as np

from tamperscope.forge._paste import Edit, Mask, Pixels, Work, reworked, rounded, worked
from tamperscope.forge.history import Saving
from tamperscope.forge.recipe import Recipe

__all__ = ["retouch", "whole"]


def retouch(host: Pixels, donor: Pixels, outline: Mask, recipe: Recipe, rng: np.random.Generator) -> Edit:  # noqa: ARG001
    """Work over what the outline holds: no content comes or goes, only the traces of noise and savings."""
    return reworked(host, outline, _WORKS, recipe, rng)


def whole(pixels: Pixels, rng: np.random.Generator) -> tuple[str, Pixels]:
    """Work over all of a photograph, as people do who only want it to look better."""
    return worked(pixels, {name: _WORKS[name] for name in ("smooth", "sharpen", "grain", "tone")}, rng)


def _smooth(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    if rng.random() < 0.5:
        return rounded(cv2.bilateralFilter(pixels, 5, float(rng.uniform(10, 40)), 3))
    return rounded(cv2.medianBlur(pixels, int(rng.choice((3, 5)))))


def _sharpen(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    blurred = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.6, 2))).astype(np.float64)
    return rounded(pixels + rng.uniform(0.4, 1.5) * (pixels - blurred))


def _reduce(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Reduce and enlarge again: detail is gone, and neighbours are alike."""
    size = pixels.shape[1::-1]
    smaller = tuple(max(1, round(length * rng.uniform(0.4, 0.9))) for length in size)
    how = int(rng.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)))
    return rounded(
        cv2.resize(cv2.resize(pixels, smaller, interpolation=cv2.INTER_AREA), size, interpolation=how)
    )


def _redraw(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Draw anew from half as many pixels, as the last layer of a generative network does.

    Places of even and odd coordinates go through different filters, which leaves a pattern.
    """
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA)
    drawn = np.empty((2 * small.shape[0], 2 * small.shape[1], 3))
    for row in range(2):
        for column in range(2):
            # Where the place lies in the coarse pixel, give or take what a network's weights are off.
            kernel = np.outer(*(np.interp([-1, 0, 1], *_hat(side)) for side in (row, column)))
            kernel += rng.normal(0, 0.015, (3, 3))
            drawn[row::2, column::2] = cv2.filter2D(small.astype(np.float64), -1, kernel / kernel.sum())
    grain = cv2.GaussianBlur(rng.normal(0, 1, drawn.shape), (0, 0), float(rng.uniform(0.4, 1)))
    return rounded(drawn + rng.uniform(0, 6) * grain)[:height, :width]


def _hat(side: int) -> tuple[list[float], list[float]]:
    """Return a tent about a quarter of a coarse pixel before (0) or after (1) its middle."""
    middle = 0.25 if side else -0.25
    return [middle - 1, middle, middle + 1], [0, 1, 0]


def _grain(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    noise = rng.normal(0, rng.uniform(1, 7), pixels.shape)
    if rng.random() < 0.5:
        noise = noise[..., :1]  # of brightness alone
    return rounded(pixels + noise)


def _tone(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    levels = 255 * (np.arange(256) / 255) ** float(np.exp(rng.uniform(-0.35, 0.35)))
    toned = rounded(levels * rng.uniform(0.9, 1.1))[pixels]
    grey = toned.mean(axis=2, keepdims=True)
    return rounded(grey + rng.uniform(0.6, 1.4) * (toned - grey))


def _save(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    saving = Saving("standard", float(rng.integers(30, 91)))
    return saving.wear(pixels, (int(rng.integers(8)), int(rng.integers(8))))


_WORKS: dict[str, Work] = {
    "smooth": _smooth,
    "sharpen": _sharpen,
    "reduce": _reduce,
    "redraw": _redraw,
    "grain": _grain,
    "tone": _tone,
    "save": _save,
}
