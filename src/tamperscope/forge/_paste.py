"""Cutting a part out, changing it, and laying it over a photograph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.forge.recipe import Recipe

__all__ = [
    "FAINT",
    "Alpha",
    "Edit",
    "Mask",
    "Part",
    "Pixels",
    "Work",
    "blend",
    "cut",
    "feathered",
    "match_colours",
    "place",
    "reworked",
    "rounded",
    "touched",
    "transformed",
    "worked",
]

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Alpha = NDArray[np.float32]
Work = Callable[[Pixels, np.random.Generator], Pixels]

_MARGIN = 16  # pixels around a part that soft edges and resampling may use
FAINT = 0.02  # opacity below which a pixel is left alone
_INTERPOLATIONS = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC, "lanczos": cv2.INTER_LANCZOS4}


@dataclass(frozen=True, eq=False)
class Edit:
    """A manipulated photograph, which pixels were changed, and how, fit for JSON."""

    pixels: Pixels
    mask: Mask
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a photograph, RGB, with its opacity in [0, 1]; and what was done to it so far."""

    pixels: Pixels
    alpha: Alpha
    parameters: dict[str, Any] = field(default_factory=dict)

    def changed(self, **values: Any) -> "Part":
        """Return it with other pixels or opacity; what else is named is recorded."""
        own = {key: values.pop(key) for key in ("pixels", "alpha") if key in values}
        return replace(self, **own, parameters={**self.parameters, **values})


def cut(source: Pixels, mask: Mask) -> tuple[Part, tuple[int, int]]:
    """Return the masked part with a margin, and the (row, column) of its corner in the source."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = max(0, rows[0] - _MARGIN), max(0, columns[0] - _MARGIN)
    window = slice(top, rows[-1] + 1 + _MARGIN), slice(left, columns[-1] + 1 + _MARGIN)
    return Part(source[window], mask[window].astype(np.float32)), (int(top), int(left))


def transformed(part: Part, recipe: Recipe, rng: np.random.Generator) -> Part:
    """Mirror, rotate and resize a part, each by its chance, in one interpolation."""
    if rng.random() < recipe.flip:
        part = part.changed(
            pixels=np.ascontiguousarray(part.pixels[:, ::-1]), alpha=part.alpha[:, ::-1], flipped=True
        )
    angle = float(rng.uniform(*recipe.turn_angle)) if rng.random() < recipe.turn else 0.0
    factor = float(np.exp(rng.uniform(*np.log(recipe.scale_factor)))) if rng.random() < recipe.scale else 1.0
    how = str(rng.choice(list(_INTERPOLATIONS)))
    if angle == 0 and factor == 1:
        return part
    height, width = part.alpha.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, factor)
    size = np.abs(matrix[:, :2]) @ [width, height]
    matrix[:, 2] += size / 2 - [width / 2, height / 2]
    target = (max(1, round(size[0])), max(1, round(size[1])))
    return part.changed(
        pixels=cv2.warpAffine(
            part.pixels, matrix, target, flags=_INTERPOLATIONS[how], borderMode=cv2.BORDER_REFLECT_101
        ),
        alpha=cv2.warpAffine(np.ascontiguousarray(part.alpha), matrix, target, flags=cv2.INTER_LINEAR),
        angle=round(angle, 3),
        scale=round(factor, 4),
        interpolation=how,
    )


def feathered(part: Part, recipe: Recipe, rng: np.random.Generator) -> Part:
    """Soften the edge, by its chance; it may grow outwards as well as inwards."""
    if rng.random() >= recipe.feather:
        return part.changed(alpha=(part.alpha > 0.5).astype(np.float32))
    sigma = float(rng.uniform(*recipe.feather_width))
    return part.changed(alpha=cv2.GaussianBlur(part.alpha, (0, 0), sigma), feather=round(sigma, 3))


def touched(part: Part, recipe: Recipe, rng: np.random.Generator) -> Part:
    """Add noise, blur, sharpen or brighten a part, by its chance."""
    if rng.random() >= recipe.touch_up:
        return part
    kind = str(rng.choice(["noise", "blur", "sharpen", "brightness"]))
    if kind == "noise":
        strength = float(rng.uniform(1, 6))
        changed: Any = part.pixels + rng.normal(0, strength, part.pixels.shape)
    elif kind == "brightness":
        strength = float(rng.uniform(0.85, 1.18))
        changed = part.pixels * strength
    else:
        strength = float(rng.uniform(0.5, 1.5))
        blurred = cv2.GaussianBlur(part.pixels, (0, 0), strength).astype(np.float64)
        changed = blurred if kind == "blur" else 2.0 * part.pixels - blurred
    return part.changed(pixels=rounded(changed), touch_up=kind, touch_up_strength=round(strength, 3))


def match_colours(part: Part, host: Pixels, corner: tuple[int, int], strength: float) -> Part:
    """Move the part's mean and spread of each channel towards those of where it will lie."""
    rows, columns = part.alpha.shape
    below = host[corner[0] : corner[0] + rows, corner[1] : corner[1] + columns].reshape(-1, 3)
    inside = part.pixels[part.alpha > 0.5]
    if not below.size or not inside.size:
        return part
    spread = np.clip((below.std(axis=0) + 4) / (inside.std(axis=0) + 4), 0.6, 1.6)
    matched = (part.pixels - inside.mean(axis=0)) * spread + below.mean(axis=0)
    mixed = part.pixels + strength * (matched - part.pixels)
    return part.changed(pixels=rounded(mixed), match_colours=round(strength, 3))


