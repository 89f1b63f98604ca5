"""Reports: what they say, that hostile text stays text, and that all forms say the same."""

import json
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image
from pypdf import PdfReader

import photos
from tamperscope.errors import CorruptFile, OutputError
from tamperscope.io.exif import read_exif
from tamperscope.report import write
from tamperscope.report.content import PhotoReport, gather, open_case
from tamperscope.report.html import page
from tamperscope.report.pdf import document
from tamperscope.report.write import make
from tamperscope.scanning.find import plan_tasks
from tamperscope.scanning.photo import Plan, scan_photo

HOSTILE = "<script>alert(1)</script>&\"'"


def exif(description: str = "a cup", *, position: bool = True, thumbnail: Any = None) -> Image.Exif:
    made = Image.Exif()
    made[ExifTags.Base.ImageDescription] = description
    made[ExifTags.Base.Make] = "Maker\0"
    made.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"\x01" * 500
    if position:
        made.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (48.0, 8.0, 15.5)
    return made


def scanned(
    folder: Path, data: bytes, name: str = "photo.jpg", detectors: tuple[str, ...] = ("adjpeg", "ela")
) -> Path:
    """Scan a file; return the folder of its results."""
    path = folder / name
    path.write_bytes(data)
    (task,) = plan_tasks([path])
    outcome = scan_photo(task, Plan(detectors=detectors, out=folder / "results"))
    assert outcome.folder, outcome.error
    return outcome.folder


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data, _ = photos.spliced()
    return scanned(tmp_path_factory.mktemp("forged"), data)


def text(report: bytes) -> str:
    """The text of a page, as a browser shows it, or of a PDF."""
    if report.startswith(b"%PDF"):
        return " ".join(" ".join(one.extract_text().split()) for one in PdfReader(BytesIO(report)).pages)
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    Reader().feed(report.decode())
    return " ".join(" ".join(found).split())


def facts(report: PhotoReport) -> dict[str, str]:
    return {row[0]: row[1] for table in report.facts for row in table.rows}


def test_it_says_what_the_record_says(forged: Path) -> None:
    record = json.loads((forged / "result.json").read_bytes())
    found = gather(forged)
    assert (found.name, found.verdict) == (record["path"], "manipulated")
    assert [one.verdict for one in found.findings] == ["manipulated", "cannot tell"]
    assert f"{record['detections'][0]['score']:.3f}" in found.findings[0].sentence
    assert "draws a map for a person to read" in found.findings[1].sentence
    assert facts(found)["SHA-256"] == record["sha256"]
    assert found.photo is not None
    assert (found.photo.width, found.photo.height) == (record["width"], record["height"])
    assert found.evidence is not None
    region = record["detections"][0]["regions"][0]
    assert f"{region['area_share']:.2%}" in found.findings[0].tables[0].rows[0]


@pytest.mark.parametrize("make_one", [page, document])
def test_every_form_says_it_in_plain_words(forged: Path, make_one: Any) -> None:
    said = text(make_one(open_case(forged, "Case 7")))
    for words in (
        "Case 7",
        "Signs of manipulation were found.",
        "It looks at traces of an earlier JPEG compression",
        "Its limits:",
        "Marked regions",
        "How to repeat it",
        "--detector adjpeg,ela",
        "quantization tables",
    ):
        assert words in said, words


def test_what_is_found_nowhere_is_no_proof(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(96, 128), "JPEG"), detectors=("adjpeg",))
    found = gather(folder)
    assert found.verdict == "no evidence"
    assert "no proof that the photo is genuine" in found.sentence


def test_maps_alone_decide_nothing_and_what_cannot_judge_says_so(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(96, 128)), "photo.png", ("ela",))
    assert gather(folder).verdict == "cannot tell"
    folder = scanned(tmp_path, photos.encode(photos.crop(64, 64)), "other.png", ("adjpeg",))
    found = gather(folder)
    assert found.verdict == "not applicable"
    assert not found.findings[0].figures


@pytest.mark.parametrize("form", ["html", "pdf"])
def test_hostile_names_and_exif_stay_text(tmp_path: Path, form: str) -> None:
    data = photos.encode(photos.crop(96, 128), "JPEG", exif=exif(HOSTILE))
    name = f"{HOSTILE.replace('/', '')}\n\u202e.jpg"
    folder = scanned(tmp_path, data, name)
    made = make(open_case(folder, HOSTILE, photo=tmp_path / name), form)
    # The title, and what EXIF says, where a PDF may break the line and the reader of tests loses order.
    assert text(made).replace(" ", "").count(HOSTILE) >= (2 if form == "html" else 1)
    assert "ImageDescription" in text(made)
    if form == "html":
        assert b"<script" not in made
        assert b"\xe2\x80\xae" not in made
        assert b"default-src 'none'" in made


