import asyncio
import socket
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

import framed
import photos
from services import Service, start_service
from tamperscope.cli import app
from tamperscope.serving.crew import Crew
from tamperscope.serving.guard import Guard
from tamperscope.serving.meters import Meters
from tamperscope.serving.pages import of_problem
from tamperscope.serving.settings import Settings
from tamperscope.serving.store import open_store


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that asks for a token."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "tokens").write_text("first-token\nsecond-token\n")
    found = start_service(
        folder / "data",
        "--token-file",
        str(folder / "tokens"),
        "--queue",
        "2",
        "--allow-host",
        "Photos.Example.org:443",
    )
    yield found
    found.stop()


def test_every_answer_has_the_headers_that_keep_a_page_to_itself(service: Service) -> None:
    for path in ("/", "/v1/analyses", "/healthz", "/nothing", "/static/style.css"):
        headers = service.client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert ("no-store" in headers["cache-control"]) is (not path.startswith("/static/"))


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", ""]
)
def test_other_names_are_not_answered_to(service: Service, host: str) -> None:
    assert service.client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_from_elsewhere_change_nothing(service: Service, headers: dict[str, str]) -> None:
    files = {"files": ("a.jpg", photos.encode(photos.crop(16, 16), "JPEG"))}
    assert service.client.post("/v1/analyses", files=files, headers=headers).status_code == 403
    assert service.client.delete("/v1/analyses/" + 32 * "0", headers=headers).status_code == 403


