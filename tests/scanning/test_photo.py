import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import jsonschema
import numpy as np
import pytest

import photos
from detectors_made import made_weights
from tamperscope.errors import Defect, OutputError, TooLarge
from tamperscope.io.decode import Limits
from tamperscope.io.paths import write_whole
from tamperscope.io.render import draw_overlay
from tamperscope.report.json import schema
from tamperscope.scanning import photo as module
from tamperscope.scanning.find import Task
from tamperscope.scanning.photo import Outcome, Plan, scan_photo


def scan(path: Path, **plan: Any) -> Outcome:
    return scan_photo(Task(path), Plan(**plan))


def detections(outcome: Outcome) -> list[dict[str, Any]]:
    assert outcome.record, outcome.error
    jsonschema.validate(outcome.record, schema())
    found: list[dict[str, Any]] = outcome.record["detections"]
    return found


def test_auto_runs_under_the_name_it_chose(folder: Path) -> None:
    (entry,) = detections(scan(folder / "forged.jpg"))
    assert (entry["name"], entry["requested"], entry["verdict"]) == ("fusion", "auto", "manipulated")
    assert entry["reason"].startswith("auto chose fusion: it is the best")
    assert entry["regions"][0]["area_share"] > 0.03
    (entry,) = detections(scan(folder / "plain.png"))
    assert (entry["name"], entry["verdict"]) == ("fusion", "no evidence")


def test_the_same_detector_runs_once(folder: Path) -> None:
    entries = detections(scan(folder / "forged.jpg", detectors=("auto", "fusion", "ela")))
    assert [entry["name"] for entry in entries] == ["fusion", "ela"]


def test_a_missing_need_is_not_applicable_and_the_rest_goes_on(folder: Path) -> None:
    outcome = scan(folder / "plain.png", detectors=("adjpeg", "ela"))
    missing, ela = detections(outcome)
    assert missing["verdict"] == "not applicable"
    assert "needs the DCT coefficients" in missing["reason"]
    assert ela["verdict"] == "cannot tell"
    assert outcome.analysed
    assert not scan(folder / "plain.png", detectors=("adjpeg",)).analysed


def test_fields_reach_the_detector_that_auto_chose(folder: Path) -> None:
    (entry,) = detections(scan(folder / "forged.jpg", fields={"fusion": {"tile": 256}}))
    assert entry["parameters"]["tile"] == 256


def test_files_are_written_beside_the_record(folder: Path) -> None:
    out = folder / "out"
    outcome = scan(folder / "forged.jpg", out=out, raw=True, detectors=("adjpeg", "ela"))
    assert outcome.folder == out / "forged"
    kinds = ("heatmap.npy", "heatmap.png", "mask.png", "overlay.png")
    expected = sorted(
        [
            "adjpeg.judged.png",
            "evidence.png",
            "result.json",
            *(f"{name}.{kind}" for name in ("adjpeg", "ela") for kind in kinds),
        ]
    )
    assert sorted(path.name for path in outcome.folder.iterdir()) == expected
    assert json.loads((outcome.folder / "result.json").read_text()) == outcome.record
    judged = np.asarray(photos.Image.open(outcome.folder / "adjpeg.judged.png"))
    assert judged.shape == (400, 600)
    assert set(np.unique(judged)) == {0, 255}
    raw = np.load(outcome.folder / "adjpeg.heatmap.npy")
    drawn = photos.Image.open(outcome.folder / "adjpeg.heatmap.png")
    assert (raw.dtype, raw.shape) == (np.float32, (400, 600))
    assert drawn.mode == "L"
    assert np.array_equal(np.asarray(drawn), np.rint(raw * 255))


