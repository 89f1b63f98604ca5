"""What a photo loses when it is saved as JPEG once more."""

from collections.abc import Iterator
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.signal.windows import mirrored, starts

__all__ = ["grid_levels", "grid_windows", "recompress", "signed_error_levels", "whole_levels"]

_STEPS = 64


def recompress(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return pixels (height, width, 3), RGB, after a JPEG of that quality (1 to 100)."""
    done, stream = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return np.asarray(cv2.cvtColor(cv2.imdecode(stream, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


def signed_error_levels(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.float32]:
    """Return pixels (height, width, 3) less what a JPEG of that quality leaves of them, in [-1, 1].

    References: Wang & Abhayaratne, BMVC 2024 workshop, section 3.1, after Gunawan et al., 2017. At 1 a pixel
    would have lost all its 255 levels.
    """
    loss = pixels.astype(np.float32) - recompress(pixels, quality)
    return np.asarray(loss / np.float32(255), np.float32)


def grid_levels(pixels: NDArray[np.uint8], quality: int, side: int) -> NDArray[np.float32]:
    """Return the signed error levels of a photo as it is, mirrored to whole blocks and ``side`` at least.

    **Ours**: nothing is resized, so that they show what each block of 8x8 pixels went through. Of a low
    quality they hold nearly all of a block but its mean.
    """
    return mirrored(signed_error_levels(pixels, quality), side)


def grid_windows(
    pixels: NDArray[np.uint8], quality: int, side: int
) -> Iterator[tuple[tuple[int, int], NDArray[np.float32]]]:
    """Yield windows (side, side, 3) of a photo's `grid_levels`, and where they begin, so that all is seen."""
    levels = grid_levels(pixels, quality, side)
    for row, column in product(*(starts(length, side, side).tolist() for length in levels.shape[:2])):
        yield (row, column), levels[row : row + side, column : column + side]


def whole_levels(pixels: NDArray[np.uint8], quality: int, side: int) -> NDArray[np.float32]:
    """Return the signed error levels of a whole photo in a square of ``side`` pixels, (side, side, 3).

    **Ours**: they are taken from the photo as it is, and brought to the square then; the paper does not say
    in which order, and a photo that was resized first has lost the traces that they show.
    """
    # 16 bits, in steps of 1/64 of a level: half the memory of floats.
    loss = (pixels.astype(np.int16) - recompress(pixels, quality)) * np.int16(_STEPS)
    small = cv2.resize(loss, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small / np.float32(255 * _STEPS), np.float32)
