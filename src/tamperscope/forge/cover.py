"""A part of the photograph covered up where it is: with a colour, a gradient, a blur, or large squares."""

import cv2
import numpy as np

from tamperscope.forge._paste import Edit, Mask, Pixels, Work, reworked, rounded
from tamperscope.forge.recipe import Recipe

__all__ = ["cover"]


def cover(host: Pixels, donor: Pixels, outline: Mask, recipe: Recipe, rng: np.random.Generator) -> Edit:  # noqa: ARG001
    """Cover what the outline holds, as faces, plates and names are, and what should not be seen."""
    return reworked(host, outline, _COVERS, recipe, rng)


def _fill(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Fill with black, white, what the part is in the mean, or any colour."""
    colours = np.stack([np.zeros(3), np.full(3, 255), pixels.mean((0, 1)), rng.uniform(0, 255, 3)])
    return np.full_like(pixels, rounded(rng.choice(colours)))


def _grade(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Go from one of its colours to another, across the part."""
    first, last = rng.choice(pixels.reshape(-1, 3), 2).astype(np.float64)
    across, down = (np.linspace(0, 1, length) for length in pixels.shape[1::-1])
    share = rng.random()
    way = (share * across + (1 - share) * down[:, None])[..., None]
    return rounded(first + way * (last - first))


def _blur(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    return rounded(cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(5, 20))))


def _pixelate(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    side = int(rng.integers(5, 25))
    size = pixels.shape[1::-1]
    few = tuple(max(1, length // side) for length in size)
    squares = cv2.resize(pixels, few, interpolation=cv2.INTER_AREA)
    return rounded(cv2.resize(squares, size, interpolation=cv2.INTER_NEAREST))


_COVERS: dict[str, Work] = {"fill": _fill, "grade": _grade, "blur": _blur, "pixelate": _pixelate}
