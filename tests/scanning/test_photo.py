import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import photos
from tamperscope.errors import Defect, OutputError, TooLarge
from tamperscope.io.decode import Limits
from tamperscope.io.paths import write_whole
from tamperscope.report.json import schema
from tamperscope.scanning import photo as module
from tamperscope.scanning.find import Task
from tamperscope.scanning.photo import Outcome, Plan, scan_photo


def scan(path: Path, **plan: Any) -> Outcome:
    return scan_photo(Task(path, path.stem), Plan(**plan))


def detections(outcome: Outcome) -> list[dict[str, Any]]:
    assert outcome.record, outcome.error
    jsonschema.validate(outcome.record, schema())
    found: list[dict[str, Any]] = outcome.record["detections"]
    return found


def test_auto_runs_under_the_name_it_chose(folder: Path) -> None:
    (entry,) = detections(scan(folder / "forged.jpg"))
    assert (entry["name"], entry["requested"], entry["verdict"]) == ("adjpeg", "auto", "manipulated")
    assert entry["reason"].startswith("auto chose adjpeg: the file is a JPEG")
    assert entry["regions"][0]["area_share"] > 0.03
    (entry,) = detections(scan(folder / "plain.png"))
    assert (entry["name"], entry["verdict"], entry["score"]) == ("noi", "no evidence", None)


def test_the_same_detector_runs_once(folder: Path) -> None:
    entries = detections(scan(folder / "forged.jpg", detectors=("auto", "adjpeg", "ela")))
    assert [entry["name"] for entry in entries] == ["adjpeg", "ela"]


def test_a_missing_need_is_not_applicable_and_the_rest_goes_on(folder: Path) -> None:
    outcome = scan(folder / "plain.png", detectors=("adjpeg", "ela"))
    missing, ela = detections(outcome)
    assert missing["verdict"] == "not applicable"
    assert "needs the DCT coefficients" in missing["reason"]
    assert ela["verdict"] == "no evidence"
    assert outcome.analysed
    assert not scan(folder / "plain.png", detectors=("adjpeg",)).analysed


def test_fields_reach_the_detector_that_auto_chose(folder: Path) -> None:
    (entry,) = detections(scan(folder / "forged.jpg", fields={"adjpeg": {"smoothing": 3.0}}))
    assert entry["parameters"]["smoothing"] == 3.0


def test_files_are_written_beside_the_record(folder: Path) -> None:
    out = folder / "out"
    outcome = scan(folder / "forged.jpg", out=out, raw=True, detectors=("adjpeg", "ela"))
    assert outcome.folder == out / "forged"
    kinds = ("heatmap.npy", "heatmap.png", "mask.png", "overlay.png")
    expected = sorted(["result.json", *(f"{name}.{kind}" for name in ("adjpeg", "ela") for kind in kinds)])
    assert sorted(path.name for path in outcome.folder.iterdir()) == expected
    assert json.loads((outcome.folder / "result.json").read_text()) == outcome.record
    raw = np.load(outcome.folder / "adjpeg.heatmap.npy")
    drawn = photos.Image.open(outcome.folder / "adjpeg.heatmap.png")
    assert (raw.dtype, raw.shape) == (np.float32, (400, 600))
    assert drawn.mode == "L"
    assert np.array_equal(np.asarray(drawn), np.rint(raw * 255))


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


# --- resume -------------------------------------------------------------------------------------------


def test_what_is_done_is_skipped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = {"out": folder / "out", "resume": True}
    first = scan(folder / "forged.jpg", **plan)
    monkeypatch.setattr(module, "decode", lambda *_, **__: pytest.fail("analysed again"))
    second = scan(folder / "forged.jpg", **plan)
    assert second.resumed
    assert not first.resumed
    assert second.record == first.record
    assert scan(folder / "forged.jpg", **plan, detectors=("adjpeg",)).resumed, "auto had chosen it"


@pytest.mark.parametrize(
    "change",
    [
        {"detectors": ("ela",)},
        {"detectors": ("auto", "ela")},
        {"fields": {"adjpeg": {"smoothing": 2.0}}},
        {"raw": True},
    ],
)
def test_what_differs_is_done_again(folder: Path, change: dict[str, Any]) -> None:
    plan = {"out": folder / "out", "resume": True}
    scan(folder / "forged.jpg", **plan)
    assert not scan(folder / "forged.jpg", **{**plan, **change}).resumed
    assert scan(folder / "forged.jpg", **{**plan, **change}).resumed


def lose_a_picture(folder: Path) -> None:
    (folder / "adjpeg.mask.png").unlink()


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
        edit('"name": "adjpeg"', '"name": "gone"'),
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
