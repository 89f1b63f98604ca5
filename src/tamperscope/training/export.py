"""From a finished run to one ONNX file with its card inside."""

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
from tamperscope.detectors._learned import Learned
from tamperscope.detectors._onnx import KEY, NetworkCard, Trained, open_weights
from tamperscope.errors import CorruptFile, InvalidParameter, TrainingFailed, UnreadableFile
from tamperscope.io.paths import display, write_whole
from tamperscope.io.provenance import photo_digest
from tamperscope.networks._base import Network
from tamperscope.training.calibrate import calibrate
from tamperscope.training.config import Training
from tamperscope.training.data import Photographs
from tamperscope.training.folder import PREFIX, WEIGHTS, Row, Run, learned_from, load_weights, read_run
from tamperscope.training.mean import even_mean
from tamperscope.training.measure import measure, measure_photos, measure_wholes
from tamperscope.training.run import build_network

__all__ = ["PARITY", "Watch", "convert", "export", "to_onnx", "unwatched", "with_card"]

PARITY = 1e-4  # of probabilities, at most, between PyTorch and ONNX Runtime
_OPSET = 17
_VECTOR = 4096  # numbers
_INPUT = "pixels: RGB / 255, (n, 3, {0}, {0}), on the 8x8 grid, never resized; probabilities of manipulation"
_FILE = "pixels: RGB / 255, (n, 3, any multiples of 8), never resized; levels, table, stored: signal.history"
_WHOLE = "pixels: signed error levels of the whole photo at JPEG quality {1}, in a square, (n, 3, {0}, {0})"
_GRID = "pixels: signed error levels at JPEG quality {1}, on the 8x8 grid, never resized, (n, 3, {0}, {0})"


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
    others: Sequence[Path] = (),
    pristine: Sequence[Path] = (),
) -> NetworkCard:
    """Write the best weights of a run as ONNX to ``out``; return the card that is inside.

    With ``others``, files of weights that began with the same ones, or are those, it is the mean of all.

    ``splits`` are the photographs that it was trained with: threshold and score are calibrated on ``val`` and
    figures measured on ``test``, where they are given, the former to ``pristine`` photographs as well.
    ``terms`` are those of the data sets, by name. ``watch`` shows how far it is.

    Raises:
        CorruptFile: the folder holds no finished run.
        InvalidParameter: ``splits`` are not what it was trained with, or nothing would spare ``pristine``
            photographs, or one of them is to be tested on.
        TrainingFailed: ONNX Runtime does not say what PyTorch says.

    """
    found = read_run(run)
    name, training = found.network, found.training
    if pristine:
        _check_pristine(pristine, splits, training)
    rows = [learned_from(path) for path in others]
    learned = _checked(found, rows, splits, terms or {})
    network = build_network(name, training.variant)
    _fill(network, [run / WEIGHTS, *others])
    model = to_onnx(network)
    card = NetworkCard(
        network=name,
        variant=training.variant or next(iter(network.variants)),
        version=__version__,
        input=_rule(network),
        sight=asdict(network.sight),
        licence=_licence(learned),
        data=learned,
        training={
            **asdict(training),
            **({"others": [photo_digest(one) for one in others]} if others else {}),
        },
        learned=sorted(_digests(found, rows)),
    )
    with _checked_draft(network, with_card(model, card), name) as draft:
        detector = plugins.build("detectors", name, weights=str(draft))
        if "val" in splits:
            versions = 2 * len(splits["val"].samples) + len(pristine)
            with watch("fitting the threshold", versions) as advance:
                card = replace(card, **calibrate(detector, splits["val"], training, advance, pristine))
        draft.write_bytes(with_card(model, card))  # with what was fitted
        for split in ("val", "test"):
            if split in splits:
                figures = _measured(network, detector, splits[split], training, split, watch)
                card = replace(card, metrics={**card.metrics, split: figures})
    write_whole(out, with_card(model, card))
    return card


def _check_pristine(pristine: Sequence[Path], splits: Mapping[str, Photographs], training: Training) -> None:
    """Refuse further pristine photographs that nothing would spare, or that are to be tested on."""
    if not ("val" in splits and (training.marked or training.alarms)):
        raise InvalidParameter(
            "nothing spares further pristine photographs",
            "give val photographs, and a run with marked or alarms above 0",
        )
    spared = {photo_digest(path) for path in pristine}
    if "test" in splits and any(photo_digest(one.image) in spared for one in splits["test"].samples):
        raise InvalidParameter(
            "a further pristine photograph is in the test split", "leave it out, or its figures mean nothing"
        )


def _fill(network: Network, files: Sequence[Path]) -> None:
    """Fill a network with the mean of the weights in the files."""
    states = []
    for path in files:
        load_weights(network, path)
        states.append({name: values.clone() for name, values in network.state_dict().items()})
    network.load_state_dict(even_mean(states))


def _digests(run: Run, others: Sequence[Sequence[Row]]) -> set[str]:
    """Return the digests of the photographs that a run, or other weights, learned from."""
    rows = [*run.photographs, *(row for each in others for row in each)]
    return {row["digest"] for row in rows if row["split"] != "val"} - {""}


def _rule(network: Network) -> str:
    """Return what the network takes, in words."""
    sight = network.sight
    if sight.history:
        return _FILE
    side = "any size" if _any_size(network) else sight.side
    rule = (_GRID if sight.grid else _WHOLE) if sight.levels else _INPUT
    return rule.format(side, sight.levels)


def _any_size(network: Network) -> bool:
    return 2 in network.varying("pixels")


