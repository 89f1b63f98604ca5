"""Reports: what they say, that hostile text stays text, and that all forms say the same."""

import html
import json
import os
import shlex
import shutil
import subprocess
import time
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image
from pypdf import PdfReader

import photos
from tamperscope.cluster.work import SETTINGS
from tamperscope.errors import CorruptFile, OutputError
from tamperscope.io.decode import Limits, decode
from tamperscope.io.exif import read_exif
from tamperscope.report.content import Case, PhotoReport, gather, open_alone, open_case
from tamperscope.report.failures import note_failures
from tamperscope.report.figures import of_thumbnail
from tamperscope.report.forms import Form
from tamperscope.report.html import page
from tamperscope.report.json import written
from tamperscope.report.overview import Line
from tamperscope.report.pdf import _fonts, _Styles, document
from tamperscope.report.repeat import command
from tamperscope.report.write import make
from tamperscope.scanning.batch import scan
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
    assert written(record["detections"][0]["score"]) in found.findings[0].sentence
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
    once = photos.encode(photos.scene(), "JPEG", quality=60)
    twice = photos.encode(photos.decode_pixels(once), "JPEG", quality=90)
    found = gather(scanned(tmp_path, twice, detectors=("adjpeg",)))
    assert found.verdict == "no evidence"
    assert "no proof that the photo is genuine" in found.sentence


def test_who_judged_no_place_clears_no_photo(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(96, 128), "JPEG"), detectors=("adjpeg",))
    found = gather(folder)
    assert found.verdict == "cannot tell"
    assert "nothing can be told apart" in found.findings[0].sentence


def test_it_says_who_said_so_and_why_regions_may_not_weigh_enough(forged: Path, tmp_path: Path) -> None:
    assert "So says adjpeg; of the others, see below." in gather(forged).sentence
    assert "weigh too little" not in gather(forged).findings[0].sentence
    record = json.loads((forged / "result.json").read_bytes())
    (entry, _) = record["detections"]
    record["detections"] = [{**entry, "score": 0.3, "verdict": "no evidence"}]
    (tmp_path / "result.json").write_text(json.dumps(record))
    found = gather(tmp_path)
    assert "The outlined regions of its map do; they weigh too little" in found.findings[0].sentence
    assert "So says" not in found.sentence


def test_what_a_damaged_file_scores_does_not_count(tmp_path: Path) -> None:
    data, _ = photos.spliced()
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(data[: len(data) * 9 // 10])
    (task,) = plan_tasks([photo])
    outcome = scan_photo(task, Plan(detectors=("adjpeg",), out=tmp_path / "results", salvage=True))
    assert outcome.folder
    found = gather(outcome.folder)
    assert found.score
    assert found.score > 0.9
    assert "weigh too little" not in found.findings[0].sentence
    assert "That does not count here: a part of the file is missing or damaged" in found.findings[0].sentence
    assert "a part of the file is missing" in found.sentence


@pytest.mark.parametrize(("detectors", "figures"), [(("adjpeg", "noi"), 2), (("adjpeg",), 1)])
def test_the_photo_is_shown_whoever_could_judge_it(
    tmp_path: Path, detectors: tuple[str, ...], figures: int
) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(96, 128)), "photo.png", detectors)
    assert page(open_case(folder)).count(b"<figure") == figures
    assert len(PdfReader(BytesIO(document(open_case(folder)))).pages[0].images) == figures


def test_of_many_parts_that_occur_twice_the_rest_is_counted(forged: Path, tmp_path: Path) -> None:
    record = json.loads((forged / "result.json").read_bytes())
    link = {"x": 1, "y": 2, "to_x": 3, "to_y": 4, "area_share": 0.1, "scale": 1, "turn": 0, "mirrored": False}
    record["detections"] = [{**record["detections"][0], "links": [link] * 30}]
    (tmp_path / "result.json").write_text(json.dumps(record))
    tables = {one.title: one for one in gather(tmp_path).findings[0].tables}
    table = tables["Parts that occur twice, the largest first; 20 smaller ones are in the record"]
    assert len(table.rows) == 10


