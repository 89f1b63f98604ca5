"""From a file's bytes to a `Photo`, without resizing, rotating or re-encoding anything."""

import hashlib
import logging
import os
import re
import stat
import threading
import warnings
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, PngImagePlugin
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    PHOTOMETRIC_INTERPRETATION,
    TILELENGTH,
    TILEWIDTH,
    TiffImageFile,
)
from PIL.WebPImagePlugin import WebPImageFile

from tamperscope.errors import (
    CorruptFile,
    TamperscopeError,
    TooLarge,
    TruncatedFile,
    UnreadableFile,
    UnsupportedFormat,
)
from tamperscope.io.jpeg import Header, read_header, read_jpeg
from tamperscope.io.native import diverted_stderr
from tamperscope.io.paths import display, few
from tamperscope.io.salvage import completed, emptied, ends_flat, is_short, kept_rows
from tamperscope.types import Jpeg, Photo

__all__ = ["FORMATS", "Limits", "changed", "decode", "read_file", "sniff", "too_many_bytes"]

# Pillow logs errors that it also raises; without a handler they would be printed.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# Large profiles and histories of edits are no reason to refuse a photo; all of them together stay limited.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY

# Pillow's classes themselves: Image.open would apply its own limits and guess from more formats.
FORMATS: dict[str, Callable[[BytesIO], ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "TIFF": TiffImageFile,
    "WebP": WebPImageFile,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "AVIF": AvifImageFile,
}
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_BMP_HEADERS = [size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)]
_FOREIGN = (
    (b"%PDF", "a PDF document", "extract its pictures first, e.g. with `pdfimages -all`"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it first"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"8BPS", "a Photoshop document", "export a copy as PNG or TIFF"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture", "convert a copy to PNG or TIFF"),
    (b"\xff\x0a", "a JPEG XL picture", "convert a copy to PNG or TIFF"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture", "convert a copy to PNG or TIFF"),
    (b"<", "a text or vector drawing", "give a photograph"),
)
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_ONE_AT_A_TIME = threading.Lock()  # Python keeps one list of warnings, whichever thread they come from
_DNG_VERSION, _SUBFILE = 50706, 254  # tags of TIFF
_DEVELOP = "export a copy as TIFF or PNG and keep the original as evidence"
_READABLE = "JPEG, PNG, TIFF, WebP, AVIF, BMP and GIF are read"


@dataclass(frozen=True)
class Limits:
    """The largest file that is read, and the largest picture and side that are decoded."""

    pixels: int = 200_000_000
    bytes: int = 256 * 2**20
    side: int = 65_500  # libjpeg's, which error levels and other tools meet as well


def decode(
    source: bytes | bytearray | memoryview | str | os.PathLike[str],
    *,
    salvage: bool = False,
    limits: Limits | None = None,
) -> Photo:
    """Decode a photograph from its bytes or from a file, which is recognised by its content.

    The file is read once, and only read. ``salvage`` accepts truncated JPEG files as far as they decode
    (`Photo.decoded_rows`).

    Raises:
        UnreadableFile: the file cannot be read, is empty, or changes while it is read.
        UnsupportedFormat: it is no photograph, or of a kind that cannot be analysed.
        CorruptFile: it contradicts itself; `TruncatedFile`: it ends early.
        TooLarge: it exceeds the limits; known before any pixel is decoded.

    """
    limits = limits or Limits()
    if isinstance(source, bytearray | memoryview):
        source = bytes(source)
    name = "" if isinstance(source, bytes) else display(source)
    try:
        data = source if isinstance(source, bytes) else read_file(Path(source), limits.bytes)
        if not data:
            raise UnreadableFile("the file is empty", "get a complete copy of the file")
        if len(data) > limits.bytes:
            raise too_many_bytes(len(data), limits.bytes)
        return _decode(data, sniff(data), salvage, limits)
    except TamperscopeError as error:
        raise error.at(name) from error.__cause__


def read_file(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file that did not change meanwhile.

    Raises:
        UnreadableFile: there is no such file, it is not a regular one, or it changed.
        TooLarge: it has more bytes than ``limit``.

    """
    try:
        # Without O_NONBLOCK a named pipe would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise UnreadableFile("not a regular file", "give the photograph itself, or its folder")
        if before.st_size > limit:
            raise too_many_bytes(before.st_size, limit)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
        after = os.fstat(descriptor)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(
        data
    ) != after.st_size:
        raise changed()
    return data


def changed() -> UnreadableFile:
    """Return what to say of a file that changed while it was read."""
    return UnreadableFile("the file changed while it was read", "wait until it is complete, then retry")


def _unreadable(path: Path, error: Exception) -> UnreadableFile:
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return UnreadableFile("a broken symbolic link", "restore its target or remove it")
    if isinstance(error, FileNotFoundError):
        return UnreadableFile("no such file", "check the name")
    if isinstance(error, PermissionError):
        return UnreadableFile("permission denied", "ask for the right to read it")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return UnreadableFile(f"cannot be read ({reason})", "check the file and its disk")


def too_many_bytes(size: int, limit: int) -> TooLarge:
    """Return what to say of a file that has more bytes than the limit."""
    return TooLarge(
        f"{size / 2**20:.0f} MiB, more than the limit of {limit / 2**20:.0f} MiB",
        "raise it with --max-mebibytes if you trust the file",
    )


def sniff(data: bytes) -> str:
    """Return the name of the format, told by the content alone.

    Raises:
        UnsupportedFormat: it is not one that can be analysed; the message says what it is, if known.

    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        brands = data[8 : min(len(data), int.from_bytes(data[:4], "big"), 256)]
        if b"avif" in brands or b"avis" in brands:
            return "AVIF"
        if any(brand in brands for brand in _HEIF_BRANDS):
            raise UnsupportedFormat(
                "a HEIC picture, for which no permissively licensed decoder exists",
                "convert a copy to PNG or TIFF and keep the original as evidence",
            )
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    # Two letters are too little to tell a BMP from a text: the size of its second header must fit as well.
    if data[:2] == b"BM" and data[14:18] in _BMP_HEADERS:
        return "BMP"
    for magic, name, remedy in _FOREIGN:
        if data.startswith(magic):
            raise UnsupportedFormat(f"{name}, which is not read", remedy)
    raise UnsupportedFormat("not a picture in a known format", _READABLE)


def _decode(data: bytes, kind: str, salvage: bool, limits: Limits) -> Photo:
    notes: list[str] = []
    with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        header = read_header(data) if kind == "JPEG" else None
        if header:  # its promises are checked before any decoder sees it
            _check_pixels(header.width, header.height, limits)
            if not (header.plausible or salvage):
                raise _too_little(kind, header.width, header.height)
        image = _open(data, kind)
        _check_pixels(image.width, image.height, limits)
        _check_density(image, kind, len(data))
        if isinstance(image, TiffImageFile):
            _check_raw(image, data)
            _check_tiles(image, limits)
        thumbnail, orientation = _exif(image)
        if header.more if header else _has_more_frames(_open(data, kind)):  # which may change its size
            notes.append("only the first frame is analysed")
        stream = data
        try:
            if header and emptied(data):
                raise _truncated(kind, "ends in zeros instead of its data")
            _load(image, data, kind, notes)
        except CorruptFile as error:
            stream = _salvageable(data, header, salvage, error)
            image = _salvage(stream, kind, notes)
        _check_pixels(image.width, image.height, limits)  # a GIF's frame may exceed its screen
        pixels = _rgb(image, _depth(data, image, kind), notes)
    jpeg = read_jpeg(stream, header, thumbnail=thumbnail) if header else None
    rows = pixels.shape[0]
    if jpeg and header:
        rows, lacking = _decoded_rows(jpeg, header, pixels, stream is not data, notes)
        if lacking and not salvage:
            raise _truncated(kind, lacking)
    notes += [display(str(warning.message)) for warning in caught]
    return Photo(
        pixels=pixels,
        jpeg=jpeg,
        orientation=orientation,
        digest=hashlib.sha256(data).hexdigest(),
        format=kind,
        size=len(data),
        decoded_rows=rows,
        warnings=few(notes),
    )


def _salvageable(data: bytes, header: Header | None, salvage: bool, error: CorruptFile) -> bytes:
    """Return a JPEG that was cut off as one that ends, if that is asked for; else it is an error."""
    if header and header.arithmetic:
        raise TruncatedFile(
            "the arithmetically coded JPEG is cut off, and nobody can tell how much is left",
            "get a complete copy of the file",
        ) from error
    if not (header and salvage):
        raise error
    return completed(data)


def _decoded_rows(
    jpeg: Jpeg, header: Header, pixels: NDArray[np.uint8], cut: bool, notes: list[str]
) -> tuple[int, str]:
    """Return how many rows come from the file, and what it lacks.

    A file that was cut off may end with an end marker all the same: not every program fails then.
    """
    height, several = len(pixels), header.scans > 1
    if jpeg.arithmetic:  # of whose data libjpeg does not say that they end early
        notes.append("coded arithmetically: whether all of it is in the file cannot be told")
    lacking = "" if jpeg.complete and not (several and is_short(jpeg)) else "lacks a part of its scans"
    if lacking and (several or not is_short(jpeg)):  # the first one has all rows
        notes.append("salvaged: later scans are missing, so fine detail and DCT statistics are incomplete")
        return height, lacking
    if not (cut or lacking or (not several and ends_flat(pixels) and jpeg.coefficients)):
        return height, ""
    rows, note = kept_rows(jpeg, height)
    if cut or rows < height:
        notes.append(note)
    return rows, f"has data for only {rows} of its {height} rows" if rows < height else lacking


def _check_pixels(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.pixels:
        raise TooLarge(
            f"{width}x{height} pixels, more than the limit of {limits.pixels / 1e6:g} megapixels",
            "raise it with --max-megapixels if you trust the file",
        )
    if max(width, height) > limits.side:
        raise TooLarge(
            f"{width}x{height} pixels, a side longer than {limits.side}", "cut a copy into parts off-line"
        )


def _check_density(image: ImageFile, kind: str, size: int) -> None:
    """Refuse a header that promises more pixels than the format can compress into the file."""
    if kind in ("PNG", "GIF", "BMP") and image.width * image.height > _DENSEST * size:
        raise _too_little(kind, image.width, image.height)


def _too_little(kind: str, width: int, height: int) -> TruncatedFile:
    return _truncated(kind, f"holds too little data for {width}x{height} pixels")


def _truncated(kind: str, how: str) -> TruncatedFile:
    salvage = ", or use --salvage to analyse what is left" if kind == "JPEG" else ""
    return TruncatedFile(f"the {kind} {how}", f"get a complete copy of the file{salvage}")


def _check_tiles(image: TiffImageFile, limits: Limits) -> None:
    """Check what is decoded at once: a tile may be larger than the picture."""
    size = tuple(image.tag_v2.get(tag, 1) for tag in (TILEWIDTH, TILELENGTH))
    if not all(isinstance(side, int) for side in size) or size[0] * size[1] > limits.pixels:
        raise TooLarge("its tiles are larger than the limit on pixels", "convert a copy to PNG")


def _check_raw(image: TiffImageFile, data: bytes) -> None:
    """Refuse what begins with a preview: the photograph itself would not be looked at."""
    if _DNG_VERSION in image.tag_v2 or data[8:10] == b"CR":
        raise UnsupportedFormat("a camera's raw file", _DEVELOP)
    kind = image.tag_v2.get(_SUBFILE, 0)
    if isinstance(kind, int) and kind & 1:
        raise UnsupportedFormat("a TIFF that begins with a preview, as raw files of cameras do", _DEVELOP)


def _open(data: bytes, kind: str) -> ImageFile:
    if kind == "WebP" and len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise _truncated(kind, "is cut off")
    try:
        return FORMATS[kind](BytesIO(data))
    except Exception as error:
        raise _corrupt(kind, error) from error


_DENSEST = 9000  # pixels a byte: deflate turns 1032 bytes of eight bilevel pixels into one at best


def _salvage(stream: bytes, kind: str, notes: list[str]) -> ImageFile:
    try:
        image = _open(stream, kind)
        _load(image, stream, kind, notes)
    except CorruptFile as error:
        raise CorruptFile(
            f"too little of the {kind} can be salvaged ({error.problem})", "get a complete copy of the file"
        ) from error
    return image


# How libtiff's messages begin: by the function, or by the name that Pillow gives all files.
_LIBTIFF = re.compile(
    rb"(?:_?TIFF\w+|tempfile\.tif|JPEGLib|LibJpeg|MissingRequired|OJPEG\w*|PixarLog\w*|EstimateStripByteCounts|"
    rb"\w*(?:Decode|Setup|Acc|Fetch|Fill|Fixup|Chop|YCbCr)\w*): |Apparently should be "
)


def _load(image: ImageFile, data: bytes, kind: str, notes: list[str]) -> None:
    if isinstance(image, TiffImageFile):  # which Pillow would turn as soon as it is loaded
        with suppress(Exception):
            image.getexif().pop(ExifTags.Base.Orientation, None)
    try:
        # libtiff prints what it finds amiss; the other libraries raise or keep silent.
        diverted = diverted_stderr(_LIBTIFF) if kind == "TIFF" else nullcontext[list[str]]([])
        with diverted as remarks:
            image.load()
        if kind == "PNG":  # of whose checksums the decoder asks for few
            _open(data, kind).verify()
        notes += remarks
    except MemoryError as error:
        raise TooLarge("too large for this machine's memory", "analyse it on a larger one") from error
    except Exception as error:
        raise _corrupt(kind, error) from error


def _corrupt(kind: str, error: Exception) -> TamperscopeError:
    text = str(error).lower()
    if "unknown pixel mode" in text:
        return UnsupportedFormat(
            f"{kind} with samples that are not read", "convert a copy to 8 or 16 bits per channel RGB"
        )
    if "truncated" in text or "unexpected end" in text or isinstance(error, EOFError):
        return _truncated(kind, "is cut off")
    return CorruptFile(f"the {kind} cannot be decoded ({display(str(error))})", "get an undamaged copy")


def _has_more_frames(image: ImageFile) -> bool:
    """Look for a second frame; counting them all would take for ever in a file made to that end."""
    try:
        image.seek(1)
    except Exception:  # noqa: BLE001  a damaged later frame does not spoil the first
        return False
    return True


def _exif(image: ImageFile) -> tuple[bool, int]:
    """Return whether a thumbnail is embedded, and the orientation."""
    try:
        exif = image.getexif()
        thumbnail = ExifTags.Base.JpegIFOffset in exif.get_ifd(ExifTags.IFD.IFD1)
        orientation = exif.get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001  EXIF is free text written by anyone; the picture stands without it
        return False, 1
    # A fraction or a float may stand there.
    return thumbnail, int(orientation) if orientation in range(1, 9) else 1


def _depth(data: bytes, image: ImageFile, kind: str) -> int:
    """Return the bits per channel, of which Pillow cuts off more than 8 in silence."""
    if kind == "PNG":
        return data[24]
    if isinstance(image, TiffImageFile):
        return int(max(image.tag_v2.get(BITSPERSAMPLE, (8,))))
    if kind == "AVIF":
        _, _, configuration = data.partition(b"av1C")
        flags = configuration[2] if len(configuration) > 2 else 0
        return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
    return 16 if image.mode.startswith("I;16") else 8


def _rgb(image: ImageFile, depth: int, notes: list[str]) -> NDArray[np.uint8]:
    """Return the pixels (height, width, 3); every loss on the way becomes a note."""
    mode = image.mode
    if depth > 8:
        notes.append(f"{depth} bits per channel: only the upper 8 are analysed")
    if "A" in mode or "a" in mode or "transparency" in image.info:
        notes.append("transparency is ignored")
    if mode.startswith("I;16"):
        grey = (np.asarray(image) >> (depth - 8)).astype(np.uint8)
        if isinstance(image, TiffImageFile) and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0:
            grey = 255 - grey  # white is zero, which Pillow heeds with 8 bits only
        return np.ascontiguousarray(np.broadcast_to(grey[..., None], (*grey.shape, 3)))
    if mode in ("I", "F", "LAB"):
        raise UnsupportedFormat(
            f"{image.format} with {mode} samples", "convert a copy to 8 or 16 bits per channel RGB"
        )
    if mode in ("CMYK", "YCbCr", "HSV"):
        notes.append(f"{mode} pixels were converted to RGB")
    if mode == "P":
        notes.append("a palette image: its colours were reduced, which hides most traces")
    # Palettes with transparency convert by way of RGBA, or Pillow blends and warns.
    rgb: Image.Image = image.convert("RGBA") if mode in ("P", "PA", "RGBa", "La") else image
    return np.array(rgb.convert("RGB"))
