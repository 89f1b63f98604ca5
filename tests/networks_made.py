"""Networks whose answers are known, as ONNX files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from tamperscope.detectors._onnx import KEY, NetworkCard

__all__ = ["card", "write_network"]


def card(**changes: Any) -> NetworkCard:
    """A card of the network conv_lstm, with other values where they are given."""
    values = {"network": "conv_lstm", "variant": "made", "version": "0", "input": "pixels", "licence": "MIT"}
    return NetworkCard(**{**values, **changes})


def write_network(
    path: Path, outputs: Sequence[str] = ("mask", "label"), text: str | None = None, side: int = 64
) -> Path:
    """Write a network whose mask is the mean of a pixel's colours, and whose label is the mask's mean."""
    nodes = [helper.make_node("ReduceMean", ["pixels"], ["mask"], axes=[1], keepdims=0)]
    nodes.append(helper.make_node("ReduceMean", ["mask"], ["label"], axes=[1, 2], keepdims=0))
    shapes: dict[str, list[str | int | None]] = {"mask": ["n", side, side], "label": ["n"]}
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, side, side])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {KEY: card().dumps() if text is None else text})
    onnx.save(model, path)
    return path
