"""Reports are made apart, and none holds the others up for ever."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import HTTPException

import photos
from tamperscope.report.forms import Form
from tamperscope.scanning.photo import Outcome
from tamperscope.serving.crew import Crew
from tamperscope.serving.desk import Desk
from tamperscope.serving.meters import Meters
from tamperscope.serving.places import Places
from tamperscope.serving.settings import Settings
from tamperscope.serving.store import new_id, open_store
from tamperscope.serving.work import analyse


def test_a_report_that_takes_too_long_is_given_up_and_the_next_one_made(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, detectors=("ela",))
    store = open_store(settings.url)
    desk = Desk(settings, store, Meters(store, Crew(settings, store)))
    key = new_id()
    places = Places.of(tmp_path, key)
    places.folder.mkdir(parents=True)
    places.sent.write_bytes(photos.encode(photos.crop(32, 32), "JPEG"))
    store.add([{"id": key, "name": "a.jpg", "size": 1, "detectors": ["ela"], "salvage": False}])
    claimed = store.claim("worker")
    assert claimed
    outcome: Outcome = analyse(claimed, places, settings)
    assert store.finish(key, "worker", outcome.record, None)
    try:
        desk.settings = replace(settings, seconds=1e-6)
        with pytest.raises(HTTPException, match="took too long"):
            asyncio.run(desk.report(key, Form.json, False))
        desk.settings = settings
        assert b"a.jpg" in asyncio.run(desk.report(key, Form.json, False))
    finally:
        desk.close()
        store.engine.dispose()