def _measured(
    network: Network,
    detector: Learned,
    photographs: Photographs,
    training: Training,
    split: str,
    watch: Watch,
) -> dict[str, Any]:
    if network.sight.levels:
        with watch(f"measuring {split}", 2 * len(photographs.samples)) as advance:
            return measure_wholes(detector.trained, photographs, training, network.sight, advance)
    if _any_size(network):
        with watch(f"measuring {split}", len(photographs.samples)) as advance:
            return measure_photos(detector, photographs, advance)
    with watch(f"measuring {split}", len(photographs.of(manipulated=True))) as advance:
        return measure(detector.trained, photographs, training, advance=advance).record


def convert(name: str, weights: Path, out: Path) -> NetworkCard:
    """Write a network with the weights that others published for it, in a file of theirs, as ONNX to ``out``.

    Raises:
        UnknownPlugin: no such network.
        InvalidParameter: there are no such weights.
        UnreadableFile, CorruptFile: the file cannot be read, or holds something else.
        TrainingFailed: ONNX Runtime does not say what PyTorch says.

    """
    network = build_network(name)
    if not weights.is_file():
        problem = "it is a folder" if weights.is_dir() else "there is no such file"
        raise UnreadableFile(problem, "give the file as it was published", display(weights))
    try:
        network.convert(weights)
    except (OSError, KeyError, ValueError) as error:
        raise CorruptFile(
            f"it does not hold the published weights of {name} ({error})",
            "give the file as it was published",
            display(weights),
        ) from error
    card = NetworkCard(
        network=name,
        variant="published",
        version=__version__,
        input=_rule(network),
        sight=asdict(network.sight),
        licence=plugins.load("detectors", name).card.licence,
    )
    model = with_card(to_onnx(network), card)
    with _checked_draft(network, model, name):
        write_whole(out, model)
    return card


def to_onnx(network: Network) -> bytes:
    """Return the network as ONNX, with the inputs and outputs of `Network.answers`."""
    given = network.eval().examples()
    outputs = list(network.answers(*given.values()))
    stream = BytesIO()
    with warnings.catch_warnings():
        # The exporter that is to replace this one writes an LSTM out as a loop over its steps, which ONNX
        # Runtime runs many times slower; its warnings do not concern sequences of constant length.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Answers(network).eval(),
            tuple(given.values()),
            stream,  # type: ignore[arg-type]  # this exporter writes to streams as well
            input_names=list(given),
            output_names=outputs,
            dynamic_axes={name: network.varying(name) for name in (*given, *outputs)},
            opset_version=_OPSET,
            dynamo=False,
            # Else normalizations are folded into convolutions, and nobody could train on from the file.
            training=torch.onnx.TrainingMode.PRESERVE,
        )
    return _with_vectors(stream.getvalue(), network)


def _with_vectors(model: bytes, network: Network) -> bytes:
    """Add the small weights that the exporter left out, since learning alone needs them."""
    proto = onnx.load_from_string(model)
    held = {one.name for one in proto.graph.initializer}.union(*(node.output for node in proto.graph.node))
    for name, values in network.state_dict().items():
        key = PREFIX + name
        if key not in held and values.is_floating_point() and values.numel() <= _VECTOR:
            proto.graph.initializer.append(onnx.numpy_helper.from_array(values.numpy(), key))
    data: bytes = proto.SerializeToString()
    return data


def with_card(model: bytes, card: NetworkCard) -> bytes:
    """Return the model with the card in its metadata."""
    proto = onnx.load_from_string(model)
    onnx.helper.set_model_props(proto, {KEY: card.dumps()})
    data: bytes = proto.SerializeToString()
    return data


class _Answers(nn.Module):
    """What is shipped of a network, in an order instead of by name."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network.answers(*inputs).values())


@contextmanager
def _checked_draft(network: Network, model: bytes, name: str) -> Iterator[Path]:
    """Write a model for a while, and prove that ONNX Runtime says what PyTorch says."""
    with TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.onnx"
        draft.write_bytes(model)
        _check_parity(network, open_weights(draft, name))
        yield draft


def _check_parity(network: Network, trained: Trained) -> None:
    given = network.eval().examples()
    with torch.no_grad():
        expected = network.answers(*given.values())
    found = trained.run(**{name: values.numpy() for name, values in given.items()})
    gaps = [np.abs(values.numpy() - found[name]).max() for name, values in expected.items()]
    worst = float(np.max(gaps))  # unlike Python's, it keeps what is no number
    if np.isnan(worst):
        raise TrainingFailed("the network's answers are no numbers", "its weights are damaged: give others")
    if worst > PARITY:
        raise TrainingFailed(
            f"the exported network differs from the trained one by {worst:.2g}", "please report this"
        )


def _checked(
    run: Run,
    others: Sequence[Sequence[Row]],
    splits: Mapping[str, Photographs],
    terms: Mapping[str, str],
) -> list[dict[str, Any]]:
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
    # By content, whatever the files are called; weights may have learned more before this run.
    learned = _digests(run, others)
    for split in ("val", "test"):
        if split in splits and any(photo_digest(one.image) in learned for one in splits[split].samples):
            raise InvalidParameter(
                f"the {split} split has photographs that were learned from", "split the data anew"
            )
    counts: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for each in (run.photographs, *others):  # the greater number: they often learned from the same ones
        tally = Counter((row["dataset"], row["split"], row["manipulated"]) for row in each if row["dataset"])
        for (name, split, label), count in tally.items():
            counts[name][split, label] = max(counts[name][split, label], count)
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
