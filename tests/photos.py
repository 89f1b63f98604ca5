"""Photographs that the tests make for themselves, as bytes."""

import struct
from collections.abc import Callable
from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import jpeglib
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from tamperscope.io.jpeg import segments

# Re-exported for the tests that look into files themselves.
__all__ = ["BytesIO", "Image"]

Pixels = NDArray[np.uint8]


@cache
def scene(name: str = "coffee") -> Pixels:
    """A real photograph (height, width, 3), never compressed."""
    data = resources.files("tamperscope.demo").joinpath(f"{name}.webp").read_bytes()
    pixels = np.array(Image.open(BytesIO(data)).convert("RGB"))
    pixels.setflags(write=False)
    return pixels


def crop(height: int, width: int) -> Pixels:
    """A part of the scene with texture in it."""
    return scene()[120 : 120 + height, 60 : 60 + width]


def encode(pixels: Any, kind: str = "PNG", mode: str | None = None, **options: Any) -> bytes:
    """The bytes of a file that Pillow writes; JPEG quality 90 unless told."""
    image = Image.fromarray(pixels) if isinstance(pixels, np.ndarray) else pixels
    if mode:
        image = image.convert(mode)
    if kind == "JPEG":
        options.setdefault("quality", 90)
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def decode_pixels(data: bytes) -> Pixels:
    """What Pillow decodes, as RGB."""
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def opencv(pixels: NDArray[Any], suffix: str, *options: int) -> bytes:
    """The bytes of a file that OpenCV writes, from RGB or grey pixels of 8 or 16 bits."""
    ordered = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    done, stream = cv2.imencode(suffix, np.ascontiguousarray(ordered), list(options))
    assert done
    return stream.tobytes()


def sampled(factors: int) -> bytes:
    """A JPEG whose chroma is subsampled by OpenCV's code for the luma factors, 0x411111 for 4:1:1."""
    return opencv(crop(97, 130), ".jpg", cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factors)


def arithmetic(pixels: Pixels | None = None) -> bytes:
    """An arithmetically coded JPEG."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "arithmetic.jpg")
        with jpeglib.version("9f"):
            made = jpeglib.from_spatial((crop(64, 96) if pixels is None else pixels).copy())
            made.write_spatial(str(path), qt=80, flags=["+ARITH_CODE"])
        return path.read_bytes()


def apart(
    pixels: Pixels, *, order: tuple[int, ...] = (1, 2, 3), qualities: tuple[int, ...] = (90, 30, 30)
) -> bytes:
    """A JPEG 4:4:4 with a scan for each component, all of whose tables pass through slot 0."""
    height, width = (length // 8 * 8 for length in pixels.shape[:2])
    planes = Image.fromarray(pixels[:height, :width]).convert("YCbCr").split()
    frame = struct.pack(">BHHB", 8, height, width, 3) + b"".join(bytes([name, 0x11, 0]) for name in (1, 2, 3))
    data = b"\xff\xd8" + segment(0xC0, frame)
    for name in order:
        found = encode(np.asarray(planes[name - 1]), "JPEG", quality=qualities[name - 1])
        parts = list(segments(found))
        for marker, _, content in parts:
            if marker in (0xDB, 0xC4):
                data += segment(marker, content)
        _, start, content = parts[-1]
        data += segment(0xDA, bytes([1, name, *content[2:]])) + found[start + 2 + len(content) : -2]
    return data + b"\xff\xd9"


def segment(marker: int, content: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def oriented(orientation: int, pixels: Pixels | None = None) -> bytes:
    """A JPEG whose EXIF asks for a rotation."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return encode(crop(48, 80) if pixels is None else pixels, "JPEG", exif=exif)


def with_thumbnail(pixels: Pixels | None = None, thumbnail: bytes = b"") -> bytes:
    """A JPEG with a preview in its EXIF."""
    thumbnail = thumbnail or encode(crop(16, 16), "JPEG")
    tiff = b"II*\0\x08\0\0\0" + b"\0\0" + (14).to_bytes(4, "little")  # an empty first directory
    entries = [(0x0201, 4, 44), (0x0202, 4, len(thumbnail))]
    second = len(entries).to_bytes(2, "little")
    for tag, kind, value in entries:
        second += tag.to_bytes(2, "little") + kind.to_bytes(2, "little") + (1).to_bytes(4, "little")
        second += value.to_bytes(4, "little")
    second += (0).to_bytes(4, "little")
    whole = crop(40, 40) if pixels is None else pixels
    return encode(whole, "JPEG", exif=b"Exif\0\0" + tiff + second + thumbnail)


def animated() -> bytes:
    """A GIF of two frames."""
    frames = [Image.fromarray(crop(40, 40)).convert("P"), Image.fromarray(crop(40, 41)[:, 1:]).convert("P")]
    return encode(frames[0], "GIF", save_all=True, append_images=frames[1:])


def palette(**options: Any) -> bytes:
    return encode(Image.fromarray(crop(40, 56)).quantize(64), "PNG", **options)


def alpha(mode: str) -> bytes:
    image = Image.fromarray(crop(40, 56)).convert(mode)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return encode(image)


