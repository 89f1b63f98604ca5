import hashlib
import os
import pickle
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import photos
from tamperscope.errors import (
    CorruptFile,
    TamperscopeError,
    TooLarge,
    TruncatedFile,
    UnreadableFile,
    UnsupportedFormat,
)
from tamperscope.io import decode as module
from tamperscope.io.decode import FORMATS, Limits, decode, sniff

CROP = photos.crop(64, 96)
SPOILT = (".jpg", ".webp", ".avif", ".gif")  # lossy: the pixels are not compared


@pytest.mark.parametrize("name", photos.AWKWARD)
def test_every_awkward_photo_is_decoded_as_stored(name: str) -> None:
    data = photos.awkward(name)
    photo = decode(data)
    expected = photos.Image.open(photos.BytesIO(data))
    assert (photo.width, photo.height) == expected.size
    assert photo.digest == hashlib.sha256(data).hexdigest()
    assert photo.size == len(data)
    assert photo.decoded_rows == photo.height
    assert (photo.format == "JPEG") == name.lower().endswith(".jpg") == (photo.jpeg is not None)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_lossless_files_give_their_pixels(kind: str) -> None:
    photo = decode(photos.encode(CROP, kind))
    assert np.array_equal(photo.pixels, CROP)
    assert photo.format == kind
    assert photo.warnings == ()


def test_webp_and_avif_are_read() -> None:
    assert np.array_equal(decode(photos.awkward("lossless.webp")).pixels, CROP)
    error = decode(photos.awkward("photo.avif")).pixels.astype(int) - CROP
    assert np.abs(error).mean() < 5


@pytest.mark.parametrize("depth", [10, 12])
def test_an_avif_of_more_bits_says_so(depth: int) -> None:
    data = photos.opencv(CROP.astype(np.uint16) << (depth - 8), ".avif", cv2.IMWRITE_AVIF_DEPTH, depth)
    assert decode(data).warnings == (f"{depth} bits per channel: only the upper 8 are analysed",)
    assert decode(photos.awkward("photo.avif")).warnings == ()


def test_further_pictures_in_a_jpeg_are_mentioned() -> None:
    again = photos.Image.fromarray(CROP[::-1])
    photo = decode(photos.encode(CROP, "MPO", save_all=True, append_images=[again]))
    assert photo.format == "JPEG"
    assert photo.warnings == ("only the first frame is analysed",)


def test_a_large_profile_is_no_damage() -> None:
    data = photos.encode(CROP, "PNG", icc_profile=os.urandom(1) * 3_000_000)
    assert np.array_equal(decode(data).pixels, CROP)


def test_grey_becomes_three_equal_channels() -> None:
    pixels = decode(photos.awkward("grey.png")).pixels
    assert (pixels == pixels[..., :1]).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("16-bit.png", 3), ("16-bit.tif", 3), ("16-bit grey.png", 1)],
)
def test_sixteen_bits_keep_their_upper_half_and_say_so(name: str, expected: int) -> None:
    photo = decode(photos.awkward(name))
    source = photos.crop(40, 56)
    assert np.array_equal(photo.pixels, source if expected == 3 else np.repeat(source[..., 1:2], 3, axis=2))
    assert any("16 bits" in warning for warning in photo.warnings)


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("alpha.png", "transparency is ignored"),
        ("grey alpha.png", "transparency is ignored"),
        ("transparent palette.png", "transparency is ignored"),
        ("palette.png", "palette image"),
        ("cmyk.jpg", "CMYK pixels"),
        ("cmyk.tif", "CMYK pixels"),
        ("animated.gif", "only the first frame"),
    ],
)
def test_what_is_lost_on_the_way_is_said(name: str, warning: str) -> None:
    assert any(warning in text for text in decode(photos.awkward(name)).warnings)


def test_so_is_the_transparency_of_deep_grey() -> None:
    deep = photos.Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000)
    assert "transparency is ignored" in decode(photos.encode(deep, transparency=5)).warnings


def test_transparent_pixels_keep_their_colours() -> None:
    assert np.array_equal(decode(photos.awkward("alpha.png")).pixels, photos.crop(40, 56))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_recorded_and_not_applied(orientation: int) -> None:
    photo = decode(photos.oriented(orientation))
    assert photo.orientation == orientation
    assert (photo.height, photo.width) == (48, 80)


