"""What a photo loses when it is saved as JPEG once more."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["recompress", "signed_error_levels"]


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
