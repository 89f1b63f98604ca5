"""Networks whose answers are known, as ONNX files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tamperscope.detectors._onnx import KEY, NetworkCard

__all__ = ["card", "write_network", "write_published", "write_views"]

Shape = list[str | int | None]


def card(**changes: Any) -> NetworkCard:
    """A card of the network conv_lstm, with other values where they are given."""
    values = {"network": "conv_lstm", "variant": "made", "version": "0", "input": "pixels", "licence": "MIT"}
    return NetworkCard(**{**values, **changes})


def write_network(
    path: Path,
    outputs: Sequence[str] = ("mask", "label"),
    text: str | None = None,
    side: int | None = 64,
    network: str = "conv_lstm",
) -> Path:
    """Write a network whose mask is the mean of a pixel's colours, and whose label is the mask's mean.

    Without a ``side`` it takes any size.
    """
    nodes = [helper.make_node("ReduceMean", ["pixels"], ["mask"], axes=[1], keepdims=0)]
    nodes.append(helper.make_node("ReduceMean", ["mask"], ["label"], axes=[1, 2], keepdims=0))
    height, width = side or "height", side or "width"
    shapes: dict[str, Shape] = {"mask": ["n", height, width], "label": ["n"]}
    return _save(
        path,
        nodes,
        ["n", 3, height, width],
        {name: shapes[name] for name in outputs},
        card(network=network).dumps() if text is None else text,
    )


def write_views(
    path: Path, network: str, views: int, side: int = 24, variant: str = "small", **more: Any
) -> Path:
    """Write a network that says the same of every photo; ``more`` is written on its card.

    The probabilities of its views rise from .5 to .9, and the map of the n-th is the n-th power of a ramp.
    """
    ramp = np.linspace(0, 1, side, dtype=np.float32)
    maps = np.stack([np.tile(ramp ** (view + 1), (side, 1)) for view in range(views)])[None]
    given = {"maps_made": maps, "views_made": np.linspace(0.5, 0.9, views, dtype=np.float32)[None]}
    nodes = [helper.make_node("ReduceMax", ["pixels"], ["most"], axes=[0, 1, 2, 3], keepdims=1)]
    nodes.append(
        helper.make_node("Constant", [], ["zero"], value=numpy_helper.from_array(np.zeros(1, np.float32)))
    )
    nodes.append(helper.make_node("Mul", ["most", "zero"], ["nothing"]))
    for name, values in given.items():
        constant = numpy_helper.from_array(values)
        nodes.append(helper.make_node("Constant", [], [name], value=constant))
    nodes.append(helper.make_node("Add", ["maps_made", "nothing"], ["maps"]))
    nodes.append(helper.make_node("Constant", [], ["shape"], value=numpy_helper.from_array(np.array([1, 1]))))
    nodes.append(helper.make_node("Reshape", ["nothing", "shape"], ["flat"]))
    nodes.append(helper.make_node("Add", ["views_made", "flat"], ["views"]))
    shapes: dict[str, Shape] = {"views": [1, views], "maps": [1, views, side, side]}
    return _save(
        path,
        nodes,
        ["n", 3, side, side],
        shapes,
        card(**{"network": network, "variant": variant, "calibration": (1.0, 0.0), **more}).dumps(),
    )


def write_published(
    path: Path, leave_out: str = "", spoiled: Mapping[str, float] | None = None
) -> dict[str, np.ndarray[Any, Any]]:
    """Write random weights as Keras writes those of the authors' model, and return them.

    What is ``spoiled`` has one number throughout.
    """
    import h5py

    rng = np.random.default_rng(4)
    shapes: dict[str, tuple[int, ...]] = {
        "Featex/b1c1/regular_kernel": (5, 5, 3, 4),
        "Featex/b1c1/bayar_kernel": (5, 5, 3, 3),
        "outlierTrans/outlierTrans/kernel": (1, 1, 256, 64),
        "bnorm/bnorm/moving_mean": (64,),
        "bnorm/bnorm/moving_variance": (64,),
        "glbStd/glbStd/min_std": (1, 1, 1, 64),
        "cLSTM/cLSTM/kernel": (7, 7, 64, 32),
        "cLSTM/cLSTM/recurrent_kernel": (7, 7, 8, 32),
        "cLSTM/cLSTM/bias": (32,),
        "pred/pred/kernel": (7, 7, 8, 1),
        "pred/pred/bias": (1,),
    }
    given = 16
    for group, widths in enumerate(((32,), (64, 64), (128,) * 3, (256,) * 3, (256,) * 2), 1):
        for place, made in enumerate(widths, 2 if group == 1 else 1):
            shapes[f"Featex/b{group}c{place}/kernel"] = (3, 3, given, made)
            shapes[f"Featex/b{group}c{place}/bias"] = (made,)
            given = made
    shapes |= {"Featex/transform/kernel": (3, 3, 256, 256), "Featex/transform/bias": (256,)}
    values = {name: rng.random(shape, np.float32) * 0.1 for name, shape in shapes.items()}
    for name, number in (spoiled or {}).items():
        values[name][...] = number
    with h5py.File(path, "w") as file:
        for name, array in values.items():
            if name != leave_out:
                file[f"{name}:0"] = array
    return values


def _save(path: Path, nodes: list[Any], given: Shape, outputs: dict[str, Shape], text: str) -> Path:
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, given)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {KEY: text})
    onnx.save(model, path)
    return path
