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
