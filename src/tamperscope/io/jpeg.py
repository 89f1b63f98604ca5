"""What a JPEG file says beside its pixels: tables, sampling, and the quantised DCT coefficients."""

import ctypes
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamperscope.errors import CorruptFile, TruncatedFile, UnsupportedFormat
from tamperscope.io.native import as_file, diverted_stderr
from tamperscope.signal.dct import ZIGZAG
from tamperscope.types import Jpeg

__all__ = [
    "MARKER",
    "Header",
    "estimate_quality",
    "read_header",
    "read_jpeg",
    "segments",
    "standard_table",
]

# A marker is FF and a byte that is neither stuffing (00), nor fill (FF), nor a restart (D0-D7).
MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
# All that libjpeg warns of while it reads `_plain` coefficients (jerror.h, JWRN).
_WARNINGS = re.compile(
    rb"Corrupt JPEG data: |Premature end of JPEG file|Inconsistent progression sequence for component |"
    rb"Invalid SOS parameters for sequential JPEG"
)
_SOI, _EOI, _SOS, _DQT, _TEM, _APP0, _APP2, _APP14 = 0xD8, 0xD9, 0xDA, 0xDB, 0x01, 0xE0, 0xE2, 0xEE
_FRAMES = {
    0xC0,
    0xC1,
    0xC2,
    0xC9,
    0xCA,
}  # baseline, extended, progressive; arithmetic sequential, progressive
_PROGRESSIVE, _ARITHMETIC = {0xC2, 0xCA}, {0xC9, 0xCA}
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}  # lossless, hierarchical
_MOST_SCANS = 500  # real encoders write about ten; each costs a pass over the whole picture

# Annex K of ITU-T T.81.
_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
_CHROMINANCE = np.full((8, 8), 99)
_CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


@dataclass(frozen=True, eq=False)
class Header:
    """The structure of a JPEG stream, read without decoding its pictures.

    ``tables`` holds each component's quantisation table, ``sampling`` its (horizontal, vertical) factors.
    ``scans`` is the number of scans that begin, ``complete`` whether these say all of every component,
    ``coded`` the number of bytes from the first one on, ``more`` whether other pictures follow, as in those
    of stereo cameras, and of phones for bright displays.
    """

    width: int
    height: int
    sampling: tuple[tuple[int, int], ...]
    tables: tuple[NDArray[np.uint16], ...]
    progressive: bool
    arithmetic: bool
    scans: int
    complete: bool
    coded: int
    more: bool

    @property
    def plausible(self) -> bool:
        """Whether the data can hold the picture: Huffman coded, every block costs at least one bit."""
        return self.arithmetic or sum(rows * columns for rows, columns in self.blocks) <= 8 * self.coded

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of 8x8 blocks, per component."""
        across = max(factor for factor, _ in self.sampling)
        down = max(factor for _, factor in self.sampling)
        return tuple(
            (-(-self.height * v // (8 * down)), -(-self.width * h // (8 * across))) for h, v in self.sampling
        )


def read_header(data: bytes) -> Header:
    """Read the markers of a JPEG stream.

    Raises:
        CorruptFile: the markers contradict each other.
        TruncatedFile: the file ends before its first scan.
        UnsupportedFormat: lossless, hierarchical or 12-bit JPEG.

    """
    slots: dict[int, NDArray[np.uint16]] = {}
    opened: tuple[int, bytes] | None = None
    frame: _Frame | None = None
    first_scan, scans, more = 0, 0, False
    for marker, start, content in segments(data):
        if marker == _DQT:
            slots.update(_quantization(content))
        elif marker == _APP2 and content.startswith(b"MPF\0"):
            more = True
        elif marker in _OTHER_FRAMES:
            raise UnsupportedFormat("a lossless or hierarchical JPEG", "convert a copy to PNG or TIFF")
        elif marker in _FRAMES:
            opened = opened or (marker, content)
        elif marker == _SOS and opened:
            frame = frame or _frame(*opened)
            first_scan = first_scan or start
            scans += 1
            frame.begin(content, slots)
    if frame is None:
        raise TruncatedFile("the JPEG ends within its header", "get a complete copy of the file")
    if scans > _MOST_SCANS:
        raise CorruptFile(f"the JPEG has {scans} scans", "it is damaged or made to stall programs")
    return Header(
        width=frame.width,
        height=frame.height,
        sampling=frame.sampling,
        tables=frame.all_tables(slots),
        progressive=frame.kind in _PROGRESSIVE,
        arithmetic=frame.kind in _ARITHMETIC,
        scans=scans,
        complete=frame.complete,
        coded=len(data) - first_scan,
        more=more,
    )


def segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (marker, offset of its content, content) of each that is whole, up to the end of the image.

    Raises:
        CorruptFile: one has an impossible length.

    """
    position = 2
    while match := MARKER.search(data, position):
        marker, start = data[match.start() + 1], match.end()
        if marker == _EOI:
            return
        if marker in (_SOI, _TEM):
            position = start
            continue
        if start + 2 > len(data):
            return
        length = struct.unpack_from(">H", data, start)[0]
        if length < 2:
            raise CorruptFile("a JPEG segment has an impossible length", "get an undamaged copy")
        if start + length > len(data):
            return
        yield marker, start, data[start + 2 : start + length]
        position = start + length


