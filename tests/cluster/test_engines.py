"""Processes and Ray over the same collections. Ray takes seconds to start, so that all tests share one."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collections_made import ODD, table, tiny, uris, write_photos
from photos import crop, encode
from tamperscope import plugins
from tamperscope.cluster import engines
from tamperscope.cluster.collection import Tally, scan_collection
from tamperscope.cluster.engines import Engine, Processes, Ray
from tamperscope.cluster.work import Batch, Done
from tamperscope.errors import InvalidParameter, OutputError
from tamperscope.scanning.photo import Plan

CRASHING = Path(__file__).parent.parent / "scanning" / "crashing.py"
ELA = Plan(("ela",))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that is on every process's path, with a detector that dies on PNG files."""
    site = tmp_path_factory.mktemp("site")
    info = site / "crashing-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crashing\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[tamperscope.detectors]\ncrash = crashing:Crashing\n")
    shutil.copy(CRASHING, site)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        helpers = str(Path(__file__).parent.parent)
        paths = [str(site), helpers, *filter(None, [os.getenv("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        caches: list[Any] = [plugins._third_party, plugins.names]
        for cache in caches:
            cache.cache_clear()
        yield site
        for cache in caches:
            cache.cache_clear()


@pytest.fixture(scope="session")
def ray_engine(site: Path) -> Iterator[Engine]:
    pytest.importorskip("ray")
    with Ray(2) as engine:
        yield engine


@pytest.fixture(params=["processes", "ray"])
def engine(request: pytest.FixtureRequest, site: Path) -> Engine:
    if request.param == "processes":
        return Processes(2)
    engine: Engine = request.getfixturevalue("ray_engine")
    return engine


def without_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in ("seconds", "record")} for row in rows]


def test_both_engines_make_the_same_tables_and_resume(engine: Engine, tmp_path: Path) -> None:
    photos, out = write_photos(tmp_path / "photos", 20), tmp_path / "out"
    (photos / ODD).write_bytes(tiny(20))
    (photos / "bad.jpg").write_bytes(b"text")
    tally = scan_collection([str(photos)], str(out), engine, ELA, size=4)
    assert tally == Tally(analysed=21, failed=1)
    assert scan_collection([str(photos)], str(out), engine, ELA, resume=True) == Tally(failed=1, resumed=21)
    one = tmp_path / "one"
    scan_collection([str(photos)], str(one), Processes(1), ELA)
    assert without_time(table(one)) == without_time(table(out))
    assert uris(one, "failures") == uris(out, "failures") == [(photos / "bad.jpg").as_uri()]


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_photo_that_kills_its_worker_costs_only_itself(engine: Engine, tmp_path: Path) -> None:
    photos, out = write_photos(tmp_path / "photos", 9), tmp_path / "out"
    (photos / "deadly.png").write_bytes(encode(crop(16, 16)))
    tally = scan_collection([str(photos)], str(out), engine, Plan(("crash",)), size=5)
    assert tally == Tally(analysed=9, failed=1)
    assert len(uris(out)) == len(set(uris(out))) == 9
    assert uris(out, "failures") == [(photos / "deadly.png").as_uri()]


def test_through_fsspec_in_other_processes(engine: Engine, tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", 5)
    out = f"local://{tmp_path}/out"
    assert scan_collection([f"local://{tmp_path}/photos"], out, engine, ELA) == Tally(analysed=5)
    assert uris(out) == [f"local://{tmp_path}/photos/{index:04}.jpg" for index in range(5)]


def test_an_error_ends_the_run(engine: Engine, tmp_path: Path) -> None:
    photos, out = write_photos(tmp_path / "photos", 5), tmp_path / "out"
    scan_collection([str(photos / "0000.jpg")], str(out), engine, ELA)
    shutil.rmtree(out / "maps")
    (out / "maps").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        scan_collection([str(photos)], str(out), engine, ELA, resume=True)
    assert len(uris(out)) == 1


def broken(batch: Batch) -> Done:
    raise ImportError("no tamperscope here")


def numbered(batch: Batch) -> Done:
    return Done(batch, analysed=int(batch.uris[0]))


def test_ray_is_fed_only_as_fast_as_it_works(ray_engine: Engine) -> None:
    taken = []

    def batches() -> Iterator[Batch]:
        for number in range(1000):
            taken.append(number)
            yield Batch((str(number),))

    results = ray_engine.run(numbered, batches())
    next(results)
    assert len(taken) <= 5
    results.close()  # type: ignore[attr-defined]


def test_a_worker_that_cannot_begin_is_told(ray_engine: Engine) -> None:
    (done,) = ray_engine.run(broken, [Batch(("a",))])
    assert "no tamperscope here" in str(done.error)
    assert not done.lost


def test_no_ray_and_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent:
        def is_initialized(self) -> bool:
            return False

        def init(self, **options: Any) -> None:
            assert options["address"] == "nowhere:1"
            raise ConnectionError("nobody answers")

    monkeypatch.setenv("RAY_ADDRESS", "nowhere:1")
    monkeypatch.setitem(sys.modules, "ray", Absent())
    with pytest.raises(InvalidParameter, match=r"cannot be reached at nowhere:1 \(nobody answers\)"):
        list(Ray().run(numbered, [Batch(("1",))]))
    assert list(Ray().run(numbered, [])) == [], "which needs no cluster"
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InvalidParameter, match="pip install"):
        engines.Ray()
