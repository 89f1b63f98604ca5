"""From a finished run to one ONNX file with its card inside."""

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from tamperscope import __version__, plugins
from tamperscope.detectors._onnx import KEY, NetworkCard, Trained, open_weights
from tamperscope.errors import CorruptFile, TrainingFailed
from tamperscope.io.paths import display, write_whole
from tamperscope.networks._base import PATCH, Network
from tamperscope.training.calibrate import calibrate
from tamperscope.training.config import Training
from tamperscope.training.data import Photographs
from tamperscope.training.measure import measure
from tamperscope.training.run import WEIGHTS, build_network, load_weights

__all__ = ["PARITY", "Watch", "export", "read_run", "to_onnx", "unwatched", "with_card"]

PARITY = 1e-4  # of probabilities, at most, between PyTorch and ONNX Runtime
_OPSET = 17
_INPUT = "pixels: RGB / 255, (n, 3, 64, 64), on the 8x8 grid, never resized; probabilities of manipulation"


Watch = Callable[[str, int], AbstractContextManager[Callable[[], None]]]


def unwatched(label: str, total: int) -> AbstractContextManager[Callable[[], None]]:  # noqa: ARG001
    """Show nothing: how far work of ``total`` steps is, is nobody's concern."""
    return nullcontext(lambda: None)


def export(
    run: Path,
    out: Path,
    splits: Mapping[str, Photographs],
    terms: Mapping[str, str] | None = None,
    watch: Watch = unwatched,
) -> NetworkCard:
    """Write the best weights of a run as ONNX to ``out``; return the card that is inside.

    ``splits`` are the photographs that it was trained with: threshold and score are calibrated on ``val`` and
    figures measured on ``test``, where they are given. ``terms`` are those of the data sets, by name.
    ``watch`` shows how far it is.

    Raises:
        CorruptFile: the folder holds no finished run.
        TrainingFailed: ONNX Runtime does not say what PyTorch says.

    """
    name, training = read_run(run)
    network = build_network(name, training.variant)
    load_weights(network, run / WEIGHTS)
    model = to_onnx(network)
    known = {**_terms(splits), **(terms or {})}
    card = NetworkCard(
        network=name,
        variant=training.variant or next(iter(network.variants)),
        version=__version__,
        input=_INPUT,
        licence=_licence(known),
        data=list(_used(splits, known)),
        training={
            key: value for key, value in json.loads(json.dumps(vars(training))).items() if key != "start"
        },
    )
    with TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.onnx"
        draft.write_bytes(with_card(model, card))
        _check_parity(network, open_weights(draft, name))
        if "val" in splits:
            detector = plugins.build("detectors", name, weights=str(draft))
            with watch("fitting the threshold", 2 * len(splits["val"].samples)) as advance:
                card = replace(card, **calibrate(detector, splits["val"], training.seed, advance))
        trained = open_weights(draft, name)
        for split in ("val", "test"):
            if split in splits:
                with watch(f"measuring {split}", len(splits[split].of(manipulated=True))) as advance:
                    figures = measure(trained, splits[split], training, advance=advance)
                card = replace(card, metrics={**card.metrics, split: figures.record})
    write_whole(out, with_card(model, card))
    return card


def to_onnx(network: Network) -> bytes:
    """Return the network as ONNX: ``pixels`` to the probabilities ``mask`` (n, 64, 64) and ``label`` (n)."""
    wrapped = _Probabilities(network).eval()
    example = torch.zeros(2, 3, PATCH, PATCH)
    predicted = network(example)
    outputs = [name for name in ("mask", "label") if getattr(predicted, name) is not None]
    stream = BytesIO()
    with warnings.catch_warnings():
        # The exporter that is to replace this one writes an LSTM out as a loop over its steps, which ONNX
        # Runtime runs many times slower; its warnings do not concern sequences of constant length.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            wrapped,
            (example,),
            stream,  # type: ignore[arg-type]  # this exporter writes to streams as well
            input_names=["pixels"],
            output_names=outputs,
            dynamic_axes={entry: {0: "batch"} for entry in ("pixels", *outputs)},
            opset_version=_OPSET,
            dynamo=False,
        )
    return stream.getvalue()


def with_card(model: bytes, card: NetworkCard) -> bytes:
    """Return the model with the card in its metadata."""
    proto = onnx.load_from_string(model)
    onnx.helper.set_model_props(proto, {KEY: card.dumps()})
    data: bytes = proto.SerializeToString()
    return data


class _Probabilities(nn.Module):
    """What is shipped of a network: no logits."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        predicted = self.network(pixels)
        logits = (predicted.mask, predicted.label)
        return tuple(found.softmax(1)[:, 1] for found in logits if found is not None)


def _check_parity(network: Network, trained: Trained) -> None:
    pixels = torch.rand(5, 3, PATCH, PATCH, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = _Probabilities(network).eval()(pixels)
    found = trained.run(pixels=pixels.numpy())
    worst = max(
        float(np.abs(one.numpy() - other).max()) for one, other in zip(expected, found.values(), strict=True)
    )
    if not worst <= PARITY:
        raise TrainingFailed(
            f"the exported network differs from the trained one by {worst:.2g}", "please report this"
        )


def read_run(run: Path) -> tuple[str, Training]:
    """Return the network's name and the configuration of a finished run.

    Raises:
        CorruptFile: the folder holds none.

    """
    try:
        record: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
        found = str(record["network"]), Training(**record["training"])
        if not (run / WEIGHTS).is_file():
            raise ValueError("it is not finished")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptFile(
            f"it is no finished training run ({error})",
            "give the folder of `tamperscope train`",
            display(run),
        ) from error
    return found


def _terms(splits: Mapping[str, Photographs]) -> dict[str, str]:
    """Return the terms of the data sets that we know."""
    sources = {source for one in splits.values() for source in one.sources}
    known = sources.intersection(plugins.names("datasets"))
    return {name: plugins.load("datasets", name).card.terms for name in known}


def _used(splits: Mapping[str, Photographs], terms: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield of each data set its terms, and how many pristine and manipulated photographs each split has."""
    counts = {split: one.sources for split, one in splits.items()}
    for name in sorted({name for one in counts.values() for name in one}):
        numbers = {split: one[name] for split, one in counts.items() if name in one}
        yield {"name": name, "terms": terms.get(name, "not stated"), **numbers}


def _licence(terms: Mapping[str, str]) -> str:
    """Return on what terms the weights may be used: whether those of photographs bind them is not settled."""
    restricted = sorted(name for name, text in terms.items() if "research" in text)
    if not restricted:
        return "MIT"
    return f"MIT; learned from {', '.join(restricted)}, whose photographs may be used for research only"
