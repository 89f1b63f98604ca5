"""Something made to disappear: filled from what surrounds it."""

from typing import Any

import cv2
import numpy as np

from tamperscope.forge._paste import (
    FAINT,
    Alpha,
    Edit,
    Mask,
    Part,
    Pixels,
    blend,
    cut,
    feathered,
    match_colours,
    place,
    rounded,
    touched,
)
from tamperscope.forge.recipe import Recipe

__all__ = ["remove"]

_METHODS = {"telea": 0.2, "navier-stokes": 0.1, "clone": 0.35, "heal": 0.35}
_DIFFUSIONS = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}
_COARSE = 4  # pixels that are one while a source is looked for
_CHOOSY = 1.5  # how much worse than the best a source may be: people do not find the best either


def remove(host: Pixels, donor: Pixels, outline: Mask, recipe: Recipe, rng: np.random.Generator) -> Edit:  # noqa: ARG001
    """Fill the outline: by diffusion from its edge, or with content from elsewhere, as brushes do.

    "clone" copies content with matched colours; "heal" carries the colours in from all around.

    References: Telea, "An image inpainting technique based on the fast marching method", 2004; Bertalmio,
    Bertozzi & Sapiro, "Navier-Stokes, fluid dynamics, and image and video inpainting", CVPR 2001.

    """
    hole, corner = cut(host, outline)
    hole = feathered(hole, recipe, rng)  # first: all that shows through the soft edge is filled, too
    method = str(rng.choice(list(_METHODS), p=list(_METHODS.values())))
    if method in _DIFFUSIONS:
        part = hole.changed(pixels=cv2.inpaint(hole.pixels, _inside(hole), 3, _DIFFUSIONS[method]))
    else:
        row, column = _source(host, hole, corner, outline, rng)
        rows, columns = hole.alpha.shape
        source = hole.changed(pixels=host[row : row + rows, column : column + columns], origin=(row, column))
        part = _heal(source, hole.pixels) if method == "heal" else match_colours(source, host, corner, 0.8)
    part = touched(part, recipe, rng)
    pixels, mask = blend(host, part, corner)
    return Edit(pixels, mask, {**part.parameters, "method": method, "corner": corner})


def _inside(hole: Part) -> Pixels:
    return (hole.alpha >= FAINT).astype(np.uint8)


def _source(
    host: Pixels, hole: Part, corner: tuple[int, int], outline: Mask, rng: np.random.Generator
) -> tuple[int, int]:
    """Return the (row, column) whose surroundings look like the hole's, clear of the hole itself."""
    around = 1 - _inside(hole).astype(np.float32)
    small = _coarse(around)
    misfit = _misfit(_coarse(host), _coarse(hole.pixels), small)
    misfit *= rng.uniform(1, _CHOOSY, misfit.shape)
    (row, column), (rows, columns) = (np.array(corner) // _COARSE, small.shape)
    misfit[max(0, row - rows + 1) : row + rows, max(0, column - columns + 1) : column + columns] = np.inf
    if not np.isfinite(misfit).any():  # the hole is too large for a place beside it
        return place(hole, host.shape, rng, avoid=outline)
    best = np.array(np.unravel_index(np.argmin(misfit), misfit.shape)) * _COARSE
    low = np.maximum(0, np.minimum(best, np.array(host.shape[:2]) - around.shape) - _COARSE)
    high = np.minimum(best + _COARSE + around.shape, host.shape[:2])
    fine = _misfit(host[low[0] : high[0], low[1] : high[1]], hole.pixels, around)
    found = low + np.unravel_index(np.argmin(fine), fine.shape)
    return int(found[0]), int(found[1])


def _misfit(picture: Pixels, wanted: Pixels, weight: Alpha) -> Alpha:
    """Return for every place in the picture how much it differs from what is wanted where that has weight."""
    found: Alpha = cv2.matchTemplate(picture, wanted, cv2.TM_SQDIFF, mask=cv2.merge([weight] * 3))
    return np.maximum(found, 0)


def _coarse(picture: Any) -> Any:
    return cv2.resize(picture, None, fx=1 / _COARSE, fy=1 / _COARSE, interpolation=cv2.INTER_AREA)


def _heal(source: Part, below: Pixels) -> Part:
    """Add to what is copied by how much the surroundings differ, carried smoothly into the hole."""
    # Not OpenCV's seamlessClone: version 5.0 gives other pixels each time, or fails.
    known = 1 - _inside(source).astype(np.float32)[..., None]
    sigma = max(2.0, float(np.sqrt(known.size - known.sum())) / 4)
    difference = cv2.GaussianBlur(known * (below.astype(np.float32) - source.pixels), (0, 0), sigma)
    weight = cv2.GaussianBlur(known, (0, 0), sigma)[..., None]
    return source.changed(pixels=rounded(source.pixels + difference / np.maximum(weight, 1e-3)))
