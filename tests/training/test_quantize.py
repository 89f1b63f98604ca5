"""Weights in 8 bits: what is written, what it answers, and what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from typer.testing import CliRunner

import photos
from networks_made import card
from tamperscope import plugins
from tamperscope.cli import app
from tamperscope.detectors._onnx import open_weights
from tamperscope.errors import InvalidParameter, TrainingFailed
from tamperscope.io.decode import decode
from tamperscope.training import quantize as quantizing
from tamperscope.training.data import Photographs, open_splits
from tamperscope.training.export import to_onnx, with_card
from tamperscope.training.quantize import quantize
from tamperscope.training.run import build_network
from tamperscope.types import Localization
from training_made import made_batch, write_set


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fresh weights of fusion that tell places apart, and a set of photographs."""
    folder = tmp_path_factory.mktemp("quantized")
    torch.manual_seed(5)
    network = build_network("fusion")
    network.train()
    for _ in range(20):  # normalizations that know what comes
        network(*network.inputs(made_batch(network.sight)))
    text = card(network="fusion", variant="fusion", calibration=(1.0, 0.0))
    (folder / "fusion.onnx").write_bytes(with_card(to_onnx(network), text))
    write_set(folder)
    return folder


@pytest.fixture(scope="module")
def photographs(folder: Path) -> Iterator[Photographs]:
    kind = plugins.load("networks", "fusion")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "sight", replace(kind.sight, side=64, least=0))  # the photographs are small
        yield open_splits(str(folder / "set"), None, 0, ("val",))["val"]


@pytest.fixture(scope="module")
def short(folder: Path, photographs: Photographs) -> Path:
    """The weights in 8 bits, as the command makes them."""
    words = ["quantize", "fusion", str(folder / "fusion.onnx"), "--out", str(folder / "short.onnx")]
    found = CliRunner().invoke(app, [*words, "--data", str(folder / "set")])
    assert found.exit_code == 0, found.output
    assert "mean difference mask" in found.output
    return folder / "short.onnx"


def localize(weights: Path, **fields: Any) -> Localization:
    photo = decode(photos.encode(photos.scene()[:205, :333]))
    found: Localization = plugins.build("detectors", "fusion", weights=str(weights), **fields).localize(photo)
    return found


def test_eight_bits_answer_nearly_as_thirty_two_do(folder: Path, short: Path) -> None:
    weights = folder / "fusion.onnx"
    before, said = (open_weights(path, "fusion").card for path in (weights, short))
    assert replace(said, metrics={}) == before
    assert 0 < said.metrics["in 8 bits"]["mean difference"]["mask"] <= quantizing.GAP
    assert short.stat().st_size < weights.stat().st_size / 2
    one, other = localize(weights).heatmap, localize(short).heatmap
    assert one.std() > 1e-3
    assert not np.array_equal(one, other)
    assert np.corrcoef(one.flat, other.flat)[0, 1] > 0.99


def test_what_sees_pixels_and_what_makes_logits_keeps_its_bits(short: Path) -> None:
    graph = onnx.load(short).graph
    floats = {one.name: one.dims for one in graph.initializer if one.data_type == onnx.TensorProto.FLOAT}
    made = {node.output[0]: node for node in graph.node}
    for node in graph.node:
        if node.op_type == "Conv":
            kernel = node.input[1]
            assert (kernel in floats) != (made.get(kernel) is not None), node.name
    kept = sorted(tuple(floats[name]) for name in floats if len(floats[name]) == 4 and floats[name][2] > 1)
    assert kept == [(1, 32, 3, 3), (24, 3, 5, 5)]


def test_a_part_of_a_photo_is_answered_alike_wherever_it_is_cut(short: Path) -> None:
    whole, tiled = localize(short), localize(short, tile=72, part=64)
    assert np.abs(whole.heatmap - tiled.heatmap).max() < 1e-3


@pytest.mark.parametrize(("name", "outputs"), [("semi_global", {"mask", "label"}), ("resnet", {"views"})])
def test_other_networks_have_short_weights_as_well(
    name: str, outputs: set[str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = build_network(name).eval()
    text = card(network=name, variant=next(iter(network.variants)))
    (tmp_path / "exact.onnx").write_bytes(with_card(to_onnx(network), text))
    given = open_splits(str(folder / "set"), None, 0, ("val",))["val"]
    said = quantize(tmp_path / "exact.onnx", name, tmp_path / "short.onnx", given)
    assert set(said.metrics["in 8 bits"]["mean difference"]) == outputs
    monkeypatch.setattr(quantizing, "GAP", 0.0)
    with pytest.raises(TrainingFailed, match="differ too much"):
        quantize(tmp_path / "exact.onnx", name, tmp_path / "none.onnx", given)
    assert not (tmp_path / "none.onnx").exists()


def test_what_cannot_be_done_is_said(folder: Path, photographs: Photographs, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="holds the network fusion"):
        quantize(folder / "fusion.onnx", "mfcn", tmp_path / "none.onnx", photographs)
    with pytest.raises(TrainingFailed, match="no photograph"):
        quantize(folder / "fusion.onnx", "fusion", tmp_path / "none.onnx", replace(photographs, samples=[]))
    words = ["quantize", "fusion", str(tmp_path / "gone.onnx"), "--out", str(tmp_path / "none.onnx")]
    found = CliRunner().invoke(app, [*words, "--data", str(folder / "set")])
    assert (found.exit_code, found.output.count("\n")) == (1, 1), found.output
    assert "gone.onnx" in found.output
    assert not (tmp_path / "none.onnx").exists()