def test_too_long_a_body_is_refused_whether_it_says_so_or_not(service: Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    head = f"Host: {host}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 99999999"
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(f"POST /v1/analyses HTTP/1.1\r\n{head}\r\n\r\n".encode())
        assert b" 413 " in connection.recv(100)

    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(8):
            yield bytes(2**20)

    content = {"content-type": "multipart/form-data; boundary=x"}
    answer = service.client.post("/v1/analyses", content=endless(), headers=content)
    assert answer.status_code == 413


def test_a_form_of_many_or_long_fields_is_refused(service: Service) -> None:
    photo = ("files", ("a.jpg", b"photo"))
    for fields in ([str(number) for number in range(200)], ["x" * 5000]):
        answer = service.client.post("/v1/analyses", files=[photo], data={"detectors": fields})
        assert answer.status_code == 400, answer.text


def test_a_person_is_told_on_a_page(service: Service, locked: Service) -> None:
    person = {"accept": "text/html"}
    files = {"files": ("a.jpg", bytes(9 * 2**20))}
    refused = service.client.post("/", files=files, headers=person)
    assert (refused.status_code, refused.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert "The request has more bytes than are taken at once." in refused.text
    unknown = locked.client.post(
        "/", files={"files": ("a.jpg", b"a")}, headers=person, follow_redirects=False
    )
    assert (unknown.status_code, unknown.headers["location"]) == (303, "/login")
    assert service.client.post("/v1/analyses", files=files, headers=person).json()["detail"]


@pytest.mark.parametrize("options", [["--allow-host", "photos.example.org"], ["--host", "192.0.2.1"]])
def test_whoever_is_reached_from_elsewhere_asks_for_a_token(options: list[str], tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["serve", "--data", str(tmp_path), *options])
    assert answer.exit_code == 2
    assert "others reach it: give --token-file" in framed.unframed(answer.output)


def test_what_is_no_upload_may_be_small_alone(service: Service) -> None:
    assert service.client.post("/login", data={"token": 20_000 * "x"}).status_code == 413


def test_forms_are_read_as_utf8_alone(service: Service) -> None:
    form = "multipart/form-data; boundary=x"
    for more in ("charset=punycode", "charset =punycode", "charset=utf-8; charset=punycode"):
        kind = {"content-type": f"{form}; {more}"}
        assert service.client.post("/v1/analyses", content=b"--x--", headers=kind).status_code == 415
    twice = [("content-type", f"{form}; charset=punycode"), ("content-type", form)]
    assert service.client.post("/v1/analyses", content=b"--x--", headers=twice).status_code == 415
    kind = {"content-type": f'{form}; charset="UTF-8"'}
    assert service.client.post("/v1/analyses", content=b"--x--", headers=kind).status_code != 415


def test_an_odd_cookie_beside_ours_signs_nobody_out(locked: Service) -> None:
    answer = httpx.post(f"{locked.url}/login", data={"token": "first-token"})
    given = answer.headers["set-cookie"].split(";")[0]
    headers = {"cookie": f'prefs={{"a": 1}}; {given}'}
    assert locked.client.get("/v1/analyses", headers=headers).status_code == 200
    stolen = {"authorization": f"Bearer {given.partition('=')[2]}"}
    assert httpx.get(f"{locked.url}/v1/analyses", headers=stolen).status_code == 401


def test_without_a_token_nothing_is_told(locked: Service) -> None:
    get = locked.client.get
    assert get("/healthz").status_code == 200
    for path in ("/v1/analyses", "/metrics", "/openapi.json", "/v1/detectors", "/analyses/" + 32 * "0"):
        answer = get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    for wrong in (
        b"Bearer nothing",
        b"Bearer",
        b"Basic first-token",
        b"Bearer first-token2",
        b"Bearer \xc3\xa9",
    ):
        assert get("/v1/analyses", headers=[(b"authorization", wrong)]).status_code == 401
    for right in ("first-token", "second-token"):
        assert get("/v1/analyses", headers={"authorization": f"Bearer {right}"}).status_code == 200


def test_a_person_signs_in_and_out(locked: Service) -> None:
    with httpx.Client(base_url=locked.url, headers={"accept": "text/html"}) as person:
        assert person.get("/").headers["location"] == "/login"
        assert "Sign in" in person.get("/login").text
        assert person.post("/login", data={"token": "guess"}).status_code == 401
        cookie = person.post("/login", data={"token": "first-token"}).headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "first-token" not in cookie
        assert "Analyses" in person.get("/").text
        person.post("/logout")
        assert person.get("/").headers["location"] == "/login"


def test_who_signs_in_on_the_way_to_an_analysis_gets_there_and_nowhere_else(locked: Service) -> None:
    wanted = f"/analyses/{32 * 'a'}"
    with httpx.Client(base_url=locked.url, headers={"accept": "text/html"}) as person:
        asked = person.get(wanted).headers["location"]
        assert asked == f"/login?next={wanted}"
        assert f'href="{wanted}"' in person.get(asked).text
        for further, place in ((wanted, wanted), ("//evil.example", "/"), (f"{wanted}/../..", "/")):
            assert (further in person.get("/login", params={"next": further}).text) == (further == place)
            wrong = person.post("/login", data={"token": "guess", "next": further})
            assert (further in wrong.text) == (further == place)
            right = person.post("/login", data={"token": "first-token", "next": further})
            assert right.headers["location"] == place
            person.cookies.clear()


def test_too_many_that_wait_are_refused_with_a_word_when(locked: Service) -> None:
    locked.client.headers["authorization"] = "Bearer first-token"
    slow = photos.encode(photos.scene("coffee").repeat(4, 0).repeat(4, 1), "JPEG")
    files = [("files", ("a.jpg", slow))]
    assert locked.client.post("/v1/analyses", files=3 * files).status_code == 413
    answers = [locked.client.post("/v1/analyses", files=2 * files) for _ in range(3)]
    refused = [one for one in answers if one.status_code == 429]
    assert refused
    assert refused[0].headers["retry-after"]
    told = locked.client.get("/metrics").text
    assert f"tamperscope_refused_total {2.0 * len(refused)}" in told
    assert len(list(locked.data.rglob("*.sent"))) == 2 * (3 - len(refused))
    del locked.client.headers["authorization"]


def test_a_name_that_is_allowed_is_known_however_it_is_written(locked: Service) -> None:
    for name in ("photos.example.org", "PHOTOS.example.org:8443"):
        assert locked.client.get("/healthz", headers={"host": name}).status_code == 200


def test_the_folder_is_nobody_elses(locked: Service) -> None:
    for path in (locked.data, *Path(locked.data).rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_an_error_of_the_service_is_answered_with_its_headers(tmp_path: Path) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    settings = Settings(tmp_path)
    store = open_store(settings.url)
    meters = Meters(store, Crew(settings, store))
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "method": "GET", "path": "/healthz", "headers": [(b"host", b"localhost")]}
    asyncio.run(Guard(broken, settings, meters, of_problem)(scope, receive, send))
    store.engine.dispose()
    assert sent[0]["status"] == 500
    assert (b"x-content-type-options", b"nosniff") in sent[0]["headers"]
    assert b"error of the service" in sent[1]["body"]
    assert b'route="other",status="500"' in meters.text()


def test_what_can_be_read_has_a_head(service: Service) -> None:
    for url in (
        "/",
        "/healthz",
        "/v1/analyses",
        "/openapi.json",
        "/static/page.css",
        "/v1/analyses/" + 32 * "0",
    ):
        whole, head = service.client.get(url), service.client.head(url)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert head.headers["content-type"] == whole.headers["content-type"]
        assert head.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["what?", "50%25", "a#b"])
def test_the_database_lies_in_the_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    open_store(Settings(tmp_path / name).url).engine.dispose()
    assert (tmp_path / name / "tamperscope.sqlite").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]