def test_places_are_hidden_unless_asked_for(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(96, 128), "JPEG", exif=exif()))
    assert facts(gather(folder))["GPS"] == "1 entries, hidden"
    assert facts(gather(folder, position=True))["GPSLatitude"] == "48.0, 8.0, 15.5"
    for form in ("html", "pdf"):
        assert "15.5" not in text(make(open_case(folder), form))
        assert "48.0, 8.0, 15.5" in text(make(open_case(folder, position=True), form))


def test_exif_is_text_of_bounded_length() -> None:
    found = dict(read_exif(photos.encode(photos.crop(16, 16), "JPEG", exif=exif("x" * 9999))).rows)
    assert len(found["ImageDescription"]) == 200
    assert found["Make"] == "Maker"
    assert found["UserComment"] == "500 bytes"
    assert read_exif(b"no picture") == read_exif(photos.encode(photos.crop(8, 8)))


@pytest.mark.parametrize("other", [False, True])
def test_a_thumbnail_is_compared_with_the_photo(tmp_path: Path, other: bool) -> None:
    pixels = photos.scene()[:240, :320]
    shown = photos.scene("chelsea")[:240, :320] if other else pixels
    small = photos.encode(shown[::2, ::2], "JPEG")
    data = photos.with_thumbnail(pixels, small)
    found = gather(scanned(tmp_path, data))
    assert len(found.thumbnail) == 2
    assert ("differs from the photo" in found.thumbnail_sentence) == other
    for form in ("html", "pdf"):
        assert found.thumbnail_sentence[:40] in text(make(open_case(tmp_path / "results"), form))


def test_a_photo_that_is_gone_or_changed_is_not_shown(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(96, 128), "JPEG", exif=exif()))
    (tmp_path / "photo.jpg").write_bytes(photos.encode(photos.crop(64, 64), "JPEG"))
    found = gather(folder)
    assert found.photo is None
    assert "ImageDescription" not in facts(found)
    assert "has changed" in found.notes[-1]
    (tmp_path / "photo.jpg").unlink()
    assert "no longer where it was" in text(page(open_case(folder)))


def test_changed_fields_are_in_the_command(tmp_path: Path) -> None:
    path = tmp_path / "it's.jpg"
    path.write_bytes(photos.encode(photos.crop(96, 128), "JPEG"))
    (task,) = plan_tasks([path])
    outcome = scan_photo(task, Plan(detectors=("ela",), fields={"ela": {"quality": 85}}, out=tmp_path / "r"))
    assert outcome.folder
    assert gather(outcome.folder).repeat.endswith("--detector ela --set ela.quality=85 --out results")
    assert "'\"'\"'" in gather(outcome.folder).repeat  # the name, quoted for a shell


def test_a_case_holds_every_photo_and_json_is_their_records(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg"):
        folder = scanned(
            tmp_path, photos.encode(photos.crop(64, 64 + len(name) + ord(name[0])), "JPEG"), name
        )
    case = open_case(folder.parent)
    assert [Path(one.name).name for one in case.photos] == ["a.jpg", "b.jpg"]
    records = json.loads(make(case, "json"))
    assert [Path(one["path"]).name for one in records] == ["a.jpg", "b.jpg"]
    assert text(make(case, "html")).count("How to repeat it") == 2


def test_what_is_no_result_is_refused(tmp_path: Path, forged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match="holds no results"):
        open_case(tmp_path)
    (tmp_path / "result.json").write_text('{"path": "x"}')
    with pytest.raises(CorruptFile, match="no record of a scan"):
        gather(tmp_path)

    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(write, "import_module", missing)
    with pytest.raises(OutputError, match=r"pip install 'tamperscope\[report\]'"):
        make(open_case(forged), "pdf")


@pytest.mark.parametrize("name", ["1x1.png", "7x5.jpg", "rotated.jpg", "cmyk.jpg", "grey.jpg"])
def test_any_photo_can_be_reported(tmp_path: Path, name: str) -> None:
    folder = scanned(tmp_path, photos.awkward(name), name)
    for form in ("html", "pdf"):
        assert "How to repeat it" in text(make(open_case(folder), form))