def deep(suffix: str, channels: int) -> bytes:
    """16 bits per channel; the upper bytes are those of the 8-bit crop."""
    pixels = crop(40, 56).astype(np.uint16) * 256 + 77
    return opencv(pixels if channels == 3 else pixels[..., 1], suffix)


# Every awkward photo that a detector must either judge or refuse in so many words.
AWKWARD: dict[str, Callable[[], bytes]] = {
    "1x1.png": lambda: encode(crop(1, 1)),
    "1x1.jpg": lambda: encode(crop(1, 1), "JPEG"),
    "7x5.png": lambda: encode(crop(5, 7)),
    "7x5.jpg": lambda: encode(crop(5, 7), "JPEG"),
    "8x8.jpg": lambda: encode(crop(8, 8), "JPEG"),
    "9x17.jpg": lambda: encode(crop(17, 9), "JPEG"),
    "16x16.png": lambda: encode(crop(16, 16)),
    "300x9.jpg": lambda: encode(scene()[:9, :300], "JPEG"),
    "grey.jpg": lambda: encode(crop(64, 96), "JPEG", "L"),
    "grey.png": lambda: encode(crop(64, 96), "PNG", "L"),
    "bilevel.png": lambda: encode(crop(64, 96), "PNG", "1"),
    "cmyk.jpg": lambda: encode(crop(64, 96), "JPEG", "CMYK"),
    "cmyk.tif": lambda: encode(crop(64, 96), "TIFF", "CMYK"),
    "16-bit.png": lambda: deep(".png", 3),
    "16-bit grey.png": lambda: deep(".png", 1),
    "16-bit.tif": lambda: deep(".tiff", 3),
    "palette.png": palette,
    "transparent palette.png": lambda: palette(transparency=b"\x00\x80\xff"),
    "alpha.png": lambda: alpha("RGB"),
    "grey alpha.png": lambda: alpha("L"),
    "constant.jpg": lambda: encode(np.full((64, 96, 3), 128, np.uint8), "JPEG"),
    "black.png": lambda: encode(np.zeros((64, 96, 3), np.uint8)),
    "white.jpg": lambda: encode(np.full((64, 96, 3), 255, np.uint8), "JPEG"),
    "photo.png": lambda: encode(crop(97, 130)),
    "photo.jpg": lambda: encode(crop(97, 130), "JPEG"),
    "progressive.jpg": lambda: encode(crop(97, 130), "JPEG", progressive=True),
    "420.jpg": lambda: encode(crop(97, 130), "JPEG", subsampling="4:2:0"),
    "422.jpg": lambda: encode(crop(97, 130), "JPEG", subsampling="4:2:2"),
    "411.jpg": lambda: sampled(0x411111),
    "440.jpg": lambda: sampled(0x121111),
    "quality 1.jpg": lambda: encode(crop(97, 130), "JPEG", quality=1),
    "quality 100.jpg": lambda: encode(crop(97, 130), "JPEG", quality=100),
    "rgb.jpg": lambda: encode(crop(97, 130), "JPEG", keep_rgb=True),
    "arithmetic.jpg": arithmetic,
    "UPPER.JPG": lambda: encode(crop(97, 130), "JPEG"),
    "rotated.jpg": lambda: oriented(6),
    "thumbnail.jpg": with_thumbnail,
    "photo.tif": lambda: encode(crop(64, 96), "TIFF", compression="tiff_lzw"),
    "photo.bmp": lambda: encode(crop(64, 96), "BMP"),
    "lossy.webp": lambda: encode(crop(64, 96), "WEBP"),
    "lossless.webp": lambda: encode(crop(64, 96), "WEBP", lossless=True),
    "photo.avif": lambda: encode(crop(64, 96), "AVIF"),
    "still.gif": lambda: encode(crop(64, 96), "GIF", "P"),
    "animated.gif": animated,
}


@cache
def awkward(name: str) -> bytes:
    """The bytes of an awkward photo, made once."""
    return AWKWARD[name]()


def spliced(
    first: int = 60, second: int = 90, *, seed: int = 0, subsampling: str = "4:2:0"
) -> tuple[bytes, NDArray[np.bool_]]:
    """A JPEG saved twice, with a part from another photo pasted in between, and its mask."""
    host = decode_pixels(encode(scene(), "JPEG", quality=first, subsampling=subsampling)).copy()
    rng = np.random.default_rng(seed)
    y, x = int(rng.integers(30, 200)), int(rng.integers(30, 380))
    mask = np.zeros(host.shape[:2], bool)
    rows, columns = np.ogrid[: host.shape[0], : host.shape[1]]
    mask[((rows - y - 70) / 70) ** 2 + ((columns - x - 80) / 80) ** 2 <= 1] = True
    donor = np.zeros_like(host)
    donor[y : y + 141, x : x + 161] = scene("chelsea")[60:201, 120:281]
    host[mask] = donor[mask]
    return encode(host, "JPEG", quality=second, subsampling=subsampling), mask


def resaved(first: int = 60, second: int = 90, name: str = "coffee") -> bytes:
    """The pristine twin: saved twice, nothing pasted."""
    return encode(decode_pixels(encode(scene(name), "JPEG", quality=first)), "JPEG", quality=second)
