"""A part of another photograph, pasted."""

import numpy as np

from tamperscope.forge._paste import (
    Edit,
    Mask,
    Pixels,
    blend,
    cut,
    feathered,
    match_colours,
    place,
    touched,
    transformed,
)
from tamperscope.forge.recipe import Recipe

__all__ = ["splice"]


def splice(host: Pixels, donor: Pixels, outline: Mask, recipe: Recipe, rng: np.random.Generator) -> Edit:
    """Paste what the outline (of the donor's shape) holds somewhere into the host."""
    part, _ = cut(donor, outline)
    part = feathered(touched(transformed(part, recipe, rng), recipe, rng), recipe, rng)
    corner = place(part, host.shape, rng)
    if rng.random() < recipe.match_colours:
        part = match_colours(part, host, corner, float(rng.uniform(0.3, 0.9)))
    pixels, mask = blend(host, part, corner)
    return Edit(pixels, mask, {**part.parameters, "corner": corner})
