"""A photograph as a camera would have taken it: noise, one colour in each place, the others interpolated."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.forge._paste import Mask, Pixels, rounded

__all__ = ["sense"]

Light = NDArray[np.float32]

_FULL = 65_535
_GAMMA = 2.2
_TO_LIGHT = (np.arange(256, dtype=np.float32) / 255) ** _GAMMA
_TO_GREY = 255 * (np.arange(_FULL + 1, dtype=np.float32) / _FULL) ** np.float32(1 / _GAMMA)
_SHOT = (2e-5, 1e-3)  # variance of light 1, from the lowest to a high sensitivity; it grows with the light
_READ = (1e-4, 2e-3)  # standard deviation in the dark
_CROSSTALK = 0.35  # of a colour's light that the filters of the others let pass, at most
# OpenCV names a pattern by the second row's second and third places; here by where its first red one lies.
_PATTERNS = {(0, 0): "BG", (0, 1): "GB", (1, 0): "GR", (1, 1): "RG"}
_METHODS = ("linear", "edges", "gradients")


def _kernel(end: list[float], between: list[float], middle: list[float]) -> Light:
    return (np.array([end, between, middle, between, end]) / 8).astype(np.float32)


# Malvar's: green where another colour is seen; red where blue is and blue where red is; either where green is
# seen between two of them in a row.
_CROSS = _kernel([0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1])
_ACROSS = _kernel([0, 0, -1.5, 0, 0], [0, 2, 0, 2, 0], [-1.5, 0, 6, 0, -1.5])
_BESIDE = _kernel([0, 0, 0.5, 0, 0], [0, -1, 0, -1, 0], [-1, 4, 5, 4, -1])


def sense(pixels: Pixels, rng: np.random.Generator) -> tuple[Pixels, dict[str, Any]]:
    """Take a photograph of a photograph, of the same size; return it, and the camera.

    Colours lie in a Bayer pattern, so that two thirds of all values are means of their neighbours, and less
    noisy than the others, in a pattern of 2x2 pixels. Whatever is pasted from elsewhere, resized or filled in
    does not fit into it.

    References:
        Popescu & Farid, "Exposing Digital Forgeries in Color Filter Array Interpolated Images", IEEE TSP
        2005. Foi et al., "Practical Poissonian-Gaussian Noise Modeling and Fitting", IEEE TIP 2008 (the
        noise). Malvar, He & Cutler, ICASSP 2004 (``gradients``); OpenCV's bilinear and edge-aware ones.

    """
    red = (int(rng.integers(2)), int(rng.integers(2)))
    method = str(rng.choice(_METHODS))
    shot, read = (float(np.exp(rng.uniform(*np.log(span)))) for span in (_SHOT, _READ))
    mixing = np.eye(3) + rng.uniform(0, _CROSSTALK, (3, 3)) * (1 - np.eye(3))
    mixing /= mixing.sum(1, keepdims=True)  # grey stays grey

    raw = _mosaic(cv2.transform(_TO_LIGHT[pixels], mixing), red)
    raw += rng.standard_normal(raw.shape, np.float32) * np.sqrt(shot * raw + read**2)
    colours = cv2.transform(_demosaiced(raw.clip(0, 1), red, method), np.linalg.inv(mixing))
    seen = _TO_GREY[(_FULL * colours.clip(0, 1)).astype(np.uint16)]
    finish = str(rng.choice(("none", "sharpened", "smoothed")))
    if finish == "sharpened":
        blurred = cv2.GaussianBlur(seen, (0, 0), float(rng.uniform(0.5, 1.2)))
        seen += float(rng.uniform(0.2, 0.8)) * (seen - blurred)
    elif finish == "smoothed":  # colours alone, as cameras do
        grey = seen.mean(axis=2, keepdims=True)
        seen = grey + cv2.GaussianBlur(seen - grey, (0, 0), float(rng.uniform(0.7, 2)))
    facts = {"red": red, "method": method, "shot": round(shot, 7), "read": round(read, 6), "finish": finish}
    return rounded(seen), facts


def _places(shape: tuple[int, ...], red: tuple[int, int]) -> tuple[Mask, Mask, Mask]:
    """Return where red, green and blue are seen."""
    rows, columns = ((np.arange(length) - first) % 2 == 0 for length, first in zip(shape, red, strict=False))
    return np.outer(rows, columns), np.not_equal.outer(rows, columns), np.outer(~rows, ~columns)


def _mosaic(light: Light, red: tuple[int, int]) -> Light:
    found = np.empty(light.shape[:2], np.float32)
    for colour, places in enumerate(_places(light.shape, red)):
        found[places] = light[..., colour][places]
    return found


def _demosaiced(raw: Light, red: tuple[int, int], method: str) -> Light:
    if method == "gradients":
        return _by_gradients(raw, red)
    code = getattr(cv2, f"COLOR_Bayer{_PATTERNS[red]}2RGB" + ("_EA" if method == "edges" else ""))
    deep = np.rint(raw * _FULL).astype(np.uint16)
    found: Light = cv2.demosaicing(deep, code).astype(np.float32) / _FULL
    return found


def _by_gradients(raw: Light, red: tuple[int, int]) -> Light:
    """Interpolate linearly, corrected by how much the colour that is seen there bends."""
    greens, others, beside_rows, beside_columns = (
        cv2.filter2D(raw, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
        for kernel in (_CROSS, _ACROSS, _BESIDE, _BESIDE.T)
    )
    of_red, of_green, of_blue = _places(raw.shape, red)
    with_red = np.broadcast_to(((np.arange(raw.shape[0]) - red[0]) % 2 == 0)[:, None], raw.shape)
    found = np.stack([raw, np.where(of_green, raw, greens), raw], axis=2)
    for colour, here, opposite, in_row in ((0, of_red, of_blue, with_red), (2, of_blue, of_red, ~with_red)):
        between = np.where(in_row, beside_rows, beside_columns)
        found[..., colour] = np.where(here, raw, np.where(opposite, others, between))
    return found
