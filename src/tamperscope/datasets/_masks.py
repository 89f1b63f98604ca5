"""Reads ground truth masks as they were published, never resized."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tamperscope.errors import BadMask
from tamperscope.io.paths import display

__all__ = ["read_channels", "read_mask"]

_HALF = 128  # of 255


def read_mask(
    path: Path, shape: tuple[int, int], *, inverted: bool = False, transposed: bool = False
) -> NDArray[np.bool_]:
    """Return a mask, bool of ``shape`` (height, width): True where its brightest channel is at least half.

    ``inverted`` masks are black where manipulated. ``transposed`` allows rows and columns to be swapped, if
    the size fits only so.

    Raises:
        BadMask: it cannot be read, or is of another size.

    """
    values = read_channels(path, shape, transposed=transposed).max(axis=2)
    if values.max() == 1:
        raise BadMask("its brightest value is 1 of 255", "multiply it by 255", display(path))
    bright: NDArray[np.bool_] = values >= _HALF
    return ~bright if inverted else bright


def read_channels(path: Path, shape: tuple[int, int], *, transposed: bool = False) -> NDArray[np.uint8]:
    """Return a mask's colours, uint8 ``(height, width, 3)``; the parameters and errors of `read_mask`."""
    try:
        with Image.open(path) as picture:
            size = picture.size[::-1]
            swap = transposed and size != shape and size[::-1] == shape
            if size != shape and not swap:  # known before anything is decoded
                raise BadMask(
                    f"it is {size[1]}x{size[0]}, its photo {shape[1]}x{shape[0]}",
                    "masks are never resized: find the right one, or leave the photo out",
                    display(path),
                )
            values = _colours(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadMask(
            f"the mask cannot be read ({display(str(error))})", "get a whole copy", display(path)
        ) from error
    return np.swapaxes(values, 0, 1) if swap else values


def _colours(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        values = np.asarray(picture, np.float64)
        deep = 255 / 65535 if values.max(initial=0) > 255 else 1  # 16 bits, or 8 in a wider type
        grey = np.clip(values * deep, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    return np.asarray(picture.convert("RGB"))  # without alpha: what is not shown was still drawn
