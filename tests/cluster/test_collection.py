import json
import os
from pathlib import Path
from typing import Any

import fsspec
import jsonschema
import pytest

from collections_made import ODD, Here, table, tiny, uris, write_photos
from photos import awkward, spliced
from tamperscope.cluster import collection, work
from tamperscope.cluster.collection import Tally, scan_collection
from tamperscope.cluster.places import locate
from tamperscope.cluster.stores import Local
from tamperscope.cluster.work import Job
from tamperscope.errors import CorruptFile, Defect, InvalidParameter, OutputError, UnreadableFile
from tamperscope.io.decode import Limits
from tamperscope.io.paths import hold
from tamperscope.report.json import schema
from tamperscope.scanning.photo import Plan

ELA = Plan(("ela",))


def scan(
    folder: Path | str | list[str], out: Path | str, engine: Here | None = None, **options: Any
) -> Tally:
    given = [str(folder)] if isinstance(folder, Path | str) else list(folder)
    plan = options.pop("plan", ELA)
    return scan_collection(given, str(out), engine or Here(), plan, size=options.pop("size", 4), **options)


def test_each_photo_has_a_row_a_record_and_maps(tmp_path: Path) -> None:
    photos, out = write_photos(tmp_path / "photos"), tmp_path / "out"
    (photos / ODD).write_bytes(tiny(20))
    tally = scan(photos, out)
    assert tally == Tally(analysed=11)
    assert tally.complete
    rows = table(out)
    assert [row["uri"] for row in rows] == sorted(path.as_uri() for path in photos.iterdir())
    for row in rows:
        record = json.loads(row["record"])
        jsonschema.validate(record, schema())
        assert record["path"] == row["uri"]
        assert (row["format"], row["width"], row["verdict"]) == ("JPEG", 64, "cannot tell")
        maps = out / "maps" / row["sha256"][:2] / row["sha256"]
        assert sorted(path.name for path in maps.iterdir()) == ["ela.heatmap.png", "ela.mask.png"]
    assert uris(out, "failures") == []
    assert not [path for path in out.rglob(".*") if path.name != ".lock"]


def test_nothing_is_done_twice_and_nothing_overlooked(tmp_path: Path) -> None:
    photos, out = write_photos(tmp_path / "photos"), tmp_path / "out"
    both = [str(photos), str(photos / "*.jpg")]
    assert scan(both, out).analysed == 10
    write_photos(photos, 13)
    before = table(out)
    engine = Here()
    assert scan(photos, out, engine, resume=True) == Tally(analysed=3, resumed=10)
    assert len(engine.worked) == 3
    after = table(out)
    assert [row for row in after if row in before] == before
    assert len({row["uri"] for row in after}) == len(after) == 13


def test_a_changed_file_is_analysed_again(tmp_path: Path) -> None:
    photos, out = write_photos(tmp_path / "photos"), tmp_path / "out"
    scan(photos, out)
    (photos / "0003.jpg").write_bytes(tiny(30))
    (photos / "0004.jpg").unlink()
    (tmp_path / "list.csv").write_text("path\n" + "".join(f"photos/{i:04}.jpg\n" for i in range(10)))
    engine = Here()
    assert scan(tmp_path / "list.csv", out, engine, resume=True) == Tally(analysed=1, resumed=9)
    assert engine.worked == [(photos / "0003.jpg").as_uri()]
    rows = table(out)
    assert len(rows) == 10, "what is gone keeps its row"
    assert rows[3]["bytes"] == len(tiny(30))


def test_failures_are_rows_and_tried_again(tmp_path: Path) -> None:
    photos, out = write_photos(tmp_path / "photos"), tmp_path / "out"
    (photos / "bad.jpg").write_bytes(b"text")
    (photos / "cut.jpg").write_bytes(tiny()[:-300])
    (photos / "large.jpg").write_bytes(tiny() + bytes(100_000))
    (photos / "lost.jpg").symlink_to("nowhere")
    plan = Plan(("ela",), limits=Limits(bytes=50_000))
    assert scan(photos, out, plan=plan) == Tally(analysed=10, failed=4)
    rows = table(out, "failures")
    assert [(Path(row["uri"]).name, row["error"]) for row in rows] == [
        ("bad.jpg", "UnsupportedFormat"),
        ("cut.jpg", "TruncatedFile"),
        ("large.jpg", "TooLarge"),
        ("lost.jpg", "UnreadableFile"),
    ]
    assert all(row["problem"] and row["remedy"] for row in rows)
    (photos / "bad.jpg").write_bytes(tiny(31))
    tally = scan(photos, out, resume=True)  # the limit is another one as well
    assert tally == Tally(analysed=2, failed=2, resumed=10)
    assert not tally.complete
    assert [Path(uri).name for uri in uris(out, "failures")] == ["cut.jpg", "lost.jpg"]
    assert len(uris(out)) == 12