def test_an_impossible_orientation_is_none() -> None:
    assert decode(photos.oriented(99)).orientation == 1


@pytest.mark.parametrize(("kind", "value"), [(5, b"\6\0\0\0\1\0\0\0"), (11, struct.pack("<f", 6.0))])
def test_an_orientation_of_another_type_is_a_plain_number(kind: int, value: bytes) -> None:
    entry = struct.pack("<HHHI", 1, 0x0112, kind, 1) + (struct.pack("<I", 26) if len(value) > 4 else value)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + entry + bytes(4) + value
    found = decode(photos.encode(CROP, "JPEG", exif=exif)).orientation
    assert (found, type(found)) == (6, int)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_bytes_of_any_kind_are_decoded(kind: Any) -> None:
    data = photos.awkward("photo.jpg")
    photo = decode(kind(data))
    assert photo.digest == decode(data).digest
    assert photo.jpeg
    sent = pickle.loads(pickle.dumps(photo))  # noqa: S301  as a pool of processes does
    assert np.array_equal(sent.jpeg.coefficients[0], photo.jpeg.coefficients[0])


def test_damaged_exif_does_not_spoil_the_picture() -> None:
    data = photos.encode(CROP, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode(data).orientation == 1


def test_the_format_is_told_by_content(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(photos.awkward("photo.jpg"))
    assert decode(path).format == "JPEG"
    assert decode(str(path)).jpeg is not None


def test_every_format_has_its_magic() -> None:
    samples = {"JPEG": "photo.jpg", "PNG": "photo.png", "TIFF": "photo.tif", "WebP": "lossy.webp"}
    samples |= {"BMP": "photo.bmp", "GIF": "animated.gif", "AVIF": "photo.avif"}
    assert samples.keys() == FORMATS.keys()
    for kind, name in samples.items():
        assert sniff(photos.awkward(name)) == kind


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"just a text, renamed", "known format; JPEG, PNG"),
        (b"%PDF-1.7 ...", "PDF.*pdfimages"),
        (b"PK\x03\x04....", "ZIP.*unpack"),
        (b"<svg></svg>", "drawing"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\0\0\0\x0cjP  \r\n", "JPEG 2000"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC.*PNG or TIFF"),
        (b"\xff\xd8", "known format"),
    ],
)
def test_what_is_no_photo_is_refused_with_a_remedy(data: bytes, words: str) -> None:
    with pytest.raises(UnsupportedFormat, match=words):
        decode(data)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_samples_that_are_not_pixels_are_refused(mode: str) -> None:
    with pytest.raises(UnsupportedFormat, match="samples; convert"):
        decode(photos.encode(CROP, "TIFF", mode))


# --- limits -------------------------------------------------------------------------------------------


