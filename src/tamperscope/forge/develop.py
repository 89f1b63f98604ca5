"""What is done to a photograph as a whole, and what is written over it: no manipulation of a part."""

from typing import Any

import cv2
import numpy as np

from tamperscope.forge._paste import Mask, Pixels
from tamperscope.forge.retouch import whole

__all__ = ["caption", "develop"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:@/ "
_BAND = 0.12  # of the height, which a caption takes at most


def develop(pixels: Pixels, rng: np.random.Generator) -> tuple[Pixels, dict[str, Any]]:
    """Smooth, sharpen, tone or roughen all of a photograph; return it, and how that was done."""
    method, found = whole(pixels, rng)
    return found, {"method": method}


def caption(pixels: Pixels, mask: Mask, rng: np.random.Generator) -> tuple[Pixels, Mask, dict[str, Any]]:
    """Lay a line of text over a photograph, alone or on a band.

    Text does not make a photograph manipulated, and so what is covered is taken out of the mask.
    """
    height, width = mask.shape
    tall = max(8, round(height * float(rng.uniform(0.04, _BAND))))
    top = int(rng.choice((0, height - tall, rng.integers(max(1, height - tall)))))
    found = pixels.copy()
    colours = np.array([[255] * 3, [0] * 3, rng.integers(0, 256, 3)])
    colour = [int(value) for value in rng.choice(colours)]
    if band := bool(rng.random() < 0.5):
        found[top : top + tall] = 255 - np.array(colour)
    text = "".join(rng.choice(list(_LETTERS), int(rng.integers(4, 40))))
    where, size = (int(rng.integers(max(1, width // 2))), top + round(0.75 * tall)), tall / 34
    face = int(rng.choice((cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)))
    cv2.putText(found, text, where, face, size, colour, max(1, tall // 16), cv2.LINE_AA)
    return found, mask & (found == pixels).all(axis=2), {"band": band}