def test_larger_photos_are_shown_where_they_may_be(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(96, 128), "JPEG"), detectors=("ela",))
    few = Limits(pixels=96 * 128 - 1, bytes=1 << 20)
    assert gather(folder, limits=few).photo is None
    assert gather(folder).photo is not None
    ours = gather(folder, limits=Limits(bytes=(tmp_path / "photo.jpg").stat().st_size))
    assert (folder / "ela.overlay.png").stat().st_size > (tmp_path / "photo.jpg").stat().st_size
    assert ours.photo  # a photo that was let in is shown with what was drawn of it, which has more bytes
    assert ours.findings[0].figures
    record = {"detections": [], "warnings": [], "path": "a.jpg", "width": 20_000, "height": 20_000}
    assert "--max-" not in command({**record, "bytes": 1, "width": 1})
    run = {"name": "ela", "parameters": {}}
    raised = command({**record, "bytes": 2**29 + 1, "detections": [run]})
    assert "--max-megapixels 400 --max-mebibytes 513 --out results -- a.jpg" in raised


def test_maps_alone_decide_nothing_and_what_cannot_judge_says_so(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(96, 128)), "photo.png", ("ela",))
    assert gather(folder).verdict == "cannot tell"
    folder = scanned(tmp_path, photos.encode(photos.crop(64, 64)), "other.png", ("adjpeg",))
    found = gather(folder)
    assert found.verdict == "not applicable"
    assert not found.findings[0].figures


@pytest.mark.parametrize("form", ["html", "pdf"])
def test_hostile_names_and_exif_stay_text(tmp_path: Path, form: str) -> None:
    said = f"<b onclick=1>{HOSTILE}"
    data = photos.encode(photos.crop(96, 128), "JPEG", exif=exif(said))
    name = f"{HOSTILE.replace('/', '')}\n\u202e.jpg"
    folder = scanned(tmp_path, data, name)
    made = make(open_case(folder, HOSTILE, photo=tmp_path / name), Form(form))
    assert said.replace(" ", "") in text(made).replace(" ", "")
    if form == "html":
        assert b"<script" not in made
        assert b"\xe2\x80\xae" not in made
        assert b"default-src 'none'" in made


def test_places_are_hidden_unless_asked_for(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(96, 128), "JPEG", exif=exif()))
    assert facts(gather(folder))["GPS"] == "1 entries, hidden"
    assert facts(gather(folder, position=True))["GPSLatitude"] == "48.0, 8.0, 15.5"
    for form in ("html", "pdf"):
        assert "15.5" not in text(make(open_case(folder), Form(form)))
        assert "48.0, 8.0, 15.5" in text(make(open_case(folder, position=True), Form(form)))


def test_exif_is_text_of_bounded_length() -> None:
    found = dict(read_exif(photos.encode(photos.crop(16, 16), "JPEG", exif=exif("x" * 9999))).rows)
    assert len(found["ImageDescription"]) == 200
    assert found["Make"] == "Maker"
    assert found["UserComment"] == "500 bytes"
    assert read_exif(b"no picture") == read_exif(photos.encode(photos.crop(8, 8)))


def test_exif_is_read_in_the_alphabets_that_programs_write() -> None:
    made = photos.Image.Exif()
    made[0x013B] = "Müller Ł".encode()
    made[0x9C9B] = "Löwe Ł\0".encode("utf-16-le")
    made.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0Hello"
    found = dict(read_exif(photos.encode(photos.crop(16, 16), "JPEG", exif=made)).rows)
    assert found["Artist"] == "Müller Ł"
    assert found["XPTitle"] == "Löwe Ł"
    assert found["UserComment"] == "Hello"


def test_a_thumbnail_may_be_padded_cropped_or_squeezed_but_not_of_a_part(tmp_path: Path) -> None:
    pixels = photos.scene()[:216, :384]
    bars = np.zeros((120, 160, 3), np.uint8)
    bars[15:105] = cv2.resize(pixels, (160, 90), interpolation=cv2.INTER_AREA)
    middle = cv2.resize(pixels[:, 48:336], (160, 120), interpolation=cv2.INTER_AREA)
    squeezed = cv2.resize(pixels, (160, 120), interpolation=cv2.INTER_AREA)
    photo = decode(photos.encode(pixels, "JPEG"))
    for thumbnail in (bars, middle, squeezed):
        assert "agrees with the photo" in of_thumbnail(photo, photos.encode(thumbnail, "JPEG"))[1]
    cut = replace(photo, decoded_rows=100)
    assert of_thumbnail(cut, photos.encode(squeezed, "JPEG")) == (
        (),
        "There is a thumbnail; it is not compared with a photo of which a part is missing.",
    )
    huge = photos.encode(np.zeros((1001, 1001, 3), np.uint8), "JPEG")
    assert of_thumbnail(photo, huge)[1] == "The thumbnail inside the file cannot be decoded."


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
        assert found.thumbnail_sentence[:40] in text(make(open_case(tmp_path / "results"), Form(form)))


