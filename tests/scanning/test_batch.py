import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import photos
import tamperscope
from tamperscope.errors import InvalidParameter, OutputError, UnknownPlugin
from tamperscope.report.failures import read_failures
from tamperscope.scanning.batch import scan


def without_seconds(record: dict[str, Any] | None) -> dict[str, Any]:
    assert record
    entries = [{**entry, "seconds": 0} for entry in record["detections"]]
    return {**record, "detections": entries}


def test_one_path_or_many_folders_and_errors(folder: Path) -> None:
    (one,) = scan(folder / "forged.jpg")
    assert one.record
    outcomes = list(scan([str(folder), folder / "missing.jpg", folder / "*.gif"]))
    assert [str(outcome.error) for outcome in outcomes if outcome.error] == [
        f"{folder}/*.gif: no photograph found; check the name, or use --recursive to look into its folders",
        f"{folder}/missing.jpg: no such file; check the name",
    ]
    assert [outcome.path.name for outcome in outcomes if outcome.record] == [
        "forged.jpg",
        "plain.png",
        "pristine.jpg",
    ]


def test_workers_give_the_same_results_in_the_same_order(folder: Path) -> None:
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    alone = list(scan(folder, out=folder / "one"))
    together = list(scan(folder, out=folder / "two", workers=2))
    assert [outcome.path for outcome in alone] == [outcome.path for outcome in together]
    for one, two in zip(alone, together, strict=True):
        assert str(one.error) == str(two.error)
        if one.record:
            assert without_seconds(one.record) == without_seconds(two.record)
            assert one.folder
            assert two.folder
            for path in one.folder.glob("*.png"):
                assert path.read_bytes() == (two.folder / path.name).read_bytes()


def test_what_fails_for_every_photo_fails_at_once(folder: Path) -> None:
    with pytest.raises(UnknownPlugin):
        scan(folder, "nonsense")
    with pytest.raises(InvalidParameter):
        scan(folder, "ela", fields={"ela": {"quality": 0}})
    with pytest.raises(InvalidParameter, match="workers"):
        scan(folder, workers=0)
    with pytest.raises(InvalidParameter, match="no detector is named"):
        scan(folder, [])
    (folder / "file").write_text("")
    with pytest.raises(OutputError, match="choose another --out"):
        scan(folder, out=folder / "file" / "out")


def test_a_folder_that_may_not_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="permission denied"):
        scan(folder, out=folder / "out")


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_worker_that_dies_costs_one_photo(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    # Workers start afresh, so the detector must be a real entry point of a real distribution.
    site = tmp_path_factory.mktemp("site")
    info = site / "crashing-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crashing\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[tamperscope.detectors]\ncrash = crashing:Crashing\n")
    shutil.copy(Path(__file__).with_name("crashing.py"), site)
    script = site / "script.py"
    script.write_text(
        "import sys, tamperscope\n"
        "if __name__ == '__main__':\n"
        "    for outcome in tamperscope.scan(sys.argv[1], 'crash', workers=2):\n"
        "        print(outcome.path.name, outcome.error or 'fine')\n"
    )
    for index in range(6):
        (folder / f"more{index}.jpg").write_bytes(photos.awkward("photo.jpg"))
    result = subprocess.run(
        [sys.executable, str(script), str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(site)},
        timeout=120,
    )
    lines = dict(line.split(" ", 1) for line in result.stdout.splitlines())
    assert len(lines) == 9, result.stderr
    assert "crashed or was killed" in lines.pop("plain.png")
    assert set(lines.values()) == {"fine"}


def test_the_public_name_is_the_same_function() -> None:
    assert tamperscope.scan is scan


def test_two_scans_into_one_folder_lose_nothing(tmp_path: Path) -> None:
    for side, quality in (("1", 60), ("2", 70)):
        (tmp_path / side).mkdir()
        for index in range(8):
            data = photos.encode(photos.crop(48 + index, 64), "JPEG", quality=quality)
            (tmp_path / side / f"{index}.jpg").write_bytes(data)
    words = [sys.executable, "-m", "tamperscope", "scan", "--out", str(tmp_path / "out")]
    running = [subprocess.Popen([*words, str(tmp_path / side)], stdout=subprocess.DEVNULL) for side in "12"]
    assert [process.wait(60) for process in running] == [0, 0]
    assert len(list((tmp_path / "out").glob("*/result.json"))) == 16
    assert not list((tmp_path / "out").rglob(".*"))


def test_scans_that_end_apart_keep_all_failures(tmp_path: Path) -> None:
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(b"no photo")
    first, second = (scan(tmp_path / f"{side}.jpg", "ela", out=tmp_path / "out") for side in "12")
    for going in (first, second, first, second):
        next(going, None)
    assert [Path(name).name for name in read_failures(tmp_path / "out")] == ["1.jpg", "2.jpg"]
    (tmp_path / "1.jpg").write_bytes(photos.encode(photos.crop(48, 64), "JPEG"))
    list(scan(tmp_path, "ela", out=tmp_path / "out"))
    assert [Path(name).name for name in read_failures(tmp_path / "out")] == ["2.jpg"]


@pytest.mark.parametrize("name", ["elaa", "crf", "noi"])
def test_fields_of_what_does_not_run_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidParameter, match=f"fields are given for {name}, which does not run"):
        scan(tmp_path, "ela", fields={name: {"quality": 95}})


def test_a_file_that_is_analysed_later_from_elsewhere_failed_no_longer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = photos.encode(photos.scene(), "JPEG")
    (folder / "cut.jpg").write_bytes(data[: len(data) // 2])
    monkeypatch.chdir(folder)
    list(scan("cut.jpg", out="out", detectors=("ela",)))
    assert list(read_failures(folder / "out")) == [str(folder / "cut.jpg")]
    list(scan(f"../{folder.name}/cut.jpg", out="out", detectors=("ela",)))
    assert list(read_failures(folder / "out")) == [str(folder / "cut.jpg")]
    list(scan(folder / "cut.jpg", out="out", detectors=("ela",), salvage=True))
    assert not read_failures(folder / "out")


def test_no_photo_takes_the_place_of_the_list_of_failures(tmp_path: Path) -> None:
    (tmp_path / "Failures.json.png").write_bytes(photos.encode(photos.crop(48, 64)))
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    good = [one for one in scan(tmp_path, "ela", out=tmp_path / "out") if one.folder]
    assert [one.folder.name for one in good if one.folder] == ["photo"]
    assert list(read_failures(tmp_path / "out")) == [str(tmp_path / "bad.jpg")]
    (again,) = (one for one in scan(tmp_path, "ela", out=tmp_path / "out", resume=True) if one.folder)
    assert again.resumed


def test_a_list_of_failures_that_nobody_can_read_is_made_anew(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "failures.json").write_text("[" * 200_000)
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    list(scan(folder / "bad.jpg", out=folder / "out"))
    assert list(read_failures(folder / "out")) == [str(folder / "bad.jpg")]
