"""Heatmaps in the cache: the same bits, only for the same question, and never in the way."""

from pathlib import Path

import numpy as np
import pytest

from detectors_made import build
from photos import crop, encode
from tamperscope import plugins
from tamperscope.detectors._base import Detector
from tamperscope.evaluation import cache
from tamperscope.evaluation.cache import Cache, code_digest
from tamperscope.io.decode import decode
from tamperscope.types import Photo


@pytest.fixture
def photo() -> Photo:
    return decode(encode(crop(97, 130), "JPEG"))


@pytest.fixture(params=plugins.names("detectors", own=True))
def detector(request: pytest.FixtureRequest) -> Detector:
    return build(request.param)


def test_what_is_kept_is_what_was_found(detector: Detector, photo: Photo, tmp_path: Path) -> None:
    kept = Cache(tmp_path)
    (found, before), (again, after) = kept.localize(detector, photo), kept.localize(detector, photo)
    assert (before, after) == (False, True)
    assert found.localization
    assert again.localization
    assert again.localization.heatmap.tobytes() == found.localization.heatmap.tobytes()
    assert again.localization.heatmap.dtype == np.float32
    assert again.localization.score == found.localization.score
    assert again.localization.reason == found.localization.reason
    assert again.threshold == found.threshold
    if found.localization.valid is None:
        assert again.localization.valid is None
    else:
        np.testing.assert_array_equal(again.localization.valid, found.localization.valid)


def test_not_applicable_is_kept_too(tmp_path: Path) -> None:
    png, kept = decode(encode(crop(64, 64))), Cache(tmp_path)
    detector = plugins.build("detectors", "adjpeg")
    assert [kept.localize(detector, png)[1] for _ in range(2)] == [False, True]
    found, _ = kept.localize(detector, png)
    assert found.localization is None
    assert "JPEG" in found.missing


def test_another_photo_field_or_code_is_another_question(
    photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, detector = Cache(tmp_path), plugins.build("detectors", "ela")
    kept.localize(detector, photo)
    assert kept.localize(detector, photo)[1]
    assert not kept.localize(plugins.build("detectors", "ela", quality=80), photo)[1]
    assert not kept.localize(detector, decode(encode(crop(97, 130), "JPEG", quality=89)))[1]
    monkeypatch.setattr(cache, "code_digest", lambda name: "changed")
    assert not kept.localize(detector, photo)[1]


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"nonsense"])
def test_what_is_damaged_is_found_again(photo: Photo, tmp_path: Path, damage: bytes) -> None:
    kept, detector = Cache(tmp_path), plugins.build("detectors", "ela")
    kept.localize(detector, photo)
    (path,) = tmp_path.rglob("*.npz")
    whole = path.read_bytes()
    for content in (damage, whole[: len(whole) // 2], whole[:100] + bytes(len(whole) - 100)):
        path.write_bytes(content)
        assert not kept.localize(detector, photo)[1]
        assert path.read_bytes() == whole


def test_a_pickle_is_never_loaded(photo: Photo, tmp_path: Path) -> None:
    kept, detector = Cache(tmp_path), plugins.build("detectors", "ela")
    kept.localize(detector, photo)
    (path,) = tmp_path.rglob("*.npz")
    with path.open("wb") as file:
        np.savez(file, facts=np.array([{"a": 1}], dtype=object))
    assert not kept.localize(detector, photo)[1]


def test_code_is_a_detector_s_own_and_what_all_share(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {path.name for path in cache._sources("auto")}
    assert names >= {
        "auto.py",
        "fusion.py",
        "adjpeg.py",
        "noi.py",
        "_base.py",
        "types.py",
        "decode.py",
        "dct.py",
    }
    assert "ela.py" not in names
    assert {"fusion_open.py", "fusion.py"} <= {path.name for path in cache._sources("fusion_open")}
    assert len({code_digest(name) for name in plugins.names("detectors", own=True)}) == len(
        plugins.names("detectors", own=True)
    )
