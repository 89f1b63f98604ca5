import io
import json
from typing import Any

import jsonschema
import numpy as np
import pypdf
import pytest
from PIL import Image

import photos
from services import Service
from tamperscope import scan
from tamperscope.report.json import schema


@pytest.fixture(scope="module")
def done(service: Service) -> dict[str, Any]:
    """A forged photo, analysed by two detectors."""
    (taken,) = service.send(("forged.jpg", photos.spliced()[0]), detectors=["ela,adjpeg"])
    assert taken["status"] == "queued"
    found = service.ended(taken["id"])
    assert found["status"] == "done", found
    return found


def same(record: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on where a photo was analysed."""
    detections = [{**one, "seconds": 0} for one in record["detections"]]
    return {**record, "path": "", "evidence_sheet": [], "detections": detections}


def test_the_result_is_that_of_a_scan(done: dict[str, Any], tmp_path: Any) -> None:
    (tmp_path / "forged.jpg").write_bytes(photos.spliced()[0])
    (outcome,) = scan(tmp_path / "forged.jpg", ["ela", "adjpeg"])
    assert outcome.record
    assert same(done["result"]) == same(outcome.record)
    assert done["result"]["path"] == done["name"] == "forged.jpg"
    assert (done["verdict"], done["score"]) == ("manipulated", outcome.score)
    jsonschema.validate(done["result"], schema())
    assert done["created"] <= done["started"] <= done["finished"]


def test_its_pictures_are_served(service: Service, done: dict[str, Any]) -> None:
    size = done["result"]["width"], done["result"]["height"]
    assert len(done["maps"]) == 6
    for url in done["maps"]:
        answer = service.client.get(url)
        assert answer.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(answer.content)).size == size
    mask = service.client.get(f"/v1/analyses/{done['id']}/maps/adjpeg/mask").content
    assert set(np.unique(np.asarray(Image.open(io.BytesIO(mask))))) == {0, 255}
    sheet = service.client.get(f"/v1/analyses/{done['id']}/evidence")
    assert sheet.headers["content-type"] == "image/png"


def test_the_page_stripes_what_was_not_judged(service: Service, done: dict[str, Any]) -> None:
    folder = service.data / "analyses"
    (judged,) = folder.rglob(f"*{done['id']}*/**/adjpeg.judged.png")
    answer = service.client.get(f"/analyses/{done['id']}/adjpeg.layer.png")
    layer = np.asarray(Image.open(io.BytesIO(answer.content)))
    valid = np.asarray(Image.open(judged)) > 0
    assert layer.shape == (*valid.shape, 4)
    assert 0.05 < (layer[~valid][:, 3] == 255).mean() < 0.3  # stripes, and nothing between them
    assert set(np.unique(layer[~valid][:, 3])) == {0, 255}
    assert "stripes: not judged" in service.client.get(f"/analyses/{done['id']}").text


def test_a_detector_without_weights_is_not_offered(service: Service) -> None:
    names = {one["name"] for one in service.client.get("/v1/detectors").json()}
    assert "fusion" in names
    assert "mantranet" not in names
    answer = service.client.post(
        "/v1/analyses", files=[("files", ("a.png", b"x"))], data={"detectors": "mantranet"}
    )
    assert answer.status_code == 422
    assert "there is no 'mantranet' among the detectors" in answer.text


def test_its_report_comes_in_each_form(service: Service, done: dict[str, Any]) -> None:
    url = f"/v1/analyses/{done['id']}/report"
    page = service.client.get(url)
    assert "attachment" in page.headers["content-disposition"]
    assert "forged.jpg" in page.text
    assert "data:image/jpeg" in page.text
    pdf = service.client.get(url, params={"format": "pdf"})
    found = pypdf.PdfReader(io.BytesIO(pdf.content))
    assert "forged.jpg" in found.pages[0].extract_text()
    assert found.metadata
    assert found.metadata.title == "forged.jpg"
    assert "<h1>forged.jpg</h1>" in page.text
    assert "result.json" not in page.text
    record = service.client.get(url, params={"format": "json"}).json()
    assert record == [done["result"]]


def test_several_photographs_in_one_upload_end_each(service: Service) -> None:
    good = photos.encode(photos.crop(64, 96), "JPEG")
    taken = service.send(("a.jpg", good), ("b.png", b"no picture"), ("a.jpg", good))
    found = [service.ended(one["id"]) for one in taken]
    assert [one["status"] for one in found] == ["done", "failed", "done"]
    assert [one["name"] for one in found] == ["a.jpg", "b.png", "a.jpg"]
    assert found[1]["error"].startswith("b.png: not a picture")
    assert found[1]["result"] is None
    assert service.client.get(f"/v1/analyses/{taken[1]['id']}/report").status_code == 409


def test_a_truncated_photo_is_salvaged_if_asked_for(service: Service) -> None:
    part = photos.encode(photos.crop(128, 128), "JPEG")[:-900]
    (plain,), (salvaged,) = (service.send(("part.jpg", part), salvage=how) for how in ("false", "true"))
    assert "cut off" in service.ended(plain["id"])["error"]
    assert service.ended(salvaged["id"])["status"] == "done"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\me.jpg", "me.jpg"),
        ("/abs.jpg", "abs.jpg"),
        ("..", "photo"),
        ("<script>alert(1)<b>.jpg", "<script>alert(1)<b>.jpg"),
        ("line\nbreak\u202egpj.exe", None),
        ("a" * 900 + ".jpg", None),
        ("日本.jpg", "日本.jpg"),
    ],
)
def test_no_name_from_a_client_is_a_path(service: Service, sent: str, kept: str | None) -> None:
    before = set(service.data.rglob("*.sent"))
    (taken,) = service.send((sent, photos.encode(photos.crop(32, 32), "JPEG")))
    found = service.ended(taken["id"])
    if kept:
        assert found["name"] == kept
    assert len(found["name"]) <= 200
    assert "\n" not in found["name"]
    new = set(service.data.rglob("*.sent")) - before
    assert [path.parent.name for path in new] == [taken["id"]]
    page = service.client.get(f"/analyses/{taken['id']}").text
    assert "<script>alert" not in page


def test_what_is_deleted_is_gone_with_its_files(service: Service) -> None:
    (taken,) = service.send(("gone.jpg", photos.encode(photos.crop(32, 32), "JPEG")))
    service.ended(taken["id"])
    url = f"/v1/analyses/{taken['id']}"
    assert service.client.delete(url).status_code == 204
    assert service.client.get(url).status_code == 404
    assert service.client.delete(url).status_code == 404
    assert not list(service.data.rglob(taken["id"]))


def test_history_is_searched_and_read_page_by_page(service: Service) -> None:
    tiny = photos.encode(photos.crop(16, 16), "JPEG")
    taken = service.send(*((f"page {number}.jpg", tiny) for number in range(3)))
    for one in taken:
        service.ended(one["id"])
    first = service.client.get("/v1/analyses", params={"text": "PAGE", "limit": 2}).json()
    assert [one["name"] for one in first["analyses"]] == ["page 2.jpg", "page 1.jpg"]
    assert first["analyses"][0]["result"] is first["analyses"][0]["maps"] is None
    rest = service.client.get("/v1/analyses", params={"text": "page", "before": first["next"]}).json()
    assert [one["name"] for one in rest["analyses"]] == ["page 0.jpg"]
    assert rest["next"] is None
    failed = service.client.get("/v1/analyses", params={"status": "failed", "text": "page"}).json()
    assert failed["analyses"] == []


def test_what_does_not_fit_is_refused_before_anything_is_kept(service: Service) -> None:
    def kept() -> int:
        return len(list(service.data.rglob("*.sent")))

    tiny = ("a.jpg", photos.encode(photos.crop(16, 16), "JPEG"))
    before = kept()
    post = service.client.post
    assert post("/v1/analyses").status_code == 422
    assert post("/v1/analyses", content=b"x", headers={"content-type": "text/plain"}).status_code == 422
    answer = post("/v1/analyses", files=[("files", tiny)], data={"detectors": "nothing"})
    assert answer.status_code == 422
    assert "nothing" in answer.json()["detail"]
    assert post("/v1/analyses", files=[("files", tiny)] * 6).status_code == 413
    big = ("files", ("big.jpg", bytes(2**20 + 1)))
    assert post("/v1/analyses", files=[("files", tiny), big]).status_code == 413
    assert kept() == before


def test_what_is_not_there_is_not_found(service: Service, done: dict[str, Any]) -> None:
    get = service.client.get
    assert get("/v1/analyses/" + 32 * "0").status_code == 404
    assert get(f"/v1/analyses/{done['id']}/maps/noi/mask").status_code == 404
    for odd in ("../../x", "%2e%2e", "ela%00", "a.b"):
        assert get(f"/v1/analyses/{done['id']}/maps/{odd}/mask").status_code in (404, 422)
    assert get(f"/v1/analyses/{done['id']}/maps/ela/../../x").status_code == 404
    assert get("/static/../app.py").status_code == 404
    assert get("/static/%2e%2e/app.py").status_code == 404


def test_a_picture_whose_file_is_lost_is_gone(service: Service) -> None:
    (taken,) = service.send(("lost.jpg", photos.encode(photos.crop(32, 32), "JPEG")))
    found = service.ended(taken["id"])
    for path in (*service.data.rglob(f"{taken['id']}/photo/*"), *service.data.rglob(f"{taken['id']}/*.*")):
        path.unlink()
    for url in (*found["maps"], f"/v1/analyses/{taken['id']}/report", f"/analyses/{taken['id']}"):
        answer = service.client.get(url)
        assert answer.status_code in (409, 410), url
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_detectors_are_not_chained_without_end(service: Service) -> None:
    tiny = [("files", ("a.jpg", photos.encode(photos.crop(16, 16), "JPEG")))]
    for many in ("ela" + 3 * "+smooth", ",".join(f"ela+smooth{n}" for n in range(99))):
        answer = service.client.post("/v1/analyses", files=tiny, data={"detectors": many})
        assert answer.status_code == 422


def test_not_every_combination_of_detectors_is_analysed_at_once(service: Service) -> None:
    tiny = [("files", ("a.jpg", photos.encode(photos.crop(16, 16), "JPEG")))]
    refined = ("", "+smooth", "+crf", "+bayes", "+smooth+crf", "+crf+smooth")
    every = ",".join(one["name"] for one in service.client.get("/v1/detectors").json())
    many = ",".join(name + more for name in every.split(",") for more in refined)
    answer = service.client.post("/v1/analyses", files=tiny, data={"detectors": many})
    assert answer.status_code == 422
    assert "ask for fewer" in answer.json()["detail"]
    (taken,) = service.send(*(one for _, one in tiny), detectors=every)  # each alone may be
    service.client.delete(f"/v1/analyses/{taken['id']}")


def test_the_service_tells_of_itself(service: Service, done: dict[str, Any]) -> None:
    assert service.client.get("/healthz").json()["status"] == "ok"
    names = {one["name"] for one in service.client.get("/v1/detectors").json()}
    assert {"fusion", "ela", "auto"} <= names
    told = service.client.get("/metrics").text
    assert 'tamperscope_analyses{status="done"}' in told
    assert "tamperscope_workers 1.0" in told
    assert 'route="/v1/analyses/{id}"' in told
    assert json.loads(service.client.get("/openapi.json").text)["info"]["title"] == "Tamperscope"
    assert service.client.get("/docs").status_code == 404
