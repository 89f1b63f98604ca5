"""Pictures as a report shows them: for the eye, never for measurements."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.errors import TamperscopeError
from tamperscope.io.decode import Limits, decode
from tamperscope.io.encode import encode_view
from tamperscope.io.render import shrunk, upright
from tamperscope.types import Photo

__all__ = ["Figure", "of_file", "of_photo", "of_thumbnail"]

_WIDEST = 1200  # pixels
_SMALL = 160  # pixels of a thumbnail
_MOST = 1_000_000  # pixels of one that is decoded
_ALIKE = 0.9  # correlation

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Figure:
    """A picture as JPEG, its size, and what it shows."""

    title: str
    caption: str
    data: bytes
    width: int
    height: int


def of_photo(photo: Photo) -> Figure:
    """Return the photo, upright."""
    picture = upright(photo.pixels, photo.orientation)
    return _drawn(
        picture,
        "the photo",
        f"Turned upright and reduced for this report; stored as {photo.width} x {photo.height}.",
    )


def of_file(path: Path, title: str, caption: str, limits: Limits) -> Figure | None:
    """Return a picture that was written with the results; None if it is not there."""
    if path.is_symlink():  # which leads to what is no result
        return None
    try:
        return _drawn(decode(path, limits=limits).pixels, title, caption)
    except TamperscopeError:
        return None


def _drawn(pixels: Pixels, title: str, caption: str, widest: int = _WIDEST) -> Figure:
    pixels = shrunk(pixels, widest)
    return Figure(title, caption, encode_view(pixels), pixels.shape[1], pixels.shape[0])


def of_thumbnail(photo: Photo, data: bytes) -> tuple[tuple[Figure, ...], str]:
    """Return the thumbnail beside the photo, both as stored, and how alike they are."""
    if photo.decoded_rows < photo.height:
        return (), "There is a thumbnail; it is not compared with a photo of which a part is missing."
    try:
        thumbnail = decode(data, limits=Limits(pixels=_MOST)).pixels
    except TamperscopeError:
        return (), "The thumbnail inside the file cannot be decoded."
    height, width = thumbnail.shape[:2]
    alike, shown = max(
        ((_correlation(thumbnail[place], one), one) for place, one in _fitted(photo.pixels, height, width)),
        key=lambda found: found[0],
    )
    figures = (
        _drawn(thumbnail, "thumbnail in the file", f"{width} x {height}", _SMALL),
        _drawn(shown, "the photo, reduced alike", "", _SMALL),
    )
    if alike >= _ALIKE:
        said = f"The thumbnail agrees with the photo (correlation {alike:.2f}); small edits would not show."
    else:
        said = (
            f"The thumbnail differs from the photo (correlation {alike:.2f}): it may show what the photo was "
            "before it was edited, cropped or turned, or may be too flat to be compared."
        )
    return figures, said


def _fitted(pixels: Pixels, height: int, width: int) -> Iterator[tuple[tuple[slice, slice], Pixels]]:
    """Yield places in a thumbnail, and what of the photo they may show.

    All of it, squeezed, or where proportions differ all of it between bars, or its middle.
    """
    everything = slice(0, height), slice(0, width)
    yield everything, _reduced(pixels, height, width)
    rows, columns = pixels.shape[:2]
    scale = min(height / rows, width / columns)
    inner = max(1, round(rows * scale)), max(1, round(columns * scale))
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    yield (slice(top, top + inner[0]), slice(left, left + inner[1])), _reduced(pixels, *inner)
    scale = max(height / rows, width / columns)
    part = min(rows, round(height / scale)), min(columns, round(width / scale))
    top, left = (rows - part[0]) // 2, (columns - part[1]) // 2
    middle = pixels[top : top + max(1, part[0]), left : left + max(1, part[1])]
    yield everything, _reduced(middle, height, width)


def _reduced(pixels: Pixels, height: int, width: int) -> Pixels:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _correlation(one: Pixels, other: Pixels) -> float:
    """Return how two pictures of a size correlate, a little blurred; 0 if one is flat."""
    planes = [
        cv2.GaussianBlur(
            cv2.cvtColor(np.ascontiguousarray(each), cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1.5
        )
        for each in (one, other)
    ]
    if min(float(plane.std()) for plane in planes) < 1:
        return 0.0
    return float(np.corrcoef(planes[0].ravel(), planes[1].ravel())[0, 1])