def test_a_photo_that_is_gone_or_changed_is_not_shown(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(96, 128), "JPEG", exif=exif()))
    (tmp_path / "photo.jpg").write_bytes(photos.encode(photos.crop(64, 64), "JPEG"))
    found = gather(folder)
    assert found.photo is None
    assert "ImageDescription" not in facts(found)
    assert found.notes[-1] == "the photo is not shown here: under its name lies a file with other bytes"
    (tmp_path / "photo.jpg").unlink()
    assert "the photo is not shown here: " in text(page(open_case(folder)))


@pytest.mark.parametrize("place", ["photo.jpg", "in/photo.jpg"])
def test_photos_that_moved_are_found_by_the_end_of_their_name(tmp_path: Path, place: str) -> None:
    (tmp_path / "in").mkdir()
    folder = scanned(tmp_path / "in", photos.encode(photos.crop(96, 128), "JPEG"))
    now = tmp_path / "archive" / place
    now.parent.mkdir(parents=True)
    (tmp_path / "in" / "photo.jpg").rename(now)
    assert gather(folder).photo is None
    assert gather(folder, photo=tmp_path / "archive").photo
    now.write_bytes(photos.encode(photos.crop(64, 64), "JPEG"))
    found = gather(folder, photo=tmp_path / "archive")
    assert found.notes[-1] == "the photo is not shown here: under its name lies a file with other bytes"


def test_changed_fields_are_in_the_command(tmp_path: Path) -> None:
    path = tmp_path / "it's.jpg"
    path.write_bytes(photos.encode(photos.crop(96, 128), "JPEG"))
    (task,) = plan_tasks([path])
    outcome = scan_photo(task, Plan(detectors=("ela",), fields={"ela": {"quality": 85}}, out=tmp_path / "r"))
    assert outcome.folder
    repeat = gather(outcome.folder).repeat
    assert repeat.startswith("tamperscope scan --detector ela --set ela.quality=85 --out results -- ")
    assert shlex.split(repeat)[-1] == str(path)


def test_the_command_names_fields_of_refiners_and_what_was_salvaged(tmp_path: Path) -> None:
    path = tmp_path / "--out=cut.jpg"
    path.write_bytes(photos.encode(photos.scene()[:240, :320], "JPEG")[:-4000])
    (task,) = plan_tasks([path])
    fields: dict[str, dict[str, Any]] = {"ela": {"quality": 70}, "smooth": {"sigma": 3.0}}
    plan = Plan(detectors=("ela+smooth",), fields=fields, salvage=True, out=tmp_path / "r")
    outcome = scan_photo(task, plan)
    assert outcome.folder, outcome.error
    words = shlex.split(gather(outcome.folder).repeat)
    assert {"ela.quality=70", "smooth.sigma=3.0", "--salvage"} <= set(words)
    assert words[-2:] == ["--", str(path)]


def test_detectors_whose_fields_differ_are_repeated_apart(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(photos.encode(photos.crop(64, 96), "JPEG"))
    fields: dict[str, dict[str, Any]] = {"ela": {"quality": 70}}
    for plan in (Plan(("ela", "noi")), Plan(("ela+smooth",), fields)):
        (task,) = plan_tasks([path])
        outcome = scan_photo(task, replace(plan, out=tmp_path / "r"))
        assert outcome.folder, outcome.error
        found = gather(outcome.folder)
    lines = [shlex.split(line) for line in found.repeat.splitlines()]
    assert [line[3] for line in lines] == ["ela+smooth,noi", "ela"]
    assert ["ela.quality=70" in line for line in lines] == [True, False]
    rows = found.findings[0].tables[-1].rows
    assert ("ela.quality", "70") in rows
    assert "smooth.sigma" in {row[0] for row in rows}


@pytest.mark.parametrize("name", ["new\nline.jpg", "bad\udcff.jpg", "it's \x1b[31mred.jpg"])
def test_photos_of_odd_names_are_shown_and_can_be_scanned_again(tmp_path: Path, name: str) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(64, 80), "JPEG"), name, ("ela",))
    found = gather(folder)
    assert found.photo
    command = f"printf %s {found.repeat.rpartition(' -- ')[2]}"
    said = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert said.stdout == os.fsencode(tmp_path / name)
    assert gather(folder, photo=tmp_path).photo