def test_the_sheet_of_evidence_is_of_the_last_scan_and_resuming_misses_it(folder: Path) -> None:
    both = {"out": folder / "sheet", "detectors": ("adjpeg", "ela")}
    outcome = scan(folder / "forged.jpg", **both)
    assert outcome.folder
    sheet = outcome.folder / "evidence.png"
    first = sheet.read_bytes()
    assert scan(folder / "forged.jpg", **both, resume=True).resumed
    sheet.unlink()
    assert not scan(folder / "forged.jpg", **both, resume=True).resumed
    assert sheet.read_bytes() == first
    scan(folder / "forged.jpg", out=folder / "sheet", detectors=("noi",))
    assert not sheet.exists()


def test_results_of_another_photo_are_never_overwritten(folder: Path) -> None:
    out = folder / "out"
    first = scan(folder / "forged.jpg", out=out)
    other = folder / "elsewhere"
    other.mkdir()
    (other / "forged.jpg").write_bytes((folder / "pristine.jpg").read_bytes())
    second = scan(other / "forged.jpg", out=out)
    assert first.folder == out / "forged"
    assert second.record
    assert second.folder == out / f"forged-{second.record['sha256'][:8]}"


def test_files_of_one_stem_never_share_a_folder(folder: Path) -> None:
    out = folder / "out"
    (folder / "1").mkdir()
    (folder / "2").mkdir()
    (folder / "1" / "x.jpg").write_bytes((folder / "forged.jpg").read_bytes())
    (folder / "2" / "x.jpg").write_bytes((folder / "pristine.jpg").read_bytes())
    first = scan_photo(Task(folder / "1" / "x.jpg", ambiguous=True), Plan(out=out))
    assert first.record
    assert first.folder == out / f"x-{first.record['sha256'][:8]}"
    # A file whose own name is another's folder name:
    (folder / f"{first.folder.name}.jpg").write_bytes((folder / "pristine.jpg").read_bytes())
    clash = scan(folder / f"{first.folder.name}.jpg", out=out)
    assert clash.folder != first.folder
    assert scan(folder / "1" / "x.jpg", out=out, resume=True).resumed, "found although no longer ambiguous"


@pytest.mark.parametrize("name", ["..jpg", " .jpg", "x" * 250 + ".jpg"])
def test_no_name_leads_out_of_the_folder_or_is_too_long(folder: Path, name: str) -> None:
    (folder / name).write_bytes(photos.awkward("photo.jpg"))
    for ambiguous in (True, False):
        outcome = scan_photo(Task(folder / name, ambiguous), Plan(out=folder / "out"))
        assert outcome.folder, outcome.error
        assert outcome.folder.parent == folder / "out"
        assert sorted(path.suffix for path in outcome.folder.iterdir()) == [".json", *[".png"] * 4]


def test_another_detector_adds_to_the_record(folder: Path) -> None:
    out = folder / "out"
    scan(folder / "forged.jpg", out=out, detectors=("adjpeg",), raw=True)
    second = scan(folder / "forged.jpg", out=out, detectors=("ela",))
    assert [entry["name"] for entry in detections(second)] == ["ela"], "what was asked for"
    stored = json.loads((out / "forged" / "result.json").read_text())
    assert [entry["name"] for entry in stored["detections"]] == ["ela", "adjpeg"]
    for name in ("adjpeg", "ela"):
        again = scan(folder / "forged.jpg", out=out, detectors=(name,), resume=True)
        assert again.resumed
        assert [entry["name"] for entry in detections(again)] == [name]


def test_detectors_that_know_less_of_the_damage_add_to_the_record(folder: Path) -> None:
    data = (folder / "forged.jpg").read_bytes()
    assert data.endswith(b"\xff\xd9")
    (folder / "stray.jpg").write_bytes(data[:-2] + bytes(16) + data[-2:])
    for name in ("adjpeg", "ela", "noi"):
        assert scan(folder / "stray.jpg", out=folder / "out", detectors=(name,)).record
    stored = json.loads((folder / "out" / "stray" / "result.json").read_text())
    jsonschema.validate(stored, schema())
    assert [entry["name"] for entry in stored["detections"]] == ["noi", "ela", "adjpeg"]
    assert any("extraneous" in warning for warning in stored["warnings"])
    assert (folder / "out" / "stray" / "adjpeg.heatmap.png").is_file()