def huge_png(width: int = 50_000, height: int = 50_000) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def resized_header(width: int, height: int) -> bytes:
    """A small JPEG whose header announces another size."""
    data = bytearray(photos.awkward("photo.jpg"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def test_a_png_cannot_promise_more_than_it_holds() -> None:
    with pytest.raises(TruncatedFile, match="too little data for 9000x9000"):
        decode(huge_png(9000, 9000))
    largest = photos.encode(photos.Image.new("1", (4000, 4000)), "PNG", compress_level=9)
    assert decode(largest).width == 4000, "the densest that there is"


def test_a_frame_beyond_the_screen_is_checked_as_well() -> None:
    data = bytearray(photos.awkward("still.gif"))
    at = data.index(b"\x2c\0\0\0\0") + 5
    data[at : at + 2] = (65_535).to_bytes(2, "little")
    with pytest.raises((TooLarge, CorruptFile)):
        decode(bytes(data))


@pytest.mark.parametrize("data", [huge_png(), resized_header(50_000, 50_000)])
def test_a_huge_header_is_refused_before_anything_is_decoded(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(TooLarge, match=r"50000x50000 pixels.*--max-megapixels"):
        decode(data)


def test_limits_are_settable(tmp_path: Path) -> None:
    data = photos.encode(CROP)
    assert decode(data, limits=Limits(pixels=64 * 96)).width == 96
    with pytest.raises(TooLarge, match="megapixels"):
        decode(data, limits=Limits(pixels=64 * 96 - 1))
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    for source in (data, path):
        assert decode(source, limits=Limits(bytes=len(data))).width == 96
        with pytest.raises(TooLarge, match="--max-mebibytes"):
            decode(source, limits=Limits(bytes=len(data) - 1))


def test_a_photo_above_pillows_own_limit_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos.Image, "MAX_IMAGE_PIXELS", 100)
    assert decode(photos.encode(CROP)).width == 96


def test_a_jpeg_cannot_promise_more_blocks_than_it_has_bits() -> None:
    with pytest.raises(TruncatedFile, match="too little data"):
        decode(resized_header(14_000, 14_000))


def test_want_of_memory_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object) -> None:
        raise MemoryError

    monkeypatch.setattr(FORMATS["PNG"], "load", fail)
    with pytest.raises(TooLarge, match="memory"):
        decode(photos.encode(CROP))


# --- files --------------------------------------------------------------------------------------------


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(UnreadableFile, match=r"empty\.jpg: the file is empty; get a complete copy"):
        decode(path)
    with pytest.raises(UnreadableFile, match="empty"):
        decode(b"")


def test_missing_files_links_and_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "link.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, words in (
        ("nowhere.jpg", "no such file"),
        ("link.jpg", "broken symbolic link"),
        ("pipe.jpg", "not a regular file"),
        ("", "not a regular file"),
        ("nul\0.jpg", "cannot be read"),
        ("x" * 300 + ".jpg", "cannot be read"),
    ):
        with pytest.raises(UnreadableFile, match=words):
            decode(tmp_path / name)


def test_permission_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", deny)
    with pytest.raises(UnreadableFile, match="permission denied"):
        decode(tmp_path / "photo.jpg")


def test_a_file_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(photos.encode(CROP))
    original = os.fstat
    calls = []

    def fstat(descriptor: int) -> os.stat_result:
        calls.append(descriptor)
        if len(calls) == 2:
            with path.open("ab") as file:
                file.write(b"more")
        return original(descriptor)

    monkeypatch.setattr(os, "fstat", fstat)
    with pytest.raises(UnreadableFile, match="changed while it was read; wait"):
        decode(path)


def test_a_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(photos.encode(CROP))

    def fail(_: int) -> os.stat_result:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fail)
        with pytest.raises(UnreadableFile, match="Input/output error"):
            decode(path)


def test_the_file_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(photos.awkward("photo.jpg"))
    path.chmod(0o444)
    before = path.stat()
    decode(path)
    after = path.stat()
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)


# --- damage -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["photo.png", "photo.jpg", "progressive.jpg", "photo.tif", "photo.bmp", "still.gif"]
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_cut_off_files_are_refused(name: str, share: float) -> None:
    data = photos.awkward(name)
    with pytest.raises(CorruptFile, match=r"cut off|cannot be decoded|within its header"):
        decode(data[: int(share * len(data))])


