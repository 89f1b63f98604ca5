"""Draws localizations as PNG files."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tamperscope.signal.regions import without_specks
from tamperscope.types import Localization, Photo

__all__ = [
    "COLOURS",
    "draw_evidence",
    "draw_heatmap",
    "draw_judged",
    "draw_mask",
    "draw_overlay",
    "hatch",
    "outline",
    "overlay",
    "shrunk",
    "upright",
]

# Readable with every kind of colour vision, and its brightness rises throughout, so also in grey.
COLOURS = cv2.COLORMAP_INFERNO
_FASTEST = [cv2.IMWRITE_PNG_COMPRESSION, 1]
_PANEL, _GAP, _HEAD = 480, 10, 56  # pixels of a panel's longer side, around it, and above it
_NEVER = 2.0  # a threshold that no heat reaches
_HATCHING = 16  # widths of a stripe from one to the next
_TRUST = "reliability"  # the one map whose high values are no suspicion


def draw_heatmap(localization: Localization) -> bytes:
    """Return an 8-bit grey PNG of the stored size, 255 = most suspicious."""
    return _png(cv2.convertScaleAbs(localization.heatmap, alpha=255))


def draw_mask(localization: Localization, threshold: float) -> bytes:
    """Return a PNG of the stored size: 255 at or above the threshold, 0 elsewhere."""
    return _png(localization.mask(threshold).astype(np.uint8) * 255)


def draw_judged(valid: NDArray[np.bool_]) -> bytes:
    """Return a PNG of the stored size: 255 where the method can judge, 0 elsewhere."""
    return _png(valid.astype(np.uint8) * 255)


def draw_overlay(photo: Photo, localization: Localization, threshold: float) -> bytes:
    """Return a PNG for people, turned upright: the photo in grey, heat in colour, regions outlined.

    Stripes cover what the method cannot judge, lines join parts that occur twice.
    """
    return _png(overlay(photo, localization, threshold))


def draw_evidence(photo: Photo, found: Sequence[tuple[str, str, Localization, float]]) -> bytes:
    """Return a PNG for people: the photo, all overlays, and the maps that led to them, side by side.

    Each of ``found`` is a title, a line below it, the localization and its threshold.
    """
    picture = upright(cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2BGR), photo.orientation)
    size = f"{photo.width}x{photo.height} {photo.format}"
    panels = [_panel(picture, "photo", size)]
    for title, line, one, threshold in found:
        panels.append(_panel(overlay(photo, one, threshold), title, line))
        for name, heat in one.evidence.items():
            meaning = " (bright: can be trusted)" if name == _TRUST else ""
            panels.append(_panel(_evidence(photo, name, heat), title, name + meaning))
    across = math.ceil(math.sqrt(len(panels)))
    panels += [np.full_like(panels[0], 255)] * (-len(panels) % across)
    rows = [np.concatenate(panels[first : first + across], axis=1) for first in range(0, len(panels), across)]
    return _png(np.concatenate(rows))


def _evidence(photo: Photo, name: str, heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a map of any size over the photo, BGR, without outlines: a threshold says nothing of it.

    What can be trusted is drawn alone and in grey: heat would look suspicious.
    """
    full = np.clip(cv2.resize(heat, (photo.width, photo.height), interpolation=cv2.INTER_LINEAR), 0, 1)
    if name == _TRUST:
        grey = cv2.cvtColor(cv2.convertScaleAbs(full, alpha=255), cv2.COLOR_GRAY2BGR)
        edge = photo.width - 1, photo.height - 1  # a frame: the sheet is white as well
        cv2.rectangle(grey, (0, 0), edge, (128, 128, 128), _stroke(full.shape))
        return upright(grey, photo.orientation)
    return overlay(photo, Localization(full, None), _NEVER)


