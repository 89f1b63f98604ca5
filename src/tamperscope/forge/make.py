"""One forgery, from photographs and a generator of random numbers."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.errors import Defect, InvalidParameter
from tamperscope.forge._paste import Edit, Mask, Pixels
from tamperscope.forge.copy_move import copy_move
from tamperscope.forge.cover import cover
from tamperscope.forge.develop import caption, develop
from tamperscope.forge.history import Saving, draw
from tamperscope.forge.launder import launder
from tamperscope.forge.outlines import draw_outline
from tamperscope.forge.recipe import Recipe
from tamperscope.forge.remove import remove
from tamperscope.forge.retouch import retouch
from tamperscope.forge.sensor import sense
from tamperscope.forge.splice import splice

__all__ = ["Forgery", "check_size", "draw_part", "forge", "twins"]

_EDITS: dict[str, Callable[[Pixels, Pixels, Mask, Recipe, np.random.Generator], Edit]] = {
    "splice": splice,
    "copy_move": copy_move,
    "remove": remove,
    "retouch": retouch,
    "cover": cover,
}
_KINDS = {  # in a manifest
    "splice": "splice",
    "copy_move": "copy-move",
    "remove": "removal",
    "retouch": "retouching",
    "cover": "cover",
}
_STEPS = ("cropped", "laundered", "caption")  # of passing a photograph on, as they are recorded
_SMALLEST = 64  # pixels a side: room for a part, and something is left after laundering
_LEAST_CHANGE = 0.2  # of the mask's pixels: a uniform part on the same colour manipulates nothing
_SOFT = 0.05  # of the photograph, which a soft edge may add to a small part
_LARGEST_HOLE = 0.12  # of the photograph: larger ones are not filled convincingly, and slowly
_COLOURS = 16  # pixels a side of what holds a block of each colour, mostly
_P = TypeVar("_P", np.uint8, np.float32)


@dataclass(frozen=True, eq=False)
class Forgery:
    """A made photograph: pixels, what was manipulated in it (nothing if pristine), its saving and history.

    ``kind`` is "splice", "copy-move", "removal", "retouching", "cover", or empty for a pristine photograph.
    """

    pixels: Pixels
    mask: Mask
    kind: str
    saving: Saving
    parameters: dict[str, Any]

    def encode(self) -> bytes:
        """Return the file's bytes."""
        return self.saving.encode(self.pixels)


def forge(host: Pixels, donors: Sequence[Pixels], recipe: Recipe, rng: np.random.Generator) -> Forgery:
    """Make a forgery, or a pristine photograph of the same history, from RGB photographs (height, width, 3).

    Host and donors may be of different sizes; without donors nothing is spliced, and in a host of a single
    colour nothing is manipulated. The result is saved by `Forgery.encode`. Equal arguments give equal
    results.

    Raises:
        InvalidParameter: a photograph is too small.
        Defect: the manipulation changed pixels outside its mask.

    """
    started = _manipulated(host, donors, recipe, rng)
    return _passed_on(started.pixels, started.mask, started.kind, started.parameters, recipe, rng)


def twins(
    host: Pixels, donors: Sequence[Pixels], recipe: Recipe, rng: np.random.Generator
) -> tuple[Forgery, Forgery]:
    """Make a photograph and a forgery of it, alike in all that was done to them but the manipulation.

    Arguments and errors are those of `forge`; ``recipe.pristine`` does not count. In a host of a single
    colour neither is manipulated.
    """
    started = _manipulated(host, donors, replace(recipe, pristine=0), rng)
    same = deepcopy(rng)
    before = {name: value for name, value in started.parameters.items() if name != "edit"}
    forged = _passed_on(started.pixels, started.mask, started.kind, started.parameters, recipe, rng)
    unmoved = not any(step in forged.parameters for step in _STEPS)
    none = np.zeros_like(started.mask)
    return _passed_on(started.host, none, "", before, recipe, same, unmoved=unmoved), forged


@dataclass(frozen=True, eq=False)
class _Manipulated:
    """A host as it was taken, and what was made of it, before it is passed on."""

    host: Pixels
    pixels: Pixels
    mask: Mask
    kind: str
    parameters: dict[str, Any]


def _manipulated(
    host: Pixels, donors: Sequence[Pixels], recipe: Recipe, rng: np.random.Generator
) -> _Manipulated:
    for photo in (host, *donors):
        check_size(photo, recipe)
    parameters: dict[str, Any] = {}
    host, donor = _taken(host, recipe, rng, parameters, "host camera"), None
    kinds = {name: weight for name, weight in recipe.kinds.items() if donors or name != "splice"}
    kind = draw(rng, kinds) if rng.random() >= recipe.pristine and any(kinds.values()) else ""
    if rng.random() < recipe.host_jpeg:
        saving = recipe.jpeg(rng, recipe.host_quality)
        host = saving.wear(host)
        parameters["host"] = saving.record
    if kind == "splice":
        donor = donors[int(rng.integers(len(donors)))]
        donor = _taken(donor, recipe, rng, parameters, "donor camera")
        if rng.random() < recipe.donor_jpeg:
            saving = recipe.jpeg(rng, recipe.donor_quality)
            offset = (int(rng.integers(8)), int(rng.integers(8)))
            donor = saving.wear(donor, offset)
            parameters["donor"] = {**saving.record, "offset": offset}
    pixels, mask = host, np.zeros(host.shape[:2], bool)
    if kind:
        edit = _edit(kind, host, donor if donor is not None else host, recipe, rng)
        if edit:
            pixels, mask, parameters["edit"] = edit.pixels, edit.mask, edit.parameters
        else:
            kind = ""
    return _Manipulated(host, pixels, mask, _KINDS.get(kind, ""), parameters)


