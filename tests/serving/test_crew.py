"""What is lost when processes are killed: nothing."""

import os
import re
import signal
import time
from pathlib import Path

import httpx
import pytest

import photos
from services import Service, start_service
from tamperscope.serving.store import open_store

_JOBS = 50


def workers(service: Service) -> list[int]:
    """The processes that analyse: those that say so by how nice they are."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == service.process.pid and int(fields[16]) >= 10:
            found.append(int(entry.name))
    return found


def some_are_done(service: Service, most: int = _JOBS - 5) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        told = service.client.get("/metrics").text
        match = re.search(r'tamperscope_analyses{status="done"} (\d+)', told)
        if match and 3 <= int(match[1]) <= most:
            return
        time.sleep(0.05)
    raise TimeoutError("nothing is done, or everything")


def test_each_ends_once_though_a_worker_and_the_service_are_killed(database: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    service = start_service(data, "--database", database)
    photo = photos.encode(photos.crop(240, 320), "JPEG")
    taken = service.send(*((f"{number}.jpg", photo) for number in range(_JOBS)), detectors="ela,adjpeg,noi")
    names = [one["id"] for one in taken]
    some_are_done(service)
    killed = workers(service)
    assert killed
    for process in killed:
        os.kill(process, signal.SIGKILL)
    time.sleep(0.5)
    service.process.kill()
    service.process.wait()
    service.client.close()
    assert service.process.stderr
    service.process.stderr.close()
    store = open_store(database)
    before = {name: store.get(name) for name in names}
    store.engine.dispose()
    assert any(one and one.status != "done" for one in before.values()), "it was too fast to be killed"

    service = start_service(data, "--database", database)
    try:
        after = {name: service.ended(name) for name in names}
    finally:
        service.stop()
    assert {one["status"] for one in after.values()} == {"done"}
    for name, one in before.items():
        assert one
        if one.status == "done":  # it was not done again
            assert one.finished == pytest.approx(
                time.mktime(time.strptime(after[name]["finished"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone,
                abs=1.1,
            )
    assert sum(one["attempts"] for one in after.values()) <= _JOBS + 4


def test_what_takes_too_long_ends_and_holds_nobody_up(tmp_path: Path) -> None:
    service = start_service(tmp_path / "data", "--seconds", "1")
    try:
        slow = photos.encode(photos.scene("coffee").repeat(6, 0).repeat(6, 1), "JPEG")
        (first,) = service.send(("slow.jpg", slow), detectors="patchmatch,fusion,noi")
        (second,) = service.send(("quick.jpg", photos.encode(photos.crop(32, 32), "JPEG")))
        assert "longer than 1 seconds" in service.ended(first["id"])["error"]
        assert service.ended(second["id"])["status"] == "done"
    finally:
        service.stop()


def test_a_photo_that_is_deleted_while_it_is_analysed_holds_nobody_up(tmp_path: Path) -> None:
    service = start_service(tmp_path / "data", "--seconds", "2")
    try:
        slow = photos.encode(photos.scene("coffee").repeat(6, 0).repeat(6, 1), "JPEG")
        (first,) = service.send(("slow.jpg", slow), detectors="patchmatch,fusion,noi,adjpeg,nadjpeg,dct")
        url = f"/v1/analyses/{first['id']}"
        while service.client.get(url).json()["status"] == "queued":
            time.sleep(0.05)
        assert service.client.delete(url).status_code == 204
        assert (tmp_path / "data" / "arriving" / first["id"]).is_dir()  # whose worker may yet write, and die
        (waits,) = service.send(("waits.jpg", photos.encode(photos.crop(32, 32), "JPEG")))
        (gone,) = service.send(("gone.jpg", photos.encode(photos.crop(32, 32), "JPEG")))
        assert service.client.delete(f"/v1/analyses/{gone['id']}").status_code == 204
        assert service.ended(waits["id"])["status"] == "done"
        assert service.client.get(url).status_code == 404
    finally:
        service.stop()


def test_a_service_that_ends_leaves_no_process_and_nothing_half_done(tmp_path: Path) -> None:
    service = start_service(tmp_path / "data")
    photo = photos.encode(photos.crop(240, 320), "JPEG")
    taken = service.send(*((f"{number}.jpg", photo) for number in range(20)))
    some_are_done(service, 20)
    children = workers(service)
    assert children
    service.stop()
    assert service.process.returncode == 0
    for child in children:
        assert not Path(f"/proc/{child}").exists()
    store = open_store(f"sqlite:///{tmp_path / 'data' / 'tamperscope.sqlite'}")
    counts = store.counts()
    store.engine.dispose()
    assert set(counts) <= {"done", "queued"}
    assert sum(counts.values()) == len(taken)


def test_a_port_that_is_taken_is_said(service: Service, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from tamperscope.cli import app

    port = str(httpx.URL(service.url).port)
    result = CliRunner().invoke(app, ["serve", "--port", port, "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "cannot listen" in result.output