def test_a_truncated_jpeg_offers_salvage() -> None:
    data = photos.awkward("photo.jpg")
    with pytest.raises(TruncatedFile, match="--salvage"):
        decode(data[: len(data) // 2])


def test_salvage_keeps_what_decodes_and_says_how_much() -> None:
    data = photos.encode(photos.scene(), "JPEG")
    whole, part = decode(data), decode(data[: len(data) // 2], salvage=True)
    assert 100 < part.decoded_rows < 300
    assert part.decoded_rows % 16 == 0
    assert part.pixels.shape == whole.pixels.shape
    upper = slice(0, part.decoded_rows - 1)  # chroma is interpolated across the last rows
    assert np.array_equal(part.pixels[upper], whole.pixels[upper])
    assert not np.array_equal(part.pixels[part.decoded_rows + 16 :], whole.pixels[part.decoded_rows + 16 :])
    assert any("salvaged: only the upper" in warning for warning in part.warnings)
    assert part.digest == hashlib.sha256(data[: len(data) // 2]).hexdigest()


def test_salvage_of_a_progressive_jpeg_warns_of_its_statistics() -> None:
    data = photos.encode(photos.scene(), "JPEG", progressive=True)
    part = decode(data[: len(data) // 2], salvage=True)
    assert part.decoded_rows == part.height
    assert any("later scans are missing" in warning for warning in part.warnings)


def test_salvage_of_almost_nothing() -> None:
    data = photos.encode(photos.scene(), "JPEG")
    part = decode(data[: data.index(b"\xff\xda") + 20], salvage=True)
    assert part.decoded_rows < 32


def test_salvage_changes_nothing_about_whole_files_and_other_formats() -> None:
    data = photos.awkward("photo.jpg")
    assert decode(data, salvage=True).warnings == ()
    with pytest.raises(TruncatedFile):
        decode(photos.awkward("photo.png")[:-500], salvage=True)


def test_damage_that_decodes_is_remarked_on() -> None:
    data = bytearray(photos.encode(photos.scene(), "JPEG"))
    middle = len(data) // 2
    data[middle : middle + 2] = b"\xff\xd3"  # a restart marker where none belongs
    with pytest.raises(TruncatedFile, match="data for only 208 of its 400 rows"):
        decode(bytes(data))
    photo = decode(bytes(data), salvage=True)
    assert photo.decoded_rows == 208
    assert photo.jpeg
    assert any("Corrupt JPEG data" in remark for remark in photo.jpeg.remarks)


@pytest.mark.parametrize("salvage", [False, True])
def test_of_an_arithmetically_coded_jpeg_nobody_knows_where_it_ends(salvage: bool) -> None:
    """Its decoder makes something of nothing and says nothing, so that no row of it is known to be there."""
    data = photos.awkward("arithmetic.jpg")
    assert any("whether all of it is in the file" in one for one in decode(data, salvage=salvage).warnings)
    with pytest.raises(TruncatedFile, match="nobody can tell how much is left"):
        decode(data[: len(data) // 2], salvage=salvage)


def test_an_end_marker_does_not_make_a_file_whole() -> None:
    data = photos.encode(photos.scene(), "JPEG")
    cut = data[: len(data) // 2]
    with pytest.raises(TruncatedFile, match=r"data for only .* rows.*--salvage"):
        decode(cut + b"\xff\xd9")
    assert decode(cut + b"\xff\xd9", salvage=True).decoded_rows == decode(cut, salvage=True).decoded_rows


def of_another_version(data: bytes) -> bytes:
    """Return a JPEG whose header claims a version of JFIF that libjpeg warns of, before all else."""
    assert data[6:11] == b"JFIF\0"
    return data[:11] + b"\3" + data[12:]


def test_what_nothing_depends_on_is_no_damage() -> None:
    found = decode(of_another_version(photos.encode(photos.scene(), "JPEG"))).jpeg
    assert found
    assert found.whole


@pytest.mark.parametrize("cut", [0.5, 0.8])
def test_a_remark_on_something_else_does_not_make_a_file_whole(cut: float) -> None:
    """libjpeg tells the first thing alone that it finds amiss."""
    restarts = photos.encode(photos.scene(), "JPEG", restart_marker_blocks=25)
    place = restarts.index(b"\xff\xd1")
    junk = restarts[:place] + b"\1\2\3" + restarts[place:]
    for data in (junk, of_another_version(restarts)):
        short = data[: int(cut * len(data))]
        for part in (short, ended(short)):
            with pytest.raises(TruncatedFile, match="--salvage"):
                decode(part)
            photo = decode(part, salvage=True)
            assert photo.decoded_rows < 0.9 * photo.height
            assert any("only the upper" in warning for warning in photo.warnings)


@pytest.mark.parametrize("progressive", [False, True])
def test_zeros_are_no_data(progressive: bool) -> None:
    """Decoded they would look like a picture: with these tables a zero byte is many blocks."""
    data = photos.encode(photos.scene(), "JPEG", quality=97, optimize=True, progressive=progressive)
    half = len(data) // 2
    with pytest.raises(TruncatedFile, match=r"ends in zeros.*--salvage"):
        decode(data[:half] + bytes(len(data) - half))
    part = decode(data[:half] + bytes(len(data) - half), salvage=True)
    assert part.decoded_rows == decode(data[:half], salvage=True).decoded_rows
    assert any(warning.startswith("salvaged") for warning in part.warnings)
    assert decode(data + bytes(1000)).warnings == ()  # which a card may hold behind any file


def test_a_photo_with_a_flat_end_is_whole() -> None:
    pixels = photos.scene().copy()
    pixels[350:] = 0
    photo = decode(photos.encode(pixels, "JPEG"))
    assert (photo.decoded_rows, photo.warnings) == (photo.height, ())


def test_a_progressive_jpeg_cut_within_its_first_scan_has_lost_rows() -> None:
    data = photos.encode(photos.scene(), "JPEG", progressive=True)
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xda", first + 1)
    part = decode(data[: first + (second - first) // 3], salvage=True)
    assert 0 < part.decoded_rows < part.height // 2
    assert any("salvaged: only the upper" in warning for warning in part.warnings)


def test_salvage_wherever_a_progressive_jpeg_was_cut() -> None:
    data = photos.awkward("progressive.jpg")
    first = data.index(b"\xff\xda")
    for end in range(first + 40, len(data)):
        assert decode(data[:end], salvage=True).pixels.size


def ended(data: bytes) -> bytes:
    return data + b"\xff\xd9"


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("apart", [False, True])
def test_a_jpeg_of_several_scans_that_was_cut_is_no_whole_one_though_it_ends(
    apart: bool, share: float
) -> None:
    scene = photos.scene()
    data = photos.apart(scene) if apart else photos.encode(scene, "JPEG", progressive=True)
    cut = ended(data[: int(share * len(data))])
    with pytest.raises(TruncatedFile, match=r"(a part of its scans|data for only).*--salvage"):
        decode(cut)
    part = decode(cut, salvage=True)
    assert part.jpeg
    assert not part.jpeg.whole
    assert any(warning.startswith("salvaged") for warning in part.warnings)
    found = decode(data).jpeg
    assert found
    assert found.whole


def test_a_jpeg_without_its_last_scan_is_no_whole_one() -> None:
    data = photos.encode(photos.scene(), "JPEG", progressive=True)
    with pytest.raises(TruncatedFile, match="a part of its scans"):
        decode(ended(data[: data.rindex(b"\xff\xc4")]))


def test_a_png_is_checked_by_its_sums() -> None:
    data = bytearray(photos.encode(photos.scene()))
    for damaged in (data[: len(data) * 2 // 3] + bytes(len(data) // 3), data.copy()):
        damaged[len(data) // 2] ^= 1
        with pytest.raises(CorruptFile, match="PNG"):
            decode(bytes(damaged))
    assert decode(bytes(data)).pixels.size


def test_a_cut_webp_says_so() -> None:
    data = photos.encode(photos.scene(), "WEBP")
    with pytest.raises(TruncatedFile, match="the WebP is cut off"):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize("channels", [1, 3])
def test_floating_numbers_are_not_read_and_no_damage(channels: int) -> None:
    values = np.full((16, 16, channels), 0.5, np.float32)
    with pytest.raises(UnsupportedFormat, match="8 or 16 bits per channel"):
        decode(photos.opencv(values, ".tiff"))


def test_salvage_that_fails_does_not_offer_itself() -> None:
    data = photos.awkward("photo.jpg")
    with pytest.raises(CorruptFile) as caught:
        decode(data[: data.index(b"\xff\xda") + 8], salvage=True)
    assert "--salvage" not in str(caught.value)


def test_native_libraries_do_not_print(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(photos.awkward("photo.tif"))
    data[200:240] = bytes(40)
    with suppress(CorruptFile):
        decode(bytes(data))
    assert capfd.readouterr().err == ""


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["", *photos.AWKWARD]), st.integers(0, 4000))
def test_any_bytes_give_a_photo_or_an_error_of_ours(noise: bytes, name: str, at: int) -> None:
    data = photos.awkward(name) if name else b""
    at = min(at, len(data))
    try:
        photo = decode(data[:at] + noise + data[at + len(noise) :], limits=Limits(pixels=10**6))
    except TamperscopeError as error:
        assert error.remedy
    else:
        assert photo.pixels.size


# --- TIFF ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_not_turned_either(orientation: int) -> None:
    photo = decode(photos.encode(CROP, "TIFF", tiffinfo={274: orientation}))
    assert photo.orientation == orientation
    assert np.array_equal(photo.pixels, CROP)


@pytest.mark.parametrize("orientation", [3, 6])
def test_nor_is_one_with_several_pages(orientation: int) -> None:
    pages = photos.Image.fromarray(CROP[::-1])
    tags = {274: orientation}
    data = photos.encode(CROP, "TIFF", tiffinfo=tags, save_all=True, append_images=[pages])
    photo = decode(data)
    assert photo.orientation == orientation
    assert np.array_equal(photo.pixels, CROP)


@pytest.mark.parametrize("tags", [{50706: b"\1\4\0\0"}, {254: 1}])
def test_the_preview_of_a_raw_file_is_not_taken_for_the_photo(tags: dict[int, object]) -> None:
    with pytest.raises(UnsupportedFormat, match=r"raw file.*export a copy"):
        decode(photos.encode(CROP, "TIFF", tiffinfo=tags))


def test_white_may_be_zero() -> None:
    values = (np.arange(64 * 96).reshape(64, 96) * 10).astype(np.uint16)
    data = photos.encode(photos.Image.fromarray(values), "TIFF")
    at = data.index(struct.pack("<HHI", 262, 3, 1)) + 8
    inverted = data[:at] + bytes(2) + data[at + 2 :]
    assert np.array_equal(decode(inverted).pixels, 255 - decode(data).pixels)


def test_remarks_of_a_damaged_file_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_has_more_frames", lambda image: False)

    def noisy(image: Any, data: bytes, kind: str, notes: list[str]) -> None:
        notes += [f"remark {number}" for number in range(1000)]
        load(image, data, kind, notes)

    load = module._load
    monkeypatch.setattr(module, "_load", noisy)
    warnings = decode(photos.encode(CROP)).warnings
    assert len(warnings) == 21
    assert warnings[-1] == "and 980 more like these"


def test_twelve_bits_are_scaled_as_such() -> None:
    values = (np.arange(64 * 96).reshape(64, 96) % 4096).astype(np.uint16)
    data = photos.opencv(values, ".tiff", 259, 1)
    at = data.index(b"\x02\x01\x03\x00\x01\x00\x00\x00\x10\x00")  # bits per sample: one short, 16
    photo = decode(data[: at + 8] + b"\x0c" + data[at + 9 :])
    assert photo.pixels.max() == 255 or any("12 bits" in warning for warning in photo.warnings)


def test_a_later_frame_does_not_change_the_first() -> None:
    first, second = (photos.encode(photos.Image.new("P", (side, side)), "GIF") for side in (64, 200))
    larger = second.index(b"\x2c" + struct.pack("<4H", 0, 0, 200, 200))
    photo = decode(first[:-1] + second[larger:])
    assert (photo.width, photo.height) == (64, 64)
    assert "only the first frame is analysed" in photo.warnings


def test_many_frames_are_not_counted() -> None:
    frames = [photos.Image.new("L", (8, 8)) for _ in range(300)]
    data = photos.encode(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert decode(data).warnings == ("only the first frame is analysed",)


def test_a_tile_larger_than_the_limit_is_refused() -> None:
    image = photos.Image.open(photos.BytesIO(photos.encode(CROP, "TIFF")))
    image.tag_v2[322], image.tag_v2[323] = 40_000, 40_000  # type: ignore[attr-defined]
    with pytest.raises(TooLarge, match="tiles"):
        module._check_tiles(image, Limits())  # type: ignore[arg-type]


def test_a_side_too_long_for_other_tools_is_refused() -> None:
    with pytest.raises(TooLarge, match="70000x2 pixels, a side longer than 65500"):
        decode(photos.encode(np.zeros((2, 70_000, 3), np.uint8)))


def test_a_missing_end_marker_costs_no_row() -> None:
    pixels = photos.scene().copy()
    pixels[300:] = 200
    data = photos.encode(pixels, "JPEG", progressive=True)
    assert data.endswith(b"\xff\xd9")
    photo = decode(data[:-2], salvage=True)
    assert photo.decoded_rows == photo.height
    assert any("only the end marker" in warning for warning in photo.warnings)
