"""Trained weights in 8 bits: a network that answers faster, and nearly alike."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch.utils.data import DataLoader

from tamperscope.detectors._onnx import NetworkCard, Trained, open_weights
from tamperscope.errors import TrainingFailed
from tamperscope.io.paths import write_whole
from tamperscope.networks._base import Network
from tamperscope.training.config import Training
from tamperscope.training.data import VALIDATION, Photographs, collate
from tamperscope.training.export import Watch, unwatched, with_card
from tamperscope.training.folder import load_weights
from tamperscope.training.run import build_network, stream

__all__ = ["GAP", "quantize"]

GAP = 0.01  # between the probabilities in 8 bits and those in 32, at most, in the mean over what they are of
_COLOURS = 3  # maps that a convolution of pixels reads
_LOGITS = 2  # maps, at most, of a convolution that makes logits
_PHOTOS = 128  # that tell the ranges of what goes through the network
_AT_ONCE = 4
_COMPARED = 16  # batches of those
_PROBABILITIES = {"mask", "label", "edge", "trust", "views"}
_SEEING = Training(resaved=0.5, validation=2)

Inputs = Mapping[str, NDArray[Any]]


def quantize(
    weights: Path, network: str, out: Path, photographs: Photographs, watch: Watch = unwatched
) -> NetworkCard:
    """Write trained weights once more to ``out``, its convolutions in 8 bits; return their card.

    ``photographs`` tell how large what goes through the network is: up to 128 of them, as they are or
    saved once more. Convolutions of pixels, whose filters must add up to nothing, and those that make
    logits stay as they are. Weights have 7 bits: processors that add pairs of products in 16 bits would
    overflow with 8, and answer otherwise than others do. The card is that of the weights, and says how far
    the answers differ.

    Raises:
        TamperscopeError: the weights are none of that network, or cannot be read.
        TrainingFailed: there is no photograph that can be used, or the answers differ too much.

    References:
        Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
        Inference", CVPR 2018.

    """
    exact = open_weights(weights, network)
    learned = _learned(weights, exact.card)
    seen = list(_seen(learned, photographs, watch))
    if not seen:
        least = learned.sight.least or learned.sight.side
        raise TrainingFailed("no photograph can be used", f"give some of at least {least} pixels a side")
    with TemporaryDirectory() as folder, _quiet():
        folded, made = Path(folder) / "folded.onnx", Path(folder) / "made.onnx"
        _fold(weights, folded)
        quantize_static(
            folded,
            made,
            _Reader(seen),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Relu"],
            nodes_to_exclude=_delicate(folded),
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
        made.write_bytes(with_card(made.read_bytes(), exact.card))
        gaps = _gaps(exact, open_weights(made, network), seen)
        worst = max(gaps, key=gaps.__getitem__)
        if not all(gap <= GAP for gap in gaps.values()):  # what is no number is none of them
            raise TrainingFailed(
                f"in 8 bits the answers differ too much ({worst} by {gaps[worst]:.2g} in the mean)",
                "use the weights as they are",
            )
        card = replace(exact.card, metrics={**exact.card.metrics, "in 8 bits": {"mean difference": gaps}})
        write_whole(out, with_card(made.read_bytes(), card))
    return card


def _learned(weights: Path, card: NetworkCard) -> Network:
    network = build_network(card.network, card.variant)
    load_weights(network, weights)
    return network.eval()


def _seen(network: Network, photographs: Photographs, watch: Watch) -> Iterator[Inputs]:
    """Yield what the network would be asked of patches of the photographs."""
    step = -(-len(photographs.samples) // _PHOTOS) or 1
    few = replace(photographs, samples=photographs.samples[::step])
    items = stream(few, _SEEING, VALIDATION, network.sight)
    loader = DataLoader(items, _AT_ONCE, collate_fn=collate)
    with watch("looking at photographs", len(loader)) as advance:
        for batch in loader:
            if len(batch["pixels"]):
                asked = network.asked(*network.inputs(batch))
                yield {name: values.numpy() for name, values in asked.items()}
            advance()


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # it has no types
    def __init__(self, inputs: Iterable[Inputs]) -> None:
        self.inputs = iter(inputs)

    def get_next(self) -> Inputs | None:
        return next(self.inputs, None)


def _fold(weights: Path, out: Path) -> None:
    """Let ONNX Runtime join normalizations and convolutions."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(out)
    options.log_severity_level = 3  # that learning's own parameters are not used need not be said
    onnxruntime.InferenceSession(weights.read_bytes(), options, providers=["CPUExecutionProvider"])


def _delicate(path: Path) -> list[str]:
    """Return the convolutions of pixels, and those that make logits."""
    graph = onnx.load(path).graph
    kernels = {one.name: one.dims for one in graph.initializer}
    convolutions = {node.name: kernels[node.input[1]] for node in graph.node if node.op_type == "Conv"}
    return [name for name, (made, read, *_) in convolutions.items() if read == _COLOURS or made <= _LOGITS]


def _gaps(exact: Trained, short: Trained, seen: Iterable[Inputs]) -> dict[str, float]:
    """Return by how much probabilities differ in the mean, by name; each part of a network for itself."""
    found: dict[str, list[float]] = {}
    for inputs in islice(seen, _COMPARED):
        one, other = exact.run(**inputs), short.run(**inputs)
        for name in _PROBABILITIES.intersection(one):
            found.setdefault(name, []).append(float(np.abs(one[name] - other[name]).mean()))
    return {name: float(np.mean(gaps)) for name, gaps in sorted(found.items())}


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out advice that has been followed: to fold normalizations before."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
