"""What a file says of itself in EXIF: text for people, where it was taken apart, and the thumbnail."""

import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from PIL import ExifTags

from tamperscope.io.decode import FORMATS, sniff
from tamperscope.io.paths import clipped, display

__all__ = ["Exif", "read_exif"]

_LONGEST = 200  # letters of a value
_MOST = 200  # entries
_LARGEST = 1 << 20  # bytes of a thumbnail
_HEAD, _ASCII = b"Exif\0\0", b"ASCII\0\0\0"  # what EXIF begins with, and a comment in plain letters
_WIDE = range(0x9C9B, 0x9CA0)  # tags of Windows, in UTF-16

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Exif:
    """Names and values, text on one line each; ``position`` holds those of GPS; the thumbnail's file."""

    rows: Rows = ()
    position: Rows = ()
    thumbnail: bytes | None = field(default=None, repr=False)


def read_exif(data: bytes) -> Exif:
    """Return the EXIF of a file; nothing if there is none, or none that can be read.

    Anyone may have written it: it says what the file claims, not what is true.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is damaged
            image = FORMATS[sniff(data)](BytesIO(data))
            exif, raw = image.getexif(), image.info.get("exif", b"")
            own = _rows({**exif, **exif.get_ifd(ExifTags.IFD.Exif)}, ExifTags.TAGS)
            position = _rows(exif.get_ifd(ExifTags.IFD.GPSInfo), ExifTags.GPSTAGS)
            return Exif(own, position, _thumbnail(exif.get_ifd(ExifTags.IFD.IFD1), raw))
    except Exception:  # noqa: BLE001  free text written by anyone, in a format that Pillow may stumble over
        return Exif()


def _rows(entries: dict[int, Any], names: dict[int, str]) -> Rows:
    links = set(ExifTags.IFD)  # to other tables, not values
    found = [
        (names.get(tag, f"tag {tag:#06x}"), _text(value, wide=tag in _WIDE))
        for tag, value in sorted(entries.items())
        if tag not in links
    ]
    return tuple(found[:_MOST])


def _text(value: Any, *, wide: bool = False) -> str:
    if isinstance(value, bytes):
        try:
            value = (
                value.decode("utf-16-le")
                if wide
                else value.removeprefix(_ASCII).strip(b"\0 ").decode("ascii")
            )
        except UnicodeDecodeError:
            return f"{len(value)} bytes"
        if len(value) > _LONGEST:
            return f"{len(value)} bytes"
    if isinstance(value, str):
        with suppress(UnicodeError):  # Pillow takes for Latin what is nearly always UTF-8
            value = value.encode("latin-1").decode()
    if isinstance(value, tuple):
        value = ", ".join(str(part) for part in value[:16])
    return clipped(display(str(value).strip("\0 ")), _LONGEST)


def _thumbnail(entries: dict[int, Any], raw: bytes) -> bytes | None:
    start, length = (entries.get(tag) for tag in (ExifTags.Base.JpegIFOffset, ExifTags.Base.JpegIFByteCount))
    if not isinstance(start, int) or not isinstance(length, int) or not 0 < length <= _LARGEST:
        return None
    start += len(_HEAD) * raw.startswith(_HEAD)
    found = raw[start : start + length]
    return found if found.startswith(b"\xff\xd8") else None