def _panel(picture: NDArray[np.uint8], title: str, line: str) -> NDArray[np.uint8]:
    """Return the picture on white, at most `_PANEL` pixels a side, with a title and a line above it."""
    shown = shrunk(picture, _PANEL)
    size = shown.shape[1::-1]
    width = max(size[0], _PANEL // 2)
    sheet = Image.new("RGB", (width + 2 * _GAP, size[1] + _HEAD + _GAP), "white")
    sheet.paste(Image.fromarray(cv2.cvtColor(shown, cv2.COLOR_BGR2RGB)), (_GAP, _HEAD))
    pen = ImageDraw.Draw(sheet)
    for text, top, points, colour in ((title, 8, 18, "black"), (line, 32, 13, "#555555")):
        font = ImageFont.load_default(points)
        while font.getlength(text) > width and len(text) > 4:
            text = text[:-4] + "..."  # noqa: PLW2901  until it fits
        pen.text((_GAP, top), text, colour, font)
    panel: NDArray[np.uint8] = np.ascontiguousarray(np.asarray(sheet)[..., ::-1])
    return panel


def overlay(photo: Photo, localization: Localization, threshold: float) -> NDArray[np.uint8]:
    """Return the overlay of `draw_overlay` as BGR pixels."""
    heat = cv2.convertScaleAbs(localization.heatmap, alpha=255)
    if localization.valid is not None:
        heat[~localization.valid] = 0  # what cannot be judged must not look suspicious
    grey = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY)
    canvas = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    # The hotter, the more opaque: cold areas show the photo itself.
    opacity = cv2.cvtColor(cv2.convertScaleAbs(heat, alpha=0.75), cv2.COLOR_GRAY2BGR)
    colours = cv2.applyColorMap(heat, COLOURS)
    canvas = cv2.add(
        cv2.multiply(canvas, cv2.bitwise_not(opacity), scale=1 / 255),
        cv2.multiply(colours, opacity, scale=1 / 255),
    )
    width = _stroke(heat.shape)
    if localization.valid is not None:
        hatch(canvas, localization.valid)
    outline(canvas, without_specks(localization.mask(threshold)), (255, 255, 255), width)
    for link in localization.links:
        ends = (link.x, link.y), (link.to_x, link.to_y)
        for colour, thickness in (((0, 0, 0), 3 * width), ((255, 255, 255), width)):
            cv2.line(canvas, *ends, colour, thickness, cv2.LINE_AA)
            for end in ends:
                cv2.circle(canvas, end, 3 * width, colour, thickness, cv2.LINE_AA)
    return upright(canvas, photo.orientation)


def outline(
    canvas: NDArray[np.uint8], mask: NDArray[np.bool_], colour: tuple[int, int, int], width: int
) -> None:
    """Draw the outlines of a mask in a bright BGR colour; on black, they stand out from any photo."""
    outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(canvas, outlines, -1, (0, 0, 0), 3 * width)
    cv2.drawContours(canvas, outlines, -1, colour, width)


def shrunk(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a picture whose longer side is ``side`` at most."""
    scale = min(1.0, side / max(picture.shape[:2]))
    size = tuple(max(1, round(length * scale)) for length in picture.shape[1::-1])
    smaller: NDArray[np.uint8] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return smaller


def upright(picture: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Apply an EXIF orientation (1 to 8) to a stored picture ``(height, width, ...)``."""
    if orientation in (5, 6, 7, 8):
        picture = np.swapaxes(picture, 0, 1)
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return np.ascontiguousarray(picture)


def _stroke(shape: tuple[int, ...]) -> int:
    """Return how wide a line should be, in pixels, to be seen in a picture of this size."""
    return max(1, round(max(shape) / 600))


def hatch(canvas: NDArray[np.uint8], valid: NDArray[np.bool_]) -> None:
    """Draw diagonal stripes where nothing can be judged, light beside dark, so that they show on any grey.

    A fourth channel of the canvas becomes opaque there.
    """
    rows, columns = np.arange(valid.shape[0])[:, None], np.arange(valid.shape[1])
    stripe = (rows + columns) // _stroke(valid.shape) % _HATCHING
    for place, grey in enumerate((220, 60)):
        there = ~valid & (stripe == place)
        canvas[there, :3] = grey
        canvas[there, 3:] = 255


def _png(picture: NDArray[np.uint8]) -> bytes:
    done, stream = cv2.imencode(".png", picture, _FASTEST)
    if not done:
        raise RuntimeError("OpenCV could not encode a PNG")
    return stream.tobytes()
