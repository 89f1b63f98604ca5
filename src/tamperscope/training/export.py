"""From a finished run to one ONNX file with its card inside."""

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from tamperscope import __version__, plugins
from tamperscope.detectors._onnx import KEY, SEEN, NetworkCard, Trained, open_weights
from tamperscope.errors import InvalidParameter, TrainingFailed
from tamperscope.io.paths import write_whole
from tamperscope.networks._base import ContextNetwork, Network, Prediction
from tamperscope.training.calibrate import calibrate
from tamperscope.training.data import Photographs
from tamperscope.training.folder import WEIGHTS, Run, load_weights, read_run
from tamperscope.training.measure import measure
from tamperscope.training.run import build_network

__all__ = ["PARITY", "Watch", "export", "to_onnx", "unwatched", "with_card"]

PARITY = 1e-4  # of probabilities, at most, between PyTorch and ONNX Runtime
_OPSET = 17
_OUTPUTS = ("mask", "label", "edge")
_INPUT = "pixels: RGB / 255, (n, 3, {0}, {0}), on the 8x8 grid, never resized; probabilities of manipulation"


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
        InvalidParameter: ``splits`` are not what it was trained with.
        TrainingFailed: ONNX Runtime does not say what PyTorch says.

    """
    found = read_run(run)
    name, training = found.network, found.training
    learned = _checked(found, splits, terms or {})
    network = build_network(name, training.variant)
    load_weights(network, run / WEIGHTS)
    model = to_onnx(network)
    card = NetworkCard(
        network=name,
        variant=training.variant or next(iter(network.variants)),
        version=__version__,
        input=_INPUT.format(network.sight.side),
        licence=_licence(learned),
        data=learned,
        training=asdict(training),
        learned=sorted({row["digest"] for row in found.photographs if row["split"] != "val"}),
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
    """Return the network as ONNX: ``pixels`` to the probabilities ``mask`` (n, side, side) and ``label`` (n).

    One that also looks at the whole ``photo`` says what was ``seen`` there, and takes it back as ``known``.
    """
    wrapped, given = _Probabilities(network).eval(), _examples(network)
    inputs = ["pixels", "photo", "known"][: len(given)]
    outputs = [*wrapped.outputs(given), *([SEEN] if len(given) > 1 else [])]
    stream = BytesIO()
    with warnings.catch_warnings():
        # The exporter that is to replace this one writes an LSTM out as a loop over its steps, which ONNX
        # Runtime runs many times slower; its warnings do not concern sequences of constant length.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            wrapped,
            given,
            stream,  # type: ignore[arg-type]  # this exporter writes to streams as well
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={
                entry: {0: "photos" if entry in ("photo", SEEN, "known") else "batch"}
                for entry in (*inputs, *outputs)
            },
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

    def forward(self, pixels: Tensor, *photo: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs; of a network with context for ``photo`` and what is known of it."""
        if not photo:
            return self._of(self.network(pixels))
        assert isinstance(self.network, ContextNetwork)  # noqa: S101  as its sight says
        return *self._of(self.network.judge(pixels, photo[1])), self.network.look(photo[0])

    def outputs(self, given: tuple[Tensor, ...]) -> list[str]:
        """Return the names of what it says of patches."""
        if isinstance(self.network, ContextNetwork):
            predicted = self.network.judge(given[0], given[2])
        else:
            predicted = self.network(*given)
        return [name for name in _OUTPUTS if getattr(predicted, name) is not None]

    @staticmethod
    def _of(predicted: Prediction) -> tuple[Tensor, ...]:
        logits = [getattr(predicted, name) for name in _OUTPUTS]
        return tuple(found.softmax(1)[:, 1] for found in logits if found is not None)


def _examples(network: Network) -> tuple[Tensor, ...]:
    """Return random patches, and for a network with context also a photo and what is seen in it."""
    chance, sight = torch.Generator().manual_seed(0), network.sight
    pixels = torch.rand(5, 3, sight.side, sight.side, generator=chance)
    if not isinstance(network, ContextNetwork):
        return (pixels,)
    photo = torch.rand(1, 3, sight.context, sight.context, generator=chance)
    with torch.no_grad():
        return pixels, photo, network.eval().look(photo)


def _check_parity(network: Network, trained: Trained) -> None:
    pixels, *photo = _examples(network)
    with torch.no_grad():
        expected = _Probabilities(network).eval()(pixels, *photo)
    whole = (photo[0][0].permute(1, 2, 0) if photo else torch.zeros(0, 0, 3)).numpy()
    found = trained.judge(whole)(pixels.numpy())
    gaps = [np.abs(one.numpy() - other).max() for one, other in zip(expected, found.values(), strict=False)]
    worst = float(np.max(gaps))  # unlike Python's, it keeps what is no number
    if not worst <= PARITY:
        raise TrainingFailed(
            f"the exported network differs from the trained one by {worst:.2g}", "please report this"
        )


def _checked(run: Run, splits: Mapping[str, Photographs], terms: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return of each data set its terms, and how many pristine and manipulated photographs each split has.

    Raises:
        InvalidParameter: these are not the run's photographs, one to be tested on was learned from, or terms
            are given of a data set that is not there.

    """
    for split in ("train", "val"):
        rows = [row for row in run.photographs if row["split"] == split]
        if split in splits and [row["image"] for row in rows] != [one.name for one in splits[split].samples]:
            raise InvalidParameter(
                f"the run's {split} split has other photographs", "give the data that it was trained with"
            )
    known = {row["image"] for row in run.photographs if row["split"] != "val"}
    if "test" in splits and any(one.name in known for one in splits["test"].samples):
        raise InvalidParameter("the test split has photographs that were learned from", "split the data anew")
    counts: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for row in run.photographs:
        counts[row["dataset"]][row["split"], row["manipulated"]] += 1
    for name, (pristine, manipulated) in splits["test"].sources.items() if "test" in splits else ():
        counts[name].update({("test", "0"): pristine, ("test", "1"): manipulated})
    if unknown := set(terms).difference(counts):
        raise InvalidParameter(
            f"terms of {', '.join(sorted(unknown))} are given", f"choose from {', '.join(sorted(counts))}"
        )
    said = {**_published(counts), **terms}
    return [
        {
            "name": name,
            "terms": said.get(name, "not stated"),
            **{split: (count[split, "0"], count[split, "1"]) for split in ("start", "train", "val", "test")},
        }
        for name, count in sorted(counts.items())
    ]


def _published(names: Iterable[str]) -> dict[str, str]:
    """Return the terms of the data sets that we know."""
    known = set(names).intersection(plugins.names("datasets", own=True)) - {"folder", "manifest"}
    return {name: plugins.load("datasets", name).card.terms for name in known}


def _licence(data: Iterable[dict[str, Any]]) -> str:
    """Return on what terms the weights may be used: whether those of photographs bind them is not settled."""
    used = "; ".join(f"{one['name']}: {one['terms']}" for one in data if any(one["start"] + one["train"]))
    return f"MIT for the file. It learned from photographs with terms of their own ({used})"
