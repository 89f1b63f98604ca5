import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import photos
from networks_made import card, write_network
from tamperscope.detectors._onnx import NetworkCard, open_weights
from tamperscope.errors import CorruptFile, InvalidParameter, TooLarge, UnreadableFile

NOTHING = np.zeros((0, 0, 3), np.uint8)


def test_a_card_survives_its_text() -> None:
    made = card(threshold=0.3, calibration=(1.5, -0.25), metrics={"test": {"pixel_auc": 0.5}})
    again = NetworkCard.loads(made.dumps())
    assert again.dumps() == made.dumps()
    assert again.threshold == 0.3


def test_it_runs_and_says_what_it_is(tmp_path: Path) -> None:
    trained = open_weights(write_network(tmp_path / "made.onnx"), "conv_lstm", threads=1)
    assert trained.card.variant == "made"
    assert trained.outputs == ("mask", "label")
    found = trained.judge(NOTHING)(np.full((2, 3, 64, 64), 0.25, np.float32))
    assert found["mask"] == pytest.approx(0.25)
    assert found["label"].shape == (2,)


def test_a_file_is_opened_once_until_it_changes(tmp_path: Path) -> None:
    path = write_network(tmp_path / "made.onnx")
    first = open_weights(path, "conv_lstm")
    assert open_weights(path, "conv_lstm") is first
    write_network(path, ["mask"])
    second = open_weights(path, "conv_lstm")
    assert second.outputs == ("mask",)
    assert second.digest != first.digest


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = write_network(tmp_path / "made.onnx")
    with pytest.raises(InvalidParameter, match="holds the network conv_lstm, not fcn"):
        open_weights(path, "fcn")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no network"),
        (b"\x80\x04\x95not a pickle that anyone loads", "holds no network"),
        (b"PK\x03\x04", "holds no network"),
    ],
)
def test_what_is_no_network_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "weights.onnx"
    path.write_bytes(content)
    with pytest.raises(CorruptFile, match=rf"weights\.onnx: it {reason}.*tamperscope export"):
        open_weights(path, "conv_lstm")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"network": 1}', card(threshold=7).dumps()])
def test_a_network_without_a_whole_card_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CorruptFile, match="holds no network"):
        open_weights(write_network(tmp_path / "made.onnx", text=text), "conv_lstm")


def test_a_missing_file_and_one_too_large_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"none\.onnx: no such file"):
        open_weights(tmp_path / "none.onnx", "conv_lstm")
    huge = tmp_path / "huge.onnx"
    with huge.open("wb") as file:
        file.truncate(2**30 + 1)
    with pytest.raises(TooLarge, match=r"huge\.onnx"):
        open_weights(huge, "conv_lstm")


def test_a_network_cannot_have_other_files_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_network(tmp_path / "made.onnx")
    model = onnx.load(path)
    outside = model.graph.initializer.add(name="secret", data_type=onnx.TensorProto.FLOAT, dims=[64, 64])
    outside.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "secret.bin"), ("offset", "0"), ("length", str(64 * 64 * 4))):
        outside.external_data.add(key=key, value=value)
    model.graph.node[1].output[0] = "mean"
    model.graph.node.add(op_type="Add", input=["mask", "secret"], output=["sum"])
    model.graph.node.add(op_type="ReduceMean", input=["sum"], output=["label"])
    model.graph.node[3].attribute.append(onnx.helper.make_attribute("axes", [1, 2]))
    model.graph.node[3].attribute.append(onnx.helper.make_attribute("keepdims", 0))
    path.write_bytes(model.SerializeToString())
    (tmp_path / "secret.bin").write_bytes(bytes(64 * 64 * 4))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorruptFile):
        open_weights(path, "conv_lstm")


@pytest.mark.parametrize("calibration", [["a", "b"], [1.0], [float("nan"), 0.0]])
def test_a_calibration_that_is_no_line_is_refused(tmp_path: Path, calibration: list[object]) -> None:
    text = card().dumps().replace('"calibration": null', f'"calibration": {json.dumps(calibration)}')
    with pytest.raises(CorruptFile, match="holds no network"):
        open_weights(write_network(tmp_path / "made.onnx", text=text), "conv_lstm")


def test_nothing_is_kept_of_this_machine_for_others(tmp_path: Path) -> None:
    """ONNX Runtime's telemetry, on unless it is told otherwise, numbers the machine in a file."""
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(photos.awkward("photo.jpg"))
    home = tmp_path / "home"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ORT_", "XDG_"))}
    command = [sys.executable, "-m", "tamperscope", "scan", str(photo), "--detector", "fusion"]
    subprocess.run(command, check=True, capture_output=True, env={**environment, "HOME": str(home)})
    assert not list(home.iterdir())