def test_no_name_of_a_photo_is_a_command(tmp_path: Path) -> None:
    """A backslash before an n is no escape in the name of a file, but looks like one in the record."""
    name = r"holiday\n\'; touch pwned; #.jpg"
    folder = scanned(tmp_path, photos.encode(photos.crop(64, 80), "JPEG"), name, ("ela",))
    command = f"printf %s {gather(folder).repeat.rpartition(' -- ')[2]}"
    said = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=True)
    assert not (tmp_path / "pwned").exists()
    assert said.stdout.endswith(b"\n\\'; touch pwned; #.jpg")


def test_a_report_says_what_is_not_in_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    good, bad = tmp_path / "in" / "good.jpg", tmp_path / "in" / "bad.jpg"
    good.write_bytes(photos.encode(photos.crop(64, 80), "JPEG"))
    bad.write_bytes(b"no photo")
    list(scan(tmp_path / "in", "ela", out=tmp_path / "out"))
    (tmp_path / "out" / "broken").mkdir()
    (tmp_path / "out" / "broken" / "result.json").write_text("{")
    for form in (Form.html, Form.pdf):
        said = text(make(open_case(tmp_path / "out"), form))
        assert "Not in this report" in said
        assert "not a picture in a known format" in said
        assert "no record of a scan" in said
    bad.write_bytes(photos.encode(photos.crop(64, 88), "JPEG"))
    list(scan(tmp_path / "in", "ela", out=tmp_path / "out"))
    assert not (tmp_path / "out" / "failures.json").exists()


def case_of(folder: Path, scores: dict[str, float | None], forged: Path) -> Path:
    """Write results of photos that got these scores: from 0.5 on manipulated, at 0.3 nobody can tell."""
    record = json.loads((forged / "result.json").read_bytes())
    for name, score in scores.items():
        (folder / name).mkdir(parents=True)
        verdict = "not applicable" if score is None else "manipulated" if score >= 0.5 else "no evidence"
        entry = {
            **record["detections"][0],
            "score": score,
            "verdict": "cannot tell" if score == 0.3 else verdict,
        }
        (folder / name / "result.json").write_text(
            json.dumps({**record, "path": f"{name}.jpg", "detections": [entry]})
        )
    return folder


def test_several_photos_are_overviewed_the_gravest_first(forged: Path, tmp_path: Path) -> None:
    scores = {"a": 0.1, "b": None, "c": 0.6, "d": 0.3, "e": 0.9, "f": 0.2}
    folder = case_of(tmp_path, scores, forged)
    (folder / "g").mkdir()
    (folder / "g" / "result.json").write_text("{")
    note_failures(folder, {"h.jpg": "h.jpg: no picture", "i.jpg": "i.jpg: no picture"})
    said = (
        "6 photos: 2 manipulated, 1 cannot tell, 2 no evidence, 1 not applicable. "
        "2 files could not be analysed: see the end. 1 result could not be read: see the end."
    )
    rows = "e.jpg manipulated 0.90 c.jpg manipulated 0.60 d.jpg cannot tell 0.30 f.jpg no evidence 0.20 "
    rows += "a.jpg no evidence 0.10 b.jpg not applicable"
    shown = make(open_case(folder), Form.html)
    printed = make(open_case(folder), Form.pdf)
    for made in (shown, printed):
        assert f"Overview {said} file verdict highest score {rows}" in text(made)
    assert b'<a href="#5">e.jpg</a>' in shown
    assert b'<h2 id="5">e.jpg</h2>' in shown
    assert len(json.loads(make(open_case(folder), Form.json))) == 6
    reader = PdfReader(BytesIO(printed))
    pages = {one.indirect_reference: one.extract_text() for one in reader.pages}
    links: Any = reader.pages[0]["/Annots"]
    for link, name in zip(links, "ecdfab", strict=True):
        assert f"{name}.jpg\n" in pages[link.get_object()["/Dest"][0]]


