"""A part of the photograph itself, pasted elsewhere in it."""

import numpy as np

from tamperscope.forge._paste import Edit, Mask, Pixels, blend, cut, feathered, place, touched, transformed
from tamperscope.forge.recipe import Recipe

__all__ = ["copy_move"]


def copy_move(host: Pixels, donor: Pixels, outline: Mask, recipe: Recipe, rng: np.random.Generator) -> Edit:  # noqa: ARG001
    """Paste what the outline holds elsewhere; the mask is that of the copy, not of where it came from."""
    part, origin = cut(host, outline)
    part = feathered(touched(transformed(part, recipe, rng), recipe, rng), recipe, rng)
    corner = place(part, host.shape, rng, avoid=outline)
    pixels, mask = blend(host, part, corner)
    return Edit(pixels, mask, {**part.parameters, "origin": origin, "corner": corner})
