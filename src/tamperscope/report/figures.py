"""Pictures as a report shows them: for the eye, never for measurements."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.errors import TamperscopeError
from tamperscope.io.decode import decode
from tamperscope.io.render import upright
from tamperscope.types import Photo

__all__ = ["Figure", "of_file", "of_photo", "of_thumbnail"]

_WIDEST = 1200  # pixels
_QUALITY = 90
_SMALL = 160  # pixels of a thumbnail

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


def of_file(path: Path, title: str, caption: str) -> Figure | None:
    """Return a picture that was written with the results; None if it is not there."""
    try:
        return _drawn(decode(path).pixels, title, caption)
    except TamperscopeError:
        return None


def _drawn(pixels: Pixels, title: str, caption: str, widest: int = _WIDEST) -> Figure:
    shrink = min(1.0, widest / max(pixels.shape[:2]))
    if shrink < 1:
        size = [max(1, round(length * shrink)) for length in pixels.shape[1::-1]]
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, stream = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    assert done  # noqa: S101  pixels of any size can be
    return Figure(title, caption, stream.tobytes(), pixels.shape[1], pixels.shape[0])


def of_thumbnail(photo: Photo, data: bytes) -> tuple[tuple[Figure, ...], str]:
    """Return the thumbnail beside the photo, both as stored, and how alike they are."""
    try:
        thumbnail = decode(data).pixels
    except TamperscopeError:
        return (), "The thumbnail inside the file cannot be decoded."
    height, width = thumbnail.shape[:2]
    aspect = (photo.width / photo.height) / (width / height)
    # Cameras pad thumbnails of other proportions with black bars; those are left out.
    rows, columns = (
        (round(height * min(1, 1 / aspect)), width) if aspect > 1 else (height, round(width * aspect))
    )
    top, left = (height - rows) // 2, (width - columns) // 2
    part = np.ascontiguousarray(thumbnail[top : top + max(1, rows), left : left + max(1, columns)])
    small = np.asarray(cv2.resize(photo.pixels, part.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)
    blurred = [
        cv2.GaussianBlur(cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1.5)
        for one in (part, small)
    ]
    flat = min(float(one.std()) for one in blurred) < 1
    alike = 1.0 if flat else float(np.corrcoef(blurred[0].ravel(), blurred[1].ravel())[0, 1])
    figures = (
        _drawn(part, "thumbnail in the file", f"{width} x {height}", _SMALL),
        _drawn(small, "the photo, reduced alike", "", _SMALL),
    )
    if flat:
        return figures, "The thumbnail or the photo is too flat to be compared."
    if alike < 0.9:
        return figures, (
            f"The thumbnail differs from the photo (correlation {alike:.2f}): it may show what the photo was "
            "before it was edited."
        )
    return (
        figures,
        f"The thumbnail agrees with the photo (correlation {alike:.2f}); small edits would not show in it.",
    )