def place(
    part: Part, shape: tuple[int, ...], rng: np.random.Generator, avoid: Mask | None = None
) -> tuple[int, int]:
    """Return a (row, column) for the part's corner where it lies inside, and least on ``avoid``."""
    limits = [max(0, whole - own) for whole, own in zip(shape, part.alpha.shape, strict=False)]
    corners = [(int(rng.integers(limits[0] + 1)), int(rng.integers(limits[1] + 1))) for _ in range(24)]
    if avoid is None:
        return corners[0]
    rows, columns = part.alpha.shape
    covered = [avoid[row : row + rows, column : column + columns].sum() for row, column in corners]
    return corners[int(np.argmin(covered))]


def blend(host: Pixels, part: Part, corner: tuple[int, int]) -> tuple[Pixels, Mask]:
    """Lay the part over the host; return the result and every pixel that it may have changed."""
    rows = min(part.alpha.shape[0], host.shape[0] - corner[0])
    columns = min(part.alpha.shape[1], host.shape[1] - corner[1])
    window = slice(corner[0], corner[0] + rows), slice(corner[1], corner[1] + columns)
    alpha = np.where(part.alpha < FAINT, 0, part.alpha)[:rows, :columns, None]
    mask = np.zeros(host.shape[:2], bool)
    mask[window] = alpha[..., 0] > 0
    pixels = host.copy()
    mixed = host[window] * (1 - alpha) + part.pixels[:rows, :columns] * alpha
    pixels[window] = np.where(alpha > 0, rounded(mixed), host[window])
    return pixels, mask


def reworked(
    host: Pixels, outline: Mask, works: Mapping[str, Work], recipe: Recipe, rng: np.random.Generator
) -> Edit:
    """Change what the outline holds where it is, by one of the works."""
    part, corner = cut(host, outline)
    method, pixels = worked(part.pixels, works, rng)
    part = feathered(part.changed(pixels=pixels, method=method), recipe, rng)
    pixels, mask = blend(host, part, corner)
    return Edit(pixels, mask, {**part.parameters, "corner": corner})


def worked(pixels: Pixels, works: Mapping[str, Work], rng: np.random.Generator) -> tuple[str, Pixels]:
    """Draw one of the works by chance; return its name, and what it makes of the pixels."""
    method = str(rng.choice(list(works)))
    return method, works[method](pixels, rng)


def rounded(values: Any) -> Pixels:
    """Return the values as pixels."""
    whole: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return whole
