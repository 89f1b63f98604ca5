"""Reports are made apart, and what is broken or full holds nobody up."""

import asyncio
import errno
import signal
from dataclasses import replace
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from sqlalchemy import event
from sqlalchemy.exc import TimeoutError  # noqa: A004  of a pool of connections

import photos
from tamperscope import plugins
from tamperscope.errors import OutputError
from tamperscope.report.forms import Form
from tamperscope.scanning.photo import Outcome
from tamperscope.serving import desk as counter
from tamperscope.serving.app import build
from tamperscope.serving.crew import Crew
from tamperscope.serving.desk import Desk, cards
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
        with pytest.raises(HTTPException, match="took too long") as met:
            asyncio.run(desk.report(key, Form.json, False))
        assert met.value.status_code == 503
        desk.settings = settings
        assert b"a.jpg" in asyncio.run(desk.report(key, Form.json, False))
    finally:
        desk.close()
        store.engine.dispose()


def test_a_report_that_cannot_be_made_leaves_no_timer_behind(tmp_path: Path) -> None:
    try:
        with pytest.raises(OutputError, match="holds no results"):
            counter._report(Places.of(tmp_path, new_id()), Form.json, False, Settings(tmp_path))
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_a_broken_plugin_is_not_offered_and_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    find = plugins._find

    def broken(kind: str, name: str) -> type[Any]:
        if name == "noi":
            raise ImportError("no module named x")
        return find(kind, name)

    monkeypatch.setattr(plugins, "_find", broken)
    counter._kind.cache_clear()
    try:
        for _ in range(2):
            assert "ela" in cards()
            assert "noi" not in cards()
    finally:
        counter._kind.cache_clear()
    assert [one.getMessage().partition(";")[0] for one in caplog.records] == [
        "the detector 'noi' cannot be loaded (ImportError: no module named x)"
    ]


async def sent(app: FastAPI, path: str, *bodies: bytes) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        return await client.post(path, files=[("files", (f"{'a' * 200}.jpg", body)) for body in bodies])


@pytest.mark.parametrize("path", ["/", "/v1/analyses"])
def test_a_database_that_takes_nothing_is_said(
    tmp_path: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = build(Settings(data=tmp_path))
    store = app.state.desk.store
    # As a full disk: SQLite says the same of a file that may not grow.
    event.listen(store.engine, "connect", lambda found, _: found.execute("PRAGMA max_page_count=1"))
    store.engine.dispose()  # the connections that were made before
    answer = asyncio.run(sent(app, path, *[b"photo"] * 20))
    store.engine.dispose()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert "he database cannot be used (database or disk is full)" in answer.text
    assert "database or disk is full" in caplog.text


def test_a_database_that_never_answers_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(*_: object, **__: object) -> None:
        raise TimeoutError("QueuePool limit reached, connection timed out")

    app = build(Settings(data=tmp_path))
    monkeypatch.setattr(app.state.desk.store, "add", waits)
    answer = asyncio.run(sent(app, "/v1/analyses", b"photo"))
    app.state.desk.store.engine.dispose()
    assert answer.status_code == 503
    assert "connection timed out" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/", "/v1/analyses"])
def test_a_disk_that_is_full_before_an_upload_is_whole_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def full(_: SpooledTemporaryFile[bytes]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SpooledTemporaryFile, "rollover", full)  # from memory to the disk
    app = build(Settings(data=tmp_path))

    answer = asyncio.run(sent(app, path, bytes(2**20 + 1)))
    app.state.desk.store.engine.dispose()
    assert answer.status_code == 507
    assert "hotographs cannot be kept: No space left on device" in answer.text
