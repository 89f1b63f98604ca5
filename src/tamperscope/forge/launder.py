"""What happens to a picture that is passed on, which blurs the traces of what was done to it before."""

from typing import Any

import cv2
import numpy as np

from tamperscope.forge._paste import Mask, Pixels
from tamperscope.forge.history import Saving

__all__ = ["launder"]

_STEPS = ("resize", "recompress", "screenshot", "crop")


def launder(
    pixels: Pixels, mask: Mask, rng: np.random.Generator
) -> tuple[Pixels, Mask, list[dict[str, Any]]]:
    """Return picture and mask after one or two steps, and what these were; the mask follows the geometry."""
    steps: list[dict[str, Any]] = []
    for kind in rng.choice(_STEPS, size=int(rng.integers(1, 3)), replace=False):
        if kind == "recompress":
            saving = Saving("standard", float(rng.integers(50, 91)))
            pixels = saving.wear(pixels)
            steps.append({"step": "recompress", **saving.record})
            continue
        if kind in ("crop", "screenshot"):
            rows, columns = (int(count) for count in rng.integers(1, 16, 2))
            pixels, mask = pixels[rows:, columns:], mask[rows:, columns:]
            steps.append({"step": "crop", "rows": rows, "columns": columns})
        if kind in ("resize", "screenshot"):
            factor = float(rng.uniform(0.55, 0.95) if rng.random() < 0.75 else rng.uniform(1.05, 1.3))
            pixels, mask = _resized(pixels, mask, factor)
            steps.append({"step": str(kind), "factor": round(factor, 4)})
    return np.ascontiguousarray(pixels), np.ascontiguousarray(mask), steps


def _resized(pixels: Pixels, mask: Mask, factor: float) -> tuple[Pixels, Mask]:
    size = tuple(max(16, round(length * factor)) for length in mask.shape[::-1])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    covered = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT)
    return cv2.resize(pixels, size, interpolation=how), covered.astype(bool)