def _quantization(content: bytes) -> Iterator[tuple[int, NDArray[np.uint16]]]:
    while content:
        wide, slot = content[0] >> 4, content[0] & 15
        size = 128 if wide else 64
        if len(content) <= size or slot > 3:
            raise CorruptFile("a JPEG quantisation table is malformed", "get an undamaged copy")
        table = np.zeros(64, np.uint16)
        table[ZIGZAG] = np.frombuffer(content[1 : 1 + size], ">u2" if wide else "u1")
        if not table.all():
            raise CorruptFile("a JPEG quantisation table holds a zero", "get an undamaged copy")
        table.setflags(write=False)
        yield slot, table.reshape(8, 8)
        content = content[1 + size :]


@dataclass(frozen=True)
class _Frame:
    """A frame's header, and what the scans that follow say of it.

    ``components`` are names and slots of quantisation tables; ``tables`` those of the names that a scan was
    of, ``left`` the bits that no scan has brought yet of a (name, coefficient in zigzag order).
    """

    kind: int
    width: int
    height: int
    sampling: tuple[tuple[int, int], ...]
    components: tuple[tuple[int, int], ...]
    tables: dict[int, NDArray[np.uint16]] = field(default_factory=dict)
    left: dict[tuple[int, int], int] = field(default_factory=dict)

    def begin(self, content: bytes, slots: dict[int, NDArray[np.uint16]]) -> None:
        """Take note of a scan's header, and of what the slots hold by then."""
        count = content[0] if content else 0
        if not 1 <= count <= 4 or len(content) < 4 + 2 * count:
            raise CorruptFile("a JPEG scan header is malformed", "get an undamaged copy")
        first, last, bits = content[1 + 2 * count :][:3] if self.kind in _PROGRESSIVE else (0, 63, 0)
        names = content[1 : 1 + 2 * count : 2]
        self.left.update({(name, place): bits & 15 for name in names for place in range(first, last + 1)})
        for name, slot in self.components:
            if name in names and slot in slots:  # what it holds later is not this component's
                self.tables.setdefault(name, slots[slot])

    def all_tables(self, slots: dict[int, NDArray[np.uint16]]) -> tuple[NDArray[np.uint16], ...]:
        """Return each component's table; of those that no scan was of, what the slots hold in the end."""
        found = {**{name: slots[slot] for name, slot in self.components if slot in slots}, **self.tables}
        if any(name not in found for name, _ in self.components):
            raise CorruptFile("the JPEG lacks a quantisation table", "get an undamaged copy")
        return tuple(found[name] for name, _ in self.components)

    @property
    def complete(self) -> bool:
        """Whether the scans bring all bits of all coefficients."""
        return not any(self.left.get((name, place), 1) for name, _ in self.components for place in range(64))


