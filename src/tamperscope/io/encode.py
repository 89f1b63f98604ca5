"""Makes JPEG and PNG files with chosen settings: of what is made here, never of what is analysed."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["encode_jpeg", "encode_png", "encode_view"]

_FOR_THE_EYE = 90  # quality
_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


def encode_jpeg(
    pixels: NDArray[np.uint8], tables: Sequence[NDArray[np.uint16]], subsampling: str = "4:2:0"
) -> bytes:
    """Return a baseline JPEG with these quantisation tables (8, 8): luminance, and chrominance if not grey.

    ``pixels`` are RGB (height, width, 3), or grey (height, width). Steps above 255, which baseline JPEG does
    not have, are written as 255; a subsampling that the writer does not have, as 4:2:0.
    """
    steps = [np.clip(table, 1, 255).astype(int).ravel().tolist() for table in tables[:2]]
    stream = BytesIO()
    sampling = _SUBSAMPLING.get(subsampling, 2)
    Image.fromarray(pixels).save(stream, "JPEG", qtables=steps, subsampling=sampling)
    return stream.getvalue()


def encode_view(pixels: NDArray[np.uint8]) -> bytes:
    """Return a JPEG of RGB pixels for the eye, never for measurements."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=_FOR_THE_EYE)
    return stream.getvalue()


def encode_png(pixels: NDArray[np.uint8], level: int = 1) -> bytes:
    """Return a PNG of RGB, RGBA or grey pixels; ``level`` of compression, 0 to 9."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=level)
    return stream.getvalue()
