"""Something made to disappear: filled from what surrounds it."""

import cv2
import numpy as np

from tamperscope.forge._paste import (
    Edit,
    Mask,
    Part,
    Pixels,
    blend,
    cut,
    feathered,
    match_colours,
    place,
    touched,
)
from tamperscope.forge.recipe import Recipe

__all__ = ["remove"]

_METHODS = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}


def remove(host: Pixels, donor: Pixels, outline: Mask, recipe: Recipe, rng: np.random.Generator) -> Edit:  # noqa: ARG001
    """Fill the outline: by diffusion from its edge, or with content from elsewhere, as a clone brush does.

    References: Telea, "An image inpainting technique based on the fast marching method", 2004; Bertalmio,
    Bertozzi & Sapiro, "Navier-Stokes, fluid dynamics, and image and video inpainting", CVPR 2001.

    """
    hole, corner = cut(host, outline)
    method = str(rng.choice([*_METHODS, "clone"], p=[0.25, 0.15, 0.6]))
    if method == "clone":
        origin = place(hole, host.shape, rng, avoid=outline)
        rows, columns = hole.alpha.shape
        source = host[origin[0] : origin[0] + rows, origin[1] : origin[1] + columns]
        part = match_colours(Part(source, hole.alpha, {"origin": origin}), host, corner, 0.8)
    else:
        inside = (hole.alpha > 0).astype(np.uint8)
        part = Part(cv2.inpaint(hole.pixels, inside, 3, _METHODS[method]), hole.alpha)
    part = feathered(touched(part, recipe, rng), recipe, rng)
    pixels, mask = blend(host, part, corner)
    return Edit(pixels, mask, {**part.parameters, "method": method, "corner": corner})