def test_one_photo_has_no_overview(forged: Path) -> None:
    for form in (Form.html, Form.pdf):
        assert "Overview" not in text(make(open_case(forged), form))


def test_thousands_of_photos_are_overviewed_at_once() -> None:
    case = Case("a", ())
    for number in range(1, 5001):
        case.lines[number] = Line(number, f"{number}.jpg", "no evidence", number / 10_000)
    begun = time.monotonic()
    made = text(page(case))
    assert time.monotonic() - begun < 5
    assert "5000 photos: 5000 no evidence. file verdict highest score 5000.jpg" in made


def test_failures_alone_are_reported(tmp_path: Path) -> None:
    note_failures(tmp_path, {"a.jpg": "a.jpg: not a picture"})
    for form in (Form.html, Form.pdf):
        said = text(make(open_case(tmp_path), form))
        assert "0 photos. 1 file could not be analysed: see the end." in said
        assert "a.jpg: not a picture" in said
    assert json.loads(make(open_case(tmp_path), Form.json)) == []


def test_the_tables_of_a_collection_are_told_from_results(tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_text("{}")
    with pytest.raises(OutputError, match=r"tables of a scan with --engine.*tamperscope scan --out` first"):
        open_case(tmp_path)


def test_a_report_that_goes_alone_is_named_after_its_photo(forged: Path) -> None:
    for form in (Form.html, Form.pdf):
        said = text(make(open_alone(forged), form))
        assert f"{gather(forged).name}Reportof" in said.replace(" ", "")
        assert "result.json" not in said
        assert "result.json beside the pictures" in text(make(open_case(forged), form))
    with pytest.raises(OutputError, match="holds no results"):
        open_alone(forged.parent / "nothing")


def test_a_case_holds_every_photo_and_json_is_their_records(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg"):
        folder = scanned(
            tmp_path, photos.encode(photos.crop(64, 64 + len(name) + ord(name[0])), "JPEG"), name
        )
    case = open_case(folder.parent)
    assert [Path(one.name).name for one in case.photos] == ["a.jpg", "b.jpg"]
    records = json.loads(make(case, Form.json))
    assert [Path(one["path"]).name for one in records] == ["a.jpg", "b.jpg"]
    assert text(make(case, Form.html)).count("How to repeat it") == 2


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="holds no results"):
        open_case(tmp_path)
    (tmp_path / "result.json").write_text('{"path": "x"}')
    for broken in ('{"path": "x"}', "[" * 100_000, "[]", "{"):
        (tmp_path / "result.json").write_text(broken)
        with pytest.raises(CorruptFile, match="no record of a scan"):
            gather(tmp_path)


def test_what_cannot_be_read_is_named_and_the_rest_reported(tmp_path: Path) -> None:
    good = scanned(tmp_path, photos.encode(photos.crop(64, 80), "JPEG"), "good.jpg")
    (good.parent / "bad").mkdir()
    (good.parent / "bad" / "result.json").write_text("{}")
    for form in ("html", "pdf"):
        case = open_case(good.parent)
        assert "good.jpg" in text(make(case, Form(form))).replace(" ", "")  # long paths are broken anywhere
        assert len(case.problems) == 1
    (good.parent / "bad" / "result.json").write_text("")
    case = open_case(good.parent)
    assert len(json.loads(make(case, Form.json))) == len(case.problems) == 1


def test_a_record_reads_nothing_from_elsewhere(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(64, 80), "JPEG"), detectors=("ela",))
    (tmp_path / "secret.overlay.png").write_bytes(photos.encode(photos.crop(8, 8)))
    overlay = folder / "ela.overlay.png"
    overlay.unlink()
    overlay.symlink_to(tmp_path / "secret.overlay.png")
    assert not gather(folder).findings[0].figures
    record = json.loads((folder / "result.json").read_bytes())
    for name in ("../../secret", str(tmp_path / "secret")):
        record["detections"][0]["name"] = name
        (folder / "result.json").write_text(json.dumps(record))
        with pytest.raises(CorruptFile):
            gather(folder)


