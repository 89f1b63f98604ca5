"""Draws localizations as PNG files."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.types import Localization, Photo

__all__ = ["draw_heatmap", "draw_mask", "draw_overlay", "upright"]

# Readable with every kind of colour vision, and its brightness rises throughout, so also in grey.
_COLOURS = cv2.COLORMAP_INFERNO
_FASTEST = [cv2.IMWRITE_PNG_COMPRESSION, 1]
_HATCHING = 16  # widths of a stripe from one to the next


def draw_heatmap(localization: Localization) -> bytes:
    """Return an 8-bit grey PNG of the stored size, 255 = most suspicious."""
    return _png(cv2.convertScaleAbs(localization.heatmap, alpha=255))


def draw_mask(localization: Localization, threshold: float) -> bytes:
    """Return a PNG of the stored size: 255 at or above the threshold, 0 elsewhere."""
    return _png(localization.mask(threshold).astype(np.uint8) * 255)


def draw_overlay(photo: Photo, localization: Localization, threshold: float) -> bytes:
    """Return a PNG for people, turned upright: the photo in grey, heat in colour, regions outlined.

    Stripes cover what the method cannot judge.
    """
    heat = cv2.convertScaleAbs(localization.heatmap, alpha=255)
    if localization.valid is not None:
        heat[~localization.valid] = 0  # what cannot be judged must not look suspicious
    grey = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY)
    canvas = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    # The hotter, the more opaque: cold areas show the photo itself.
    opacity = cv2.cvtColor(cv2.convertScaleAbs(heat, alpha=0.75), cv2.COLOR_GRAY2BGR)
    colours = cv2.applyColorMap(heat, _COLOURS)
    canvas = cv2.add(
        cv2.multiply(canvas, cv2.bitwise_not(opacity), scale=1 / 255),
        cv2.multiply(colours, opacity, scale=1 / 255),
    )
    width = max(1, round(max(heat.shape) / 600))
    if localization.valid is not None:
        _hatch(canvas, localization.valid, width)
    mask = localization.mask(threshold).view(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    # White on black stands out from any photo.
    cv2.drawContours(canvas, outlines, -1, (0, 0, 0), 3 * width)
    cv2.drawContours(canvas, outlines, -1, (255, 255, 255), width)
    return _png(upright(canvas, photo.orientation))


def upright(picture: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Apply an EXIF orientation (1 to 8) to a stored picture ``(height, width, ...)``."""
    if orientation in (5, 6, 7, 8):
        picture = np.swapaxes(picture, 0, 1)
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return np.ascontiguousarray(picture)


def _hatch(canvas: NDArray[np.uint8], valid: NDArray[np.bool_], width: int) -> None:
    """Draw diagonal stripes, light beside dark, so that they show on any grey."""
    rows, columns = np.arange(valid.shape[0])[:, None], np.arange(valid.shape[1])
    stripe = (rows + columns) // width % _HATCHING
    canvas[~valid & (stripe == 0)] = 220
    canvas[~valid & (stripe == 1)] = 60


def _png(picture: NDArray[np.uint8]) -> bytes:
    done, stream = cv2.imencode(".png", picture, _FASTEST)
    if not done:
        raise RuntimeError("OpenCV could not encode a PNG")
    return stream.tobytes()