def _edit(kind: str, host: Pixels, donor: Pixels, recipe: Recipe, rng: np.random.Generator) -> Edit | None:
    """Return the manipulated photograph, or None where nothing can be seen, as in one of a single colour."""
    shape = draw(rng, recipe.outlines)
    share = float(np.exp(rng.uniform(*np.log(recipe.area))))
    largest = min(recipe.area[1], _LARGEST_HOLE) if kind == "remove" else recipe.area[1]
    share = min(share, largest)
    share *= min(1.0, host.shape[0] * host.shape[1] / (donor.shape[0] * donor.shape[1]))
    for _ in range(8):
        edit = _EDITS[kind](host, donor, draw_outline(shape, donor, share, rng), recipe, rng)
        changed = (edit.pixels != host).any(axis=2)
        if changed[~edit.mask].any():
            raise Defect(f"{kind} changed pixels outside its mask", "please report this")
        if edit.mask.all() or edit.mask.mean() > 1.25 * largest + _SOFT:  # enlarged, or a large segment
            share /= 2
        elif changed.sum() > _LEAST_CHANGE * edit.mask.sum():
            facts = {"outline": shape, "share": round(float(edit.mask.mean()), 5)}
            return Edit(edit.pixels, edit.mask, {**facts, **edit.parameters})
    return None


def _passed_on(
    pixels: Pixels,
    mask: Mask,
    kind: str,
    parameters: dict[str, Any],
    recipe: Recipe,
    rng: np.random.Generator,
    *,
    unmoved: bool = False,
) -> Forgery:
    """Develop the result, crop it off its grid, pass it on and choose its saving, alike for every kind.

    Where cropping and passing on leave nothing of the mask they are undone, as they are if ``unmoved``; the
    saving is drawn as if they were not.
    """
    if recipe.develop and rng.random() < recipe.develop:
        pixels, parameters["develop"] = develop(pixels, rng)
    whole = pixels, mask
    if rng.random() < recipe.off_grid:
        rows, columns = (int(count) for count in rng.integers(1, 8, 2))
        pixels, mask = pixels[rows:, columns:], mask[rows:, columns:]
        parameters["cropped"] = (rows, columns)
    if rng.random() < recipe.launder:
        pixels, mask, parameters["laundered"] = launder(pixels, mask, rng)
    if recipe.caption and rng.random() < recipe.caption:
        pixels, mask, parameters["caption"] = caption(pixels, mask, rng)
    if unmoved or (kind and not mask.any()):  # cropped away, or too small to survive
        pixels, mask = whole
        for step in _STEPS:
            parameters.pop(step, None)
    saving = recipe.last_saving(rng)
    parameters["final"] = saving.record
    return Forgery(np.ascontiguousarray(pixels), np.ascontiguousarray(mask), kind, saving, parameters)


def check_size(pixels: Pixels, recipe: Recipe) -> None:
    """Refuse a photograph that is too small for the recipe.

    Raises:
        InvalidParameter: a side is below 64 pixels, once it is shrunk.

    """
    least = int(np.ceil(_SMALLEST / recipe.shrink[0]))
    if min(pixels.shape[:2]) < least:
        raise InvalidParameter(
            f"{pixels.shape[1]}x{pixels.shape[0]} pixels are too few to forge from",
            f"give photographs of at least {least} pixels a side",
        )


def _taken(
    pixels: Pixels, recipe: Recipe, rng: np.random.Generator, parameters: dict[str, Any], name: str
) -> Pixels:
    """Return a photograph at its size and from its camera, which is recorded under ``name``."""
    pixels = _shrunk(pixels, recipe, rng)
    if recipe.sensed and rng.random() < recipe.sensed:
        pixels, parameters[name] = sense(pixels, rng)
    return pixels


def _shrunk(pixels: Pixels, recipe: Recipe, rng: np.random.Generator) -> Pixels:
    factor = float(rng.uniform(*recipe.shrink))
    if factor == 1 or (recipe.shrunk < 1 and rng.random() >= recipe.shrunk):
        return pixels
    size = tuple(round(length * factor) for length in pixels.shape[1::-1])
    smaller: Pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return smaller


def draw_part(pixels: NDArray[_P], most: tuple[int, int], rng: np.random.Generator) -> NDArray[_P]:
    """Return a part of ``most`` rows and columns of what has more, on its grid, also that of its colours.

    A JPEG keeps colours in blocks of up to 16 pixels a side: a part that begins within one would lose what
    an earlier saving left in them.
    """
    corner = [
        _COLOURS * int(rng.integers(max(0, length - wanted) // _COLOURS + 1))
        for length, wanted in zip(pixels.shape, most, strict=False)
    ]
    return np.ascontiguousarray(pixels[corner[0] : corner[0] + most[0], corner[1] : corner[1] + most[1]])