def test_a_batch_that_kills_its_worker_costs_the_culprit_alone(tmp_path: Path) -> None:
    photos, out = write_photos(tmp_path / "photos"), tmp_path / "out"
    assert scan(photos, out, Here(deadly="0005")) == Tally(analysed=9, failed=1)
    assert len(uris(out)) == len(set(uris(out))) == 9
    (row,) = table(out, "failures")
    assert row["uri"].endswith("0005.jpg")
    assert "crashed or was killed" in row["problem"]
    assert scan(photos, out, resume=True) == Tally(analysed=1, resumed=9)
    assert (len(uris(out)), uris(out, "failures")) == (10, [])


def test_when_every_worker_dies_the_run_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "_MOST_LOST", 3)
    with pytest.raises(Defect, match=r"3 analyses in a row crashed.*--resume"):
        scan(write_photos(tmp_path / "photos"), tmp_path / "out", Here(deadly="jpg"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "holds this scan already; add --resume"),
        ({"plan": Plan(("noi",)), "resume": True}, "holds a scan with other detectors, fields, weights"),
        ({"plan": Plan(("ela",), fields={"ela": {"quality": 80}})}, "holds a scan with other fields"),
        ({"maps": False, "resume": True}, "holds a scan with other maps"),
    ],
)
def test_another_scan_in_the_same_place_is_refused(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    photos, out = write_photos(tmp_path / "photos", 2), tmp_path / "out"
    scan(photos, out)
    before = table(out)
    with pytest.raises(OutputError, match=words):
        scan(photos, out, **options)
    assert table(out) == before


def test_places_that_are_taken(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    with pytest.raises(OutputError, match="holds other files"):
        scan(photos, photos)
    with hold(tmp_path / "out", "scan"), pytest.raises(OutputError, match="another scan writes to it"):
        scan(photos, tmp_path / "out")
    (tmp_path / "out" / "scan.json").write_text("[]")
    with pytest.raises(OutputError, match="is damaged"):
        scan(photos, tmp_path / "out", resume=True)
    with pytest.raises(InvalidParameter, match="fields are given for noi"):
        scan(photos, tmp_path / "new", plan=Plan(("ela",), fields={"noi": {}}))
    assert not (tmp_path / "new").exists()


def test_a_worker_that_outlived_its_run_writes_nothing(tmp_path: Path) -> None:
    photos, out = write_photos(tmp_path / "photos", 3), tmp_path / "out"
    scan(photos, out)
    job = Job(ELA, str(out), "an earlier run")
    done = work.work(work.Batch(((photos / "0000.jpg").as_uri(),)), job)
    assert isinstance(done.error, OutputError)
    assert "another run writes to it" in str(done.error)
    assert len(uris(out)) == 3


def test_a_full_disk_ends_the_run_and_what_is_finished_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = write_photos(tmp_path / "photos"), tmp_path / "out"
    written = []

    def full(job: Job, digest: str, pictures: Any) -> None:
        written.append(digest)
        if len(written) > 5:
            raise OutputError("cannot be written (No space left on device)")

    with monkeypatch.context() as patch:
        patch.setattr(work, "_write_maps", full)
        with pytest.raises(OutputError, match="No space left"):
            scan(photos, out)
    assert len(uris(out)) == 4
    assert scan(photos, out, resume=True) == Tally(analysed=6, resumed=4)


def test_what_gives_no_photo_is_told_and_counted(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    problems: list[Any] = []
    told: list[int] = []
    tally = scan(
        [str(photos), str(tmp_path / "none")],
        tmp_path / "out",
        problem=problems.append,
        told=lambda tally: told.append(tally.analysed),
    )
    assert "no such file or folder" in str(*problems)
    assert (tally.unlisted, tally.complete, told) == (1, False, [2])


def test_photos_that_no_detector_can_judge_are_counted_also_when_resumed(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    (photos / "no.png").write_bytes(awkward("photo.png"))
    plan = Plan(("adjpeg",))
    assert scan(photos, out, plan=plan) == Tally(analysed=1, unjudged=1)
    assert scan(photos, out, plan=plan, resume=True) == Tally(resumed=1, unjudged=1)


def test_what_was_found_before_counts_when_a_run_is_resumed(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    (photos / "forged.jpg").write_bytes(spliced()[0])
    (photos / "no.png").write_bytes(awkward("photo.png"))
    plan = Plan(("dct", "adjpeg", "ela"))  # the first of which can judge no PNG and gives no score
    first = scan(photos, out, plan=plan)
    assert first.top is not None
    assert first == Tally(analysed=2, top=first.top)
    assert scan(photos, out, plan=plan, resume=True) == Tally(resumed=2, top=first.top)


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_names_that_are_no_text_cost_themselves_alone(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    (photos / os.fsdecode(b"o\xff.jpg")).write_bytes(tiny())
    problems: list[Any] = []
    found = scan(f"local://{photos}", tmp_path / "out", problem=problems.append)
    assert found == Tally(analysed=1, unlisted=1)
    assert "its name is no UTF-8" in str(*problems)
    with pytest.raises(InvalidParameter, match="no UTF-8"):
        scan(photos, tmp_path / os.fsdecode(b"o\xff"))


def test_one_failed_look_at_the_place_does_not_end_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tamperscope.cluster.stores.time.sleep", lambda seconds: None)
    read, failures = Local.read, iter([True, True, False])

    def now_and_then(store: Local, path: str, limit: int) -> tuple[bytes, str | None]:
        if path.endswith("scan.json") and next(failures):
            raise UnreadableFile("slow down", "")
        return read(store, path, limit)

    monkeypatch.setattr(Local, "read", now_and_then)
    photos = write_photos(tmp_path / "photos", 2)
    assert scan(photos, tmp_path / "out") == Tally(analysed=2)
    failures = iter(lambda: True, False)
    with pytest.raises(OutputError, match="cannot be read any more"):
        scan(photos, tmp_path / "other")


def test_a_refused_place_keeps_its_own_files(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    (photos / ".lock").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        scan(photos, photos)
    assert (photos / ".lock").read_text() == "mine"


def test_from_and_to_another_file_system() -> None:
    memory = fsspec.filesystem("memory")
    for index in range(5):
        memory.pipe_file(f"/photos/deep/{index}.jpg", tiny(index))
    memory.pipe_file("/photos/bad.jpg", b"text")
    assert scan("memory://photos", "memory://found") == Tally(analysed=5, failed=1)
    assert uris("memory://found") == [f"memory://photos/deep/{index}.jpg" for index in range(5)]
    memory.pipe_file("/photos/bad.jpg", tiny(7))
    memory.pipe_file("/photos/deep/3.jpg", tiny(8))
    assert scan("memory://photos", "memory://found", resume=True) == Tally(analysed=2, resumed=4)
    assert len(uris("memory://found")) == 6
    assert uris("memory://found", "failures") == []
    store, path = locate("memory://found/maps")
    assert len(list(store.inside(path))) >= 1


def test_damaged_tables_are_named(tmp_path: Path) -> None:
    photos, out = write_photos(tmp_path / "photos", 2), tmp_path / "out"
    scan(photos, out)
    (part,) = (out / "results").iterdir()
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(CorruptFile, match=part.name):
        scan(photos, out, resume=True)
    part.unlink()
    assert scan(photos, out, resume=True) == Tally(analysed=2)


def test_raw_maps_and_none(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    scan(photos, tmp_path / "raw", plan=Plan(("ela",), raw=True))
    assert len(list((tmp_path / "raw").rglob("ela.heatmap.npy"))) == 1
    scan(photos, tmp_path / "none", maps=False)
    assert sorted(os.listdir(tmp_path / "none")) == ["results", "scan.json"]  # noqa: PTH208