def _frame(kind: int, content: bytes) -> _Frame:
    if len(content) < 6 or len(content) < 6 + 3 * content[5]:
        raise CorruptFile("the JPEG frame header is too short", "get an undamaged copy")
    precision, height, width, count = struct.unpack_from(">BHHB", content)
    if precision != 8:
        raise UnsupportedFormat(f"a {precision}-bit JPEG", "convert a copy to 16-bit PNG or TIFF")
    components = [content[6 + 3 * i : 9 + 3 * i] for i in range(count)]
    if not (width and height and 1 <= count <= 4):
        raise CorruptFile(
            f"the JPEG header says {width}x{height} pixels in {count} components", "get an undamaged copy"
        )
    sampling = tuple((factors >> 4, factors & 15) for _, factors, _ in components)
    if not all(1 <= factor <= 4 for pair in sampling for factor in pair):
        raise CorruptFile("the JPEG has impossible sampling factors", "get an undamaged copy")
    return _Frame(kind, width, height, sampling, tuple((name, slot) for name, _, slot in components))


def standard_table(quality: int, *, chroma: bool = False) -> NDArray[np.uint16]:
    """Return the quantisation table (8, 8) of the Independent JPEG Group for a quality of 1 to 100.

    >>> int(standard_table(75)[0, 0])
    8
    """
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    base = _CHROMINANCE if chroma else _LUMINANCE
    return np.asarray(np.clip((base * scale + 50) // 100, 1, 255), np.uint16)


@cache
def _standard_tables() -> NDArray[np.int32]:
    return np.array([standard_table(quality) for quality in range(1, 101)], np.int32)


def estimate_quality(tables: tuple[NDArray[np.uint16], ...]) -> tuple[int, bool]:
    """Return the quality whose standard luminance table is nearest, and whether all tables are standard."""
    distance = np.abs(_standard_tables() - tables[0].astype(np.int32)).sum(axis=(1, 2))
    quality = int(distance.argmin()) + 1
    chroma = standard_table(quality, chroma=True)
    known = chroma, tables[0]  # the latter where no component is of colour alone, as in RGB
    exact = not distance.min() and all(
        any(np.array_equal(table, one) for one in known) for table in tables[1:3]
    )
    return quality, exact


def read_jpeg(data: bytes, header: Header, *, thumbnail: bool) -> Jpeg:
    """Return what a JPEG file says beside its pixels.

    The stream must have been decoded once: the coefficients' reader trusts headers that no decoder refuses.
    Where the coefficients cannot be read all the same, they are empty and a remark says so.
    """
    quality, standard = estimate_quality(header.tables)
    return Jpeg(
        read=partial(_coefficients, data, header),  # which another process can be sent
        tables=header.tables,
        sampling=header.sampling,
        progressive=header.progressive,
        arithmetic=header.arithmetic,
        quality=quality,
        standard_tables=standard,
        complete=header.complete,
        thumbnail=thumbnail,
    )


@cache
def _library() -> Any:
    # Bound for ourselves: the package's own reader decodes every file twice and prints to stdout on errors
    # (docs/decisions/002). This build decodes arithmetic coding, which the default one refuses.
    from jpeglib._bind import CJpegLib

    return CJpegLib._bind_lib(version="turbo210")


def _coefficients(data: bytes, header: Header) -> tuple[tuple[NDArray[np.int16], ...], tuple[str, ...]]:
    arrays = [np.zeros((rows, columns, 8, 8), np.int16) for rows, columns in header.blocks]
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in arrays]
    pointers += [ctypes.c_void_p()] * (4 - len(arrays))
    slots, tables = np.zeros(4, np.int16), np.zeros((4, 64), np.uint16)
    with as_file(_plain(data)) as name, diverted_stderr(_WARNINGS) as remarks:
        done = _library().read_jpeg_dct(
            name, *pointers, tables.ctypes.data_as(ctypes.c_void_p), slots.ctypes.data_as(ctypes.c_void_p)
        )
    if not done:
        return (), ("the DCT coefficients cannot be read", *remarks)
    for array in arrays:
        array.setflags(write=False)
    return tuple(arrays), tuple(remarks)


def _plain(data: bytes) -> bytes:
    """Return a copy without what libjpeg warns of though no coefficient depends on it.

    That is a version of JFIF, or a use of colours by Adobe, that it does not know. It warns of the first
    thing alone that it finds amiss: of a harmless one, and then not that data are missing.
    """
    copy = bytearray(data)
    for marker, start, content in segments(data):
        if marker == _SOS:
            break
        if marker == _APP0 and content.startswith(b"JFIF\0") and len(content) > 5:
            copy[start + 7] = 1
        elif marker == _APP14 and content.startswith(b"Adobe") and len(content) > 11:
            copy[start + 13] = 0
    return bytes(copy)
