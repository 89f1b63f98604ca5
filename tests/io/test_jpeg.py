import os
import re
import struct
import tempfile
import threading
from pathlib import Path

import jpeglib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import photos
from tamperscope.errors import CorruptFile, TruncatedFile, UnsupportedFormat
from tamperscope.io import jpeg as module
from tamperscope.io.decode import decode
from tamperscope.io.jpeg import estimate_quality, read_header, standard_table
from tamperscope.io.native import diverted_stderr
from tamperscope.types import Jpeg

JPEGS = [name for name in photos.AWKWARD if name.lower().endswith(".jpg")]


def facts(data: bytes) -> Jpeg:
    jpeg = decode(data).jpeg
    assert jpeg
    return jpeg


@pytest.mark.parametrize("name", JPEGS)
def test_coefficients_and_tables_are_those_of_jpeglibs_own_reader(name: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(photos.awkward(name))
    ours = facts(photos.awkward(name))
    with jpeglib.version("9f"):  # the default version cannot read arithmetic coding
        theirs = jpeglib.read_dct(str(path))
        planes = [theirs.Y, theirs.Cb, theirs.Cr, theirs.K]
    assert len(ours.coefficients) == len(ours.tables) == len(ours.sampling)
    for index, (plane, table) in enumerate(zip(ours.coefficients, ours.tables, strict=True)):
        assert np.array_equal(plane, planes[index])
        assert np.array_equal(table, theirs.get_component_qt(index))
        assert not plane.flags.writeable


def test_coefficients_rebuild_the_grey_pixels() -> None:
    from tamperscope.signal.dct import block_idct

    photo = decode(photos.awkward("grey.jpg"))
    assert photo.jpeg
    plane = block_idct(photo.jpeg.coefficients[0].astype(np.float32) * photo.jpeg.tables[0]) + 128
    difference = plane[: photo.height, : photo.width] - photo.pixels[..., 0]
    assert np.abs(difference[(plane > 1)[: photo.height, : photo.width]]).max() < 1.01


@pytest.mark.parametrize(
    ("name", "subsampling"),
    [
        ("420.jpg", "4:2:0"),
        ("422.jpg", "4:2:2"),
        ("411.jpg", "4:1:1"),
        ("440.jpg", "4:4:0"),
        ("grey.jpg", "4:0:0"),
        ("cmyk.jpg", "4:4:4"),
    ],
)
def test_subsampling(name: str, subsampling: str) -> None:
    assert facts(photos.awkward(name)).subsampling == subsampling


def test_kinds_of_coding_are_told() -> None:
    kinds = {
        name: (facts(photos.awkward(name)).progressive, facts(photos.awkward(name)).arithmetic)
        for name in JPEGS
    }
    assert kinds["photo.jpg"] == (False, False)
    assert kinds["progressive.jpg"] == (True, False)
    assert kinds["arithmetic.jpg"] == (False, True)


def test_an_embedded_thumbnail_is_told() -> None:
    assert facts(photos.with_thumbnail()).thumbnail
    assert not facts(photos.oriented(1)).thumbnail


@pytest.mark.parametrize("quality", [1, 24, 49, 50, 51, 75, 90, 99, 100])
def test_quality_is_that_which_pillow_was_told(quality: int) -> None:
    jpeg = facts(photos.encode(photos.crop(32, 32), "JPEG", quality=quality))
    assert np.array_equal(jpeg.tables[0], standard_table(quality))
    assert np.array_equal(jpeg.tables[1], standard_table(quality, chroma=True))
    assert (jpeg.quality, jpeg.standard_tables) == (quality, True)


@given(st.integers(1, 100), st.integers(0, 63))
def test_a_changed_table_is_near_but_not_standard(quality: int, index: int) -> None:
    table = standard_table(quality).copy()
    table.flat[index] += 1
    found, exact = estimate_quality((table,))
    assert not exact or found != quality
    assert abs(found - quality) <= 1 or quality < 3


def stream(
    *,
    precision: int = 8,
    size: tuple[int, int] = (16, 16),
    frame: int = 0xC0,
    slot: int = 0,
    factors: int = 0x11,
    table: bytes = bytes([0, *[1] * 64]),
    scans: int = 1,
    count: int = 1,
) -> bytes:
    header = struct.pack(">BHHB", precision, size[1], size[0], count) + bytes([1, factors, slot]) * count
    scan = photos.segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + bytes(64)
    return (
        b"\xff\xd8" + photos.segment(0xDB, table) + photos.segment(frame, header) + scan * scans + b"\xff\xd9"
    )


def test_the_header_is_read_without_a_decoder() -> None:
    header = read_header(stream(size=(17, 9), factors=0x21))
    assert (header.width, header.height) == (17, 9)
    assert header.sampling == ((2, 1),)
    assert header.blocks == ((2, 3),)
    assert header.plausible
    assert not read_header(stream(size=(9000, 9000))).plausible
    assert read_header(stream(size=(9000, 9000), frame=0xC9)).plausible, "arithmetic coding has no floor"


def test_sixteen_bit_tables_and_fill_bytes_are_read() -> None:
    wide = bytes([0x10]) + struct.pack(">64H", *[300] * 64)
    data = stream(table=wide).replace(b"\xff\xda", b"\xff\xff\xff\xda")
    assert (read_header(data).tables[0] == 300).all()


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (stream(frame=0xC3), UnsupportedFormat, "lossless"),
        (stream(precision=12), UnsupportedFormat, "12-bit"),
        (stream(size=(0, 16)), CorruptFile, "0x16"),
        (stream(size=(16, 0)), CorruptFile, "16x0"),
        (stream(count=5), CorruptFile, "5 components"),
        (stream(factors=0x51), CorruptFile, "sampling"),
        (stream(factors=0x10), CorruptFile, "sampling"),
        (stream(slot=2), CorruptFile, "lacks a quantisation table"),
        (stream(table=bytes([0, *[1] * 63])), CorruptFile, "malformed"),
        (stream(table=bytes([7, *[1] * 64])), CorruptFile, "malformed"),
        (stream(table=bytes([0, 0, *[1] * 63])), CorruptFile, "zero"),
        (stream(scans=501), CorruptFile, "501 scans"),
        (stream(scans=0), TruncatedFile, "within its header"),
        (stream()[:10], TruncatedFile, "within its header"),
        (b"\xff\xd8\xff\xc0\x00\x04\x08\x00", TruncatedFile, "within its header"),
        (b"\xff\xd8\xff\xdb\x00\x01", CorruptFile, "impossible length"),
        (b"\xff\xd8" + photos.segment(0xC0, b"\x08\0") + photos.segment(0xDA, b""), CorruptFile, "too short"),
    ],
)
def test_headers_that_contradict_themselves(data: bytes, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        read_header(data)


def test_unreadable_coefficients_are_empty_and_remarked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        @staticmethod
        def read_jpeg_dct(*_: object) -> int:
            os.write(2, 2 * b"Corrupt JPEG data: bad Huffman code\n")
            return 0

    monkeypatch.setattr(module, "_library", Library)
    jpeg = facts(photos.awkward("photo.jpg"))
    assert jpeg.coefficients == ()
    assert jpeg.remarks == ("the DCT coefficients cannot be read", "Corrupt JPEG data: bad Huffman code")


@pytest.mark.parametrize("order", [(1, 2, 3), (2, 3, 1)])
def test_each_component_has_the_table_that_its_scan_began_with(order: tuple[int, ...]) -> None:
    jpeg = facts(photos.apart(photos.scene(), order=order))
    wanted = [standard_table(90), standard_table(30), standard_table(30)]
    assert all(np.array_equal(table, one) for table, one in zip(jpeg.tables, wanted, strict=True))
    assert jpeg.quality == 90
    assert jpeg.whole


def test_what_a_slot_holds_later_is_nothing_to_its_component() -> None:
    data = photos.awkward("progressive.jpg")
    decoy = photos.segment(0xDB, bytes([0, *[1] * 64]))
    last = data.rindex(b"\xff\xda")
    header = read_header(data[:last] + decoy + data[last:])
    assert np.array_equal(header.tables[0], read_header(data).tables[0])


def test_a_header_tells_whether_all_scans_are_there() -> None:
    for name in JPEGS:
        assert read_header(photos.awkward(name)).complete, name
    data = photos.awkward("progressive.jpg")
    assert not read_header(data[: data.rindex(b"\xff\xda")] + b"\xff\xd9").complete
    data = photos.apart(photos.scene())
    assert not read_header(data[: data.rindex(b"\xff\xda")] + b"\xff\xd9").complete


def test_one_table_for_all_components_is_the_standard_s_too() -> None:
    table = standard_table(80)
    assert estimate_quality((table, table, table)) == (80, True)
    assert estimate_quality((table, standard_table(80, chroma=True), table)) == (80, True)
    assert estimate_quality((table, standard_table(70), table)) == (80, False)


def test_standard_error_comes_back_even_after_an_exception(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), diverted_stderr(re.compile(b"own")):
        raise KeyError
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_a_process_without_standard_error_has_nothing_to_divert(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> int:
        raise OSError

    monkeypatch.setattr(os, "dup", fail)
    with diverted_stderr(re.compile(b"own")) as lines:
        pass
    assert lines == []


def test_what_others_write_meanwhile_is_no_remark_and_arrives(capfd: pytest.CaptureFixture[str]) -> None:
    with diverted_stderr(re.compile(b"own: ")) as lines:
        os.write(2, b"own: bad\nanother thread\nown: bad\nhalf a line, own: worse\nits last words")
    assert lines == ["own: bad", "own: worse"]
    assert capfd.readouterr().err == "another thread\nhalf a line, its last words"


def test_a_thread_that_writes_to_standard_error_changes_no_photo(capfd: pytest.CaptureFixture[str]) -> None:
    sound = photos.encode(photos.scene(), "JPEG")
    middle = len(sound) // 2
    damaged = sound[:middle] + b"\xff\xd3" + sound[middle + 2 :]  # a restart marker where none belongs

    def remarks() -> list[tuple[str, ...]]:
        found = (decode(data, salvage=True).jpeg for data in (sound, damaged))
        return [jpeg.remarks for jpeg in found if jpeg]

    quiet = remarks()
    assert [len(one) for one in quiet] == [0, 1]
    done = threading.Event()

    def chatter() -> None:
        while not done.wait(0.001):
            os.write(2, b"INFO:root:served\n")

    other = threading.Thread(target=chatter)
    other.start()
    loud = [remarks() for _ in range(5)]
    done.set()
    other.join()
    assert loud == 5 * [quiet]
    assert set(capfd.readouterr().err.splitlines()) == {"INFO:root:served"}


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert facts(photos.awkward("photo.jpg")).coefficients
    assert list(tmp_path.iterdir()) == []


def test_a_table_may_come_between_the_scans() -> None:
    data = photos.encode(photos.crop(32, 48), "JPEG", progressive=True)
    tables = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xdb"]
    chroma = data[tables[1] : tables[1] + 69]
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 1)
    scans = data.index(b"\xff\xc4", data.index(b"\xff\xda"))
    assert scans < second
    moved = data[:scans] + chroma + data[scans:]
    assert np.array_equal(read_header(moved).tables[1], read_header(data).tables[1])
    late = moved[: tables[1]] + moved[tables[1] + 69 :]
    assert np.array_equal(read_header(late).tables[1], read_header(data).tables[1])