def test_what_is_read_from_right_to_left_is_not_shown_backwards(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(64, 80), "JPEG"), "\u05e9\u05dc \u0645a.jpg")
    said = text(document(open_case(folder, "b"))).replace(" ", "")
    assert "\\u05e9\\u05dc\\u0645a.jpg" in said


def test_letters_that_the_font_lacks_are_written_as_their_numbers(tmp_path: Path) -> None:
    folder = scanned(
        tmp_path, photos.encode(photos.crop(64, 80), "JPEG"), "\u5199\u771f_\u0434\u0435\u043b\u043e.jpg"
    )
    said = text(document(open_case(folder, "a \udcff"))).replace(" ", "")
    assert "\\u5199\\u771f_\u0434\u0435\u043b\u043e.jpg" in said
    assert "--$'/" in said


@pytest.mark.parametrize(
    "name",
    ["\u65e5\u672c.png", "it's \u65e5.png", "\u65e5\\q1.png", "a\n\u65e5\udcff.png", "\U0001f9ffa.png"],
)
def test_a_command_with_letters_that_the_font_lacks_can_be_typed_again(tmp_path: Path, name: str) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(64, 80)), name, ("ela",))
    markup = _Styles(*_fonts(), tmp_path).code_lines(gather(folder).repeat)
    command = html.unescape(markup).rpartition(" -- ")[2]
    assert command.isascii()
    said = subprocess.run(
        ["bash", "-c", f"printf %s {command}"], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert said.stdout == os.fsencode(tmp_path / name)


def test_commands_are_on_lines_of_their_own(tmp_path: Path) -> None:
    style = _Styles(*_fonts(), tmp_path)
    assert style.code_lines("scan '\u65e5' '\u0434 \\'\nscan b") == ("scan $'\\u65e5' '\u0434 \\'<br/>scan b")


def test_without_matplotlib_letters_are_latin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    folder = scanned(tmp_path, photos.encode(photos.crop(64, 80), "JPEG"), "f\u00fcr_\u0434.jpg")
    assert "f\u00fcr_\\u0434.jpg" in text(document(open_case(folder))).replace(" ", "")


def test_a_long_text_and_a_number_for_one_do_no_harm(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(64, 80), "JPEG"), detectors=("ela",))
    record = json.loads((folder / "result.json").read_bytes())
    record["detections"][0]["parameters"]["quality"] = "x" * 20_000
    record["format"] = 7
    (folder / "result.json").write_text(json.dumps(record))
    for form in ("html", "pdf"):
        assert "How to repeat it" in text(make(open_case(folder), Form(form)))


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        (("detections", 0, "regions", 0, "bounding_box"), "x", 10**4000),
        (("detections", 0, "parameters"), 5000 * "\u2031", 1),  # no letter is wider
        (("detections", 0, "parameters"), "unknown", 2000 * "\U0001f9ff"),  # each is written as ten letters
        ((), "evidence_sheet", 5000 * ["adjpeg"]),
    ],
    ids=["number", "key", "value", "caption"],
)
def test_nothing_in_a_table_is_taller_than_a_page(
    forged: Path, tmp_path: Path, place: tuple[str | int, ...], key: str, value: Any
) -> None:
    folder = tmp_path / "results"
    shutil.copytree(forged, folder)
    changed = record = json.loads((folder / "result.json").read_bytes())
    for step in place:
        changed = changed[step]
    changed[key] = value
    (folder / "result.json").write_text(json.dumps(record))
    case = open_case(folder)
    assert "How to repeat it" in text(make(case, Form.pdf))
    assert not case.problems


def test_another_scan_takes_old_reports_away(tmp_path: Path) -> None:
    folder = scanned(tmp_path, photos.encode(photos.crop(64, 80), "JPEG"), detectors=("ela",))
    (folder / "report.html").write_bytes(make(open_case(folder), Form.html))
    scanned(tmp_path, photos.encode(photos.crop(64, 80), "JPEG"), detectors=("noi",))
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("name", ["1x1.png", "7x5.jpg", "rotated.jpg", "cmyk.jpg", "grey.jpg"])
def test_any_photo_can_be_reported(tmp_path: Path, name: str) -> None:
    folder = scanned(tmp_path, photos.awkward(name), name)
    for form in ("html", "pdf"):
        assert "How to repeat it" in text(make(open_case(folder), Form(form)))
