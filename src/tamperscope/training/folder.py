"""A run's folder: what is trained in it, from which photographs, and the weights that come of it."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from tamperscope.detectors._onnx import KEY, NetworkCard
from tamperscope.errors import CorruptFile, InvalidParameter, OutputError
from tamperscope.io.paths import clipped, display, write_whole
from tamperscope.io.provenance import photo_digest, versions
from tamperscope.networks._base import Network
from tamperscope.training.checkpoint import kept_weights
from tamperscope.training.config import Training
from tamperscope.training.data import Photographs

__all__ = [
    "PREFIX",
    "WEIGHTS",
    "Row",
    "Run",
    "claim",
    "learned_from",
    "load_weights",
    "read_run",
    "write_weights",
]

PREFIX = "network."  # of what weights are called in an exported file
WEIGHTS = "network.safetensors"  # once the run is finished
_RUN, _SPLIT = "run.json", "split.csv"
_COLUMNS = ("split", "dataset", "image", "digest", "manipulated")
_LSTM = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")  # PyTorch's names, in ONNX's order
_LONGEST = 300  # letters of what a library says of weights
_LIBRARIES = ("torch", "lightning", "numpy", "opencv-python-headless", "tamperscope")

Row = dict[str, str]


@dataclass(frozen=True)
class Run:
    """What a folder says of its training; ``photographs`` are the rows of its split.csv.

    Their split is "train" or "val", or "start" if only the weights that it began with learned from them; of
    exported weights that is known as numbers of rows, and as digests without data sets.
    """

    network: str
    training: Training
    photographs: Sequence[Row]


def claim(out: Path, network: str, splits: Mapping[str, Photographs], training: Training) -> None:
    """Make the folder this training's, or check that it is.

    Raises:
        OutputError: it holds another training, or cannot be written.

    """
    begun = learned_from(Path(training.start)) if training.start else []
    rows = [*begun, *(row for split, one in splits.items() for row in _rows(split, one))]
    wanted = Run(network, _identified(training), rows)
    if (out / _RUN).exists() and (out / _SPLIT).exists():  # written in this order: the run begins with both
        if _read(out) != wanted:
            raise OutputError(
                "it holds a training of another configuration or other photographs",
                "choose another folder, or remove this one",
                display(out),
            )
        return
    stream = StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(out / _SPLIT, stream.getvalue().encode())
    record = {"network": network, "training": asdict(wanted.training), "versions": versions(_LIBRARIES)}
    write_whole(out / _RUN, (json.dumps(record, indent=2) + "\n").encode())


def read_run(out: Path) -> Run:
    """Return what a finished run's folder says.

    Raises:
        CorruptFile: the folder holds none.

    """
    found = _read(out)
    if found is None or not (out / WEIGHTS).is_file():
        reason = "it is not finished" if found else "run.json or split.csv is missing or damaged"
        raise CorruptFile(
            f"it is no finished training run: {reason}",
            "give the folder of `tamperscope train`",
            display(out),
        )
    return found


def write_weights(out: Path, weights: dict[str, Tensor]) -> None:
    """Write a run's result, whole: that it is there says that the run is finished."""
    write_whole(out / WEIGHTS, save({name: values.contiguous() for name, values in weights.items()}))


def load_weights(network: Network, path: Path) -> None:
    """Fill a network with the weights in a file: of a run or one of its epochs, or as they were exported.

    Raises:
        CorruptFile: it cannot be read, or its weights are those of another network or variant.

    """
    try:
        network.start(_exported(network, path) if _is_onnx(path) else kept_weights(path) or load_file(path))
    except (OSError, SafetensorError, RuntimeError, DecodeError) as error:
        reason = clipped(" ".join(str(error).split()), _LONGEST)
        raise CorruptFile(
            f"its weights cannot be used ({reason})",
            f"give {WEIGHTS} of a run of the same network and variant",
            display(path),
        ) from error


def _is_onnx(path: Path) -> bool:
    return path.suffix.lower() == ".onnx"


