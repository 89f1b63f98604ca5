import os
import time
from pathlib import Path

from tamperscope.serving.places import Places, clear
from tamperscope.serving.store import new_id


def test_what_an_upload_left_half_way_goes_and_no_analysis_ever(tmp_path: Path) -> None:
    old, young, kept = (new_id() for _ in range(3))
    for places in (
        Places.arriving(tmp_path, old),
        Places.arriving(tmp_path, young),
        Places.of(tmp_path, kept),
    ):
        places.folder.mkdir(parents=True)
        places.sent.write_bytes(b"photo")
    past = time.time() - 7200
    for places in (Places.arriving(tmp_path, old), Places.of(tmp_path, kept)):
        os.utime(places.folder, (past, past))
    clear(tmp_path)
    assert not Places.arriving(tmp_path, old).folder.exists()
    assert Places.arriving(tmp_path, young).sent.exists()
    assert Places.of(tmp_path, kept).sent.exists()


def test_what_a_worker_wrote_after_its_analysis_was_forgotten_goes(tmp_path: Path) -> None:
    key, other = new_id(), new_id()
    Places.arriving(tmp_path, key).folder.mkdir(parents=True)
    for one in (key, other):
        Places.of(tmp_path, one).results.mkdir(parents=True)
    clear(tmp_path)
    assert Places.of(tmp_path, key).folder.exists()
    past = time.time() - 7200
    os.utime(Places.arriving(tmp_path, key).folder, (past, past))
    clear(tmp_path)
    assert not Places.of(tmp_path, key).folder.exists()
    assert Places.of(tmp_path, other).folder.exists()
