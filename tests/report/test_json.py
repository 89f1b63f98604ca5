import json

import jsonschema
import numpy as np
import pytest

import photos
from tamperscope import plugins
from tamperscope.io.decode import decode
from tamperscope.report import json as report
from tamperscope.types import Localization, Region


def test_the_schema_is_a_schema_and_every_field_is_required() -> None:
    schema = report.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["required"]) == set(schema["properties"])


@pytest.mark.parametrize(
    "name", ["photo.jpg", "cmyk.jpg", "photo.png", "rotated.jpg", "animated.gif", "thumbnail.jpg"]
)
def test_records_follow_the_schema(name: str) -> None:
    photo = decode(photos.awkward(name))
    ela = plugins.build("detectors", "ela")
    answers = [
        report.detection(ela.localize(photo), 0.5, (Region(0, 0, 3, 4, 0.1, 0.9, 0.8),)),
        report.not_applicable(0.5, "nothing to see"),
    ]
    rest = {"name": "ela", "requested": "ela", "parameters": plugins.parameters(ela), "weights_digest": None}
    record = report.record(name, photo, [{**rest, **answer, "seconds": 0.1} for answer in answers])
    jsonschema.validate(record, report.schema())
    assert json.loads(report.dumps(record)) == record
    assert (record["jpeg"] is not None) == name.endswith(".jpg")


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (None, "cannot tell"),
        (0.0, "no evidence"),
        (0.49, "no evidence"),
        (0.5, "manipulated"),
        (1.0, "manipulated"),
    ],
)
def test_the_verdict_follows_the_score(score: float | None, verdict: str) -> None:
    result = Localization(np.ones((2, 2), np.float32), score)
    assert report.detection(result, 0.5, ())["verdict"] == verdict


@pytest.mark.parametrize(
    ("score", "verdict"),
    [(0.19, "no evidence"), (0.2, "cannot tell"), (0.49, "cannot tell"), (0.5, "manipulated")],
)
def test_a_doubtful_score_clears_nobody(score: float, verdict: str) -> None:
    result = Localization(np.ones((2, 2), np.float32), score)
    assert report.detection(result, 0.5, (), 0.2)["verdict"] == verdict


@pytest.mark.parametrize(("score", "verdict"), [(0.0, "cannot tell"), (0.5, "manipulated")])
def test_who_judged_no_place_clears_nobody(score: float, verdict: str) -> None:
    result = Localization(np.ones((2, 2), np.float32), score, np.zeros((2, 2), bool))
    assert report.detection(result, 0.5, ())["verdict"] == verdict


def test_maps_alone_lead_to_no_verdict_beside_scores() -> None:
    said = [("blk", None, "cannot tell"), ("fusion", 0.45, "cannot tell"), ("adjpeg", 0.1, "no evidence")]
    entries = [dict(zip(("name", "score", "verdict"), one, strict=True)) for one in said]
    assert report.leading({"detections": entries}) == ["fusion"]
    assert report.leading({"detections": entries[:1]}) == ["blk"]


def test_numbers_that_json_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        report.dumps({"score": float("nan")})


def test_output_is_ascii() -> None:
    assert report.dumps({"path": "é\u2028"}).isascii()