def test_no_arithmetically_coded_photo_is_accused(folder: Path) -> None:
    """What its decoder makes up for the half that is missing looks manipulated, and is marked."""
    data = photos.arithmetic(photos.scene())
    for name, given in (("whole.jpg", data), ("cut.jpg", data[: len(data) // 2] + b"\xff\xd9")):
        (folder / name).write_bytes(given)
        outcome = scan(folder / name, detectors=("auto", "adjpeg"))
        assert {entry["verdict"] for entry in detections(outcome)} == {"cannot tell"}
        assert outcome.record
        assert any("whether all of it" in warning for warning in outcome.record["warnings"])


@pytest.mark.parametrize("name", ["forged.jpg", "pristine.jpg"])
@pytest.mark.parametrize("progressive", [False, True])
def test_of_what_was_damaged_nobody_can_tell(folder: Path, name: str, progressive: bool) -> None:
    """What a decoder makes up where bytes are lost looks manipulated, or hides what was."""
    data = (folder / name).read_bytes()
    if progressive:
        data = photos.encode(photos.decode_pixels(data), "JPEG", quality=90, progressive=True)
    middle = len(data) // 2
    (folder / name).write_bytes(data[:middle] + bytes(512) + data[middle + 512 :])
    outcome = scan(folder / name, detectors=("auto", "adjpeg", "ela"), salvage=True)
    assert {entry["verdict"] for entry in detections(outcome)} == {"cannot tell"}


def test_a_folder_that_somebody_made_is_left_alone(folder: Path) -> None:
    out = folder / "out"
    (out / "forged").mkdir(parents=True)
    for name in ("report.pdf", "evidence.png", "scene.mask.png"):
        (out / "forged" / name).write_bytes(b"mine")
    first = scan(folder / "forged.jpg", out=out, detectors=("ela",))
    assert first.folder != out / "forged"
    assert scan(folder / "forged.jpg", out=out, detectors=("ela",), resume=True).resumed
    assert sorted(path.name for path in (out / "forged").iterdir()) == [
        "evidence.png",
        "report.pdf",
        "scene.mask.png",
    ]
    assert {path.read_bytes() for path in (out / "forged").iterdir()} == {b"mine"}


@pytest.mark.parametrize("first", [False, True])
def test_a_photo_keeps_its_folder_whether_others_have_its_stem(folder: Path, first: bool) -> None:
    plan = Plan(out=folder / "out", detectors=("ela",), resume=True)
    once = scan_photo(Task(folder / "forged.jpg", ambiguous=first), plan)
    again = scan_photo(Task(folder / "forged.jpg", ambiguous=not first), plan)
    assert again.resumed
    more = scan_photo(Task(folder / "forged.jpg", ambiguous=not first), replace(plan, detectors=("noi",)))
    assert once.folder == again.folder == more.folder


def test_a_record_that_nobody_can_read_is_made_again(folder: Path) -> None:
    plan = {"out": folder / "out", "detectors": ("ela",), "resume": True}
    first = scan(folder / "forged.jpg", **plan)
    assert first.folder
    (first.folder / "result.json").write_text("[" * 200_000)
    again = scan(folder / "forged.jpg", **plan)
    assert again.record
    assert again.folder == first.folder


def test_a_failure_spares_what_other_detectors_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = {"out": folder / "out", "resume": True}
    assert scan(folder / "forged.jpg", **plan, detectors=("ela",)).record

    def full(path: Path, content: bytes) -> None:
        if path.name == "noi.overlay.png":
            raise OutputError("cannot be written (No space left on device)", "free space", str(path))
        write_whole(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_whole", full)
        assert scan(folder / "forged.jpg", **plan, detectors=("noi",)).error
    assert scan(folder / "forged.jpg", **plan, detectors=("ela",)).resumed


def test_two_detectors_at_once_write_one_after_the_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Outcome] = []

    def second() -> None:
        found.append(scan(folder / "forged.jpg", out=folder / "out", detectors=("noi",)))

    other = Thread(target=second)

    def slow(*given: Any) -> bytes:
        if not other.ident:  # while the first one writes
            other.start()
            other.join(1.5)
        return draw_overlay(*given)

    monkeypatch.setattr(module, "draw_overlay", slow)
    assert scan(folder / "forged.jpg", out=folder / "out", detectors=("ela",)).record
    other.join()
    assert found[0].record
    made = folder / "out" / "forged"
    stored = json.loads((made / "result.json").read_text())
    assert [entry["name"] for entry in stored["detections"]] == ["noi", "ela"]
    kinds = ("heatmap", "mask", "overlay")
    assert all((made / f"{name}.{kind}.png").is_file() for name in ("ela", "noi") for kind in kinds)


def test_no_picture_of_other_parameters_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = folder / "out"
    scan(folder / "forged.jpg", out=out, raw=True)
    scan(folder / "forged.jpg", out=out, fields={"adjpeg": {"smoothing": 8.0}})
    assert not (out / "forged" / "adjpeg.heatmap.npy").exists()

    def full(path: Path, content: bytes) -> None:
        if path.name.endswith("overlay.png"):
            raise OutputError("cannot be written (No space left on device)")
        write_whole(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_whole", full)
        assert scan(folder / "forged.jpg", out=out).error
    assert not scan(folder / "forged.jpg", out=out, resume=True).resumed


def test_a_salvaged_result_is_not_taken_for_a_whole_one(folder: Path) -> None:
    data = (folder / "forged.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(data[: len(data) // 2])
    plan = {"out": folder / "out", "resume": True}
    assert scan(folder / "cut.jpg", **plan, salvage=True).record
    assert scan(folder / "cut.jpg", **plan, salvage=True).resumed
    assert scan(folder / "cut.jpg", **plan).error


# --- resume -------------------------------------------------------------------------------------------


def test_what_is_done_is_skipped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = {"out": folder / "out", "resume": True}
    first = scan(folder / "forged.jpg", **plan)
    monkeypatch.setattr(module, "decode", lambda *_, **__: pytest.fail("analysed again"))
    second = scan(folder / "forged.jpg", **plan)
    assert second.resumed
    assert not first.resumed
    assert second.record == first.record
    assert scan(folder / "forged.jpg", **plan, detectors=("fusion",)).resumed, "auto had chosen it"


@pytest.mark.parametrize(
    "change",
    [
        {"detectors": ("ela",)},
        {"detectors": ("auto", "ela")},
        {"fields": {"fusion": {"tile": 256}}},
        {"raw": True},
    ],
)
def test_what_differs_is_done_again(folder: Path, change: dict[str, Any]) -> None:
    plan = {"out": folder / "out", "resume": True}
    scan(folder / "forged.jpg", **plan)
    assert not scan(folder / "forged.jpg", **{**plan, **change}).resumed
    assert scan(folder / "forged.jpg", **{**plan, **change}).resumed


def lose_a_picture(folder: Path) -> None:
    (folder / "fusion.mask.png").unlink()


def edit(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "result.json"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return change


@pytest.mark.parametrize(
    "damage",
    [
        lose_a_picture,
        lambda folder: (folder / "result.json").write_text("{"),
        lambda folder: (folder / "result.json").write_text("[]"),
        edit('"version": "', '"version": "0.0.'),
        edit('"requested": "auto",', ""),
        edit('"name": "fusion"', '"name": "gone"'),
    ],
)
def test_damaged_or_older_results_are_made_again(folder: Path, damage: Callable[[Path], None]) -> None:
    plan = {"out": folder / "out", "resume": True}
    first = scan(folder / "forged.jpg", **plan)
    assert first.folder
    damage(first.folder)
    again = scan(folder / "forged.jpg", **plan)
    assert not again.resumed
    assert again.folder == first.folder
    assert scan(folder / "forged.jpg", **plan).resumed


def test_a_changed_photo_is_done_again_and_its_old_result_kept(folder: Path) -> None:
    plan = {"out": folder / "out", "resume": True}
    old = scan(folder / "forged.jpg", **plan)
    (folder / "forged.jpg").write_bytes((folder / "pristine.jpg").read_bytes())
    again = scan(folder / "forged.jpg", **plan)
    assert not again.resumed
    assert again.folder != old.folder
    assert scan(folder / "forged.jpg", **plan).resumed


# --- what goes wrong ----------------------------------------------------------------------------------


def test_limits_and_salvage_reach_the_decoder(folder: Path) -> None:
    assert isinstance(scan(folder / "forged.jpg", limits=Limits(pixels=100)).error, TooLarge)
    data = (folder / "forged.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(data[: len(data) // 2])
    assert "--salvage" in str(scan(folder / "cut.jpg").error)
    salvaged = scan(folder / "cut.jpg", salvage=True)
    assert detections(salvaged)
    assert salvaged.record
    assert any("salvaged" in warning for warning in salvaged.record["warnings"])


def test_a_defect_is_reported_with_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("inner")

    monkeypatch.setattr(module, "decode", fail)
    outcome = scan(folder / "forged.jpg")
    assert isinstance(outcome.error, Defect)
    assert "forged.jpg: Tamperscope failed (KeyError" in str(outcome.error)


def test_want_of_memory_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(module, "_detect", fail)
    assert "memory does not suffice" in str(scan(folder / "forged.jpg").error)


def test_a_full_disk_is_an_error_and_leaves_no_record(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    def full(path: Path, content: bytes) -> None:
        if path.name.endswith("overlay.png"):
            raise OutputError("cannot be written (No space left on device)", "free space", str(path))
        write_whole(path, content)

    monkeypatch.setattr(module, "write_whole", full)
    outcome = scan(folder / "forged.jpg", out=folder / "out")
    assert "No space left" in str(outcome.error)
    assert not (folder / "out" / "forged" / "result.json").exists()
    monkeypatch.undo()
    assert scan(folder / "forged.jpg", out=folder / "out", resume=True).record


def test_an_outcome_tells_its_highest_score() -> None:
    entries = [{"score": None, "verdict": "no evidence"}, {"score": 0.2, "verdict": "no evidence"}]
    assert Outcome(Path("a"), {"detections": entries}).score == 0.2
    assert Outcome(Path("a"), {"detections": entries[:1]}).score is None
    assert Outcome(Path("a")).score is None
    assert not Outcome(Path("a")).analysed


def test_maps_that_led_to_a_heatmap_are_named_and_on_the_sheet(folder: Path, tmp_path: Path) -> None:
    fields, out = {"wcbnet": {"weights": str(made_weights("wcbnet"))}}, tmp_path / "out"
    plan: dict[str, Any] = {"fields": fields, "out": out, "resume": True}
    done = scan(folder / "forged.jpg", detectors=("wcbnet",), **plan)
    assert done.folder
    assert detections(done)[0]["evidence"] == ["view 2", "view 3", "view 4"]
    stored = json.loads((done.folder / "result.json").read_text())
    jsonschema.validate(stored, schema())
    assert stored["evidence_sheet"] == ["wcbnet"]
    alone = (done.folder / "evidence.png").read_bytes()
    assert scan(folder / "forged.jpg", detectors=("wcbnet",), **plan).resumed
    scan(folder / "forged.jpg", detectors=("ela",), **plan)
    both = scan(folder / "forged.jpg", detectors=("ela", "wcbnet"), **plan)
    assert not both.resumed, "the sheet does not show both"
    assert (done.folder / "evidence.png").read_bytes() != alone
    assert scan(folder / "forged.jpg", detectors=("ela", "wcbnet"), **plan).resumed