def _exported(network: Network, path: Path) -> dict[str, Tensor]:
    """Return those of the network's weights that a file of `training.export` holds as they were learned."""
    graph = onnx.load(str(path), load_external_data=False).graph
    named = {one.name: torch.tensor(numpy_helper.to_array(one)) for one in graph.initializer}
    alike = {
        node.output[0]: named[node.input[0]]
        for node in graph.node
        if node.op_type == "Identity" and node.input[0] in named
    }
    held = {name.removeprefix(PREFIX): values for name, values in {**alike, **named}.items()}
    layers = ([named[name] for name in node.input[1:4]] for node in graph.node if node.op_type == "LSTM")
    held.update(_recurrent(network, layers))
    factors = (node.input[1] for node in graph.node if node.op_type == "MatMul")
    unnamed = (named[name].T for name in factors if name in named and not name.startswith(PREFIX))
    held.update(_attention(network, unnamed))
    own = network.state_dict()
    there = {name: held[name] for name in own if name in held}
    parts = {name.rpartition(".")[0] for name in there}
    # What normalizations counted is not exported, nor needed.
    counts = {name for name, values in own.items() if not values.is_floating_point()}
    return {**{name: own[name] for name in counts if name.rpartition(".")[0] in parts}, **there}


def _recurrent(network: Network, layers: Iterator[list[Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """Name what ONNX holds of LSTMs, layer by layer, as PyTorch does; its gates come in another order."""
    for name, module in network.named_modules():
        if isinstance(module, nn.LSTM):
            for layer, (entry, state, bias) in enumerate(islice(layers, module.num_layers)):
                both = (entry[0], state[0], *bias[0].chunk(2))
                for kind, values in zip(_LSTM, both, strict=True):
                    into, out, forget, cell = values.chunk(4)
                    yield f"{name}.{kind}_l{layer}", torch.cat([into, forget, cell, out])


def _attention(network: Network, factors: Iterator[Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Name what ONNX holds of attention, layer by layer: turned, its first weights lose their name."""
    for name, module in network.named_modules():
        if isinstance(module, nn.MultiheadAttention):
            yield f"{name}.in_proj_weight", next(factors)


def _read(out: Path) -> Run | None:
    try:
        record: Any = json.loads((out / _RUN).read_text(encoding="utf-8"))
        return Run(str(record["network"]), Training(**record["training"]), _read_rows(out / _SPLIT))
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        InvalidParameter,
    ):  # damaged, or another version's
        return None


def _read_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: row[name] for name in _COLUMNS} for row in csv.DictReader(file)]


def _rows(split: str, photographs: Photographs) -> Iterator[Row]:
    for sample in photographs.samples:
        yield {
            "split": split,
            "dataset": photographs.dataset.source(sample),
            "image": sample.name,
            "digest": photo_digest(sample.image),
            "manipulated": str(int(sample.manipulated)),
        }


def learned_from(path: Path) -> list[Row]:
    """Return what the weights in a file learned from, in rows of the split "start", as far as that is known.

    The file is one of a run's folder, or as it was exported.
    """
    try:
        if _is_onnx(path):
            return list(_told(path))
        rows = _read_rows(path.parent / _SPLIT)
    except (OSError, KeyError):  # no split, or no card
        return [dict.fromkeys(_COLUMNS, "") | {"split": "start", "dataset": "unknown"}]
    return list(_once(row for row in rows if row["split"] != "val"))


def _once(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows as "start"; what a run learned from it often began with, too: the greater number counts."""
    kinds: dict[tuple[str, str], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        kinds[row["dataset"], row["manipulated"]][row["split"]].append({**row, "split": "start"})
    for by_split in kinds.values():
        most, *others = sorted(by_split.values(), key=len, reverse=True)
        yield from most
        yield from ({**row, "dataset": ""} for rows in others for row in rows if row["digest"])


def _identified(training: Training) -> Training:
    """Return the configuration with the content of the weights that it begins with in place of their file."""
    return replace(training, start=photo_digest(Path(training.start))) if training.start else training


def _told(path: Path) -> Iterator[Row]:
    """Yield what the card of exported weights says that they learned from: numbers, and digests apart."""
    metadata = {one.key: one.value for one in onnx.load(str(path), load_external_data=False).metadata_props}
    card = NetworkCard.loads(metadata[KEY])
    blank = dict.fromkeys(_COLUMNS, "") | {"split": "start"}
    if not card.data and not card.learned:  # converted ones of others
        yield {**blank, "dataset": "unknown"}
    for one in card.data:
        for label, counts in enumerate(zip(one["start"], one["train"], strict=True)):
            yield from max(counts) * [{**blank, "dataset": one["name"], "manipulated": str(label)}]
    yield from ({**blank, "digest": digest} for digest in card.learned)
