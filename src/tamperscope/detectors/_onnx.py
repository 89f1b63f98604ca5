"""Trained networks as ONNX files with a card inside, run by ONNX Runtime: what learned detectors share."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.errors import CorruptFile, InvalidParameter, TamperscopeError
from tamperscope.io.decode import read_file
from tamperscope.io.native import uninterrupted
from tamperscope.io.paths import display

__all__ = ["KEY", "SEEN", "Answers", "NetworkCard", "Trained", "as_input", "open_weights", "shipped"]

KEY = "tamperscope"  # of the card in the file's metadata
SEEN = "seen"  # the output that says what was seen in the whole photo; goes in again as "known"
_REMEDY = "give a file made by `tamperscope export`"
_ELSEWHERE = "session.model_external_initializers_file_folder_path"
_LARGEST = 2**30  # bytes of a file of weights
_TYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}
# Of sizes that vary, by the name that the network gives them.
_SMALLEST = {"height": 8, "width": 8, "fine rows": 2, "fine columns": 2}
_SHIPPED = Path(__file__).parents[1] / "weights"

Answers = Callable[[NDArray[np.float32]], dict[str, NDArray[np.float32]]]


@dataclass(frozen=True)
class NetworkCard:
    """What a file of weights says of itself.

    ``threshold`` turns heatmaps into masks; for ``doubt`` see `Card`. ``calibration`` is the slope and the
    intercept that make a probability of the logit of the photo's patches, None if there was nothing to fit it
    to; ``calibrated`` says what it was fitted to. ``data`` names the photographs by data set, with their
    terms and counts, ``metrics`` what was measured on which split; ``training`` is the configuration.
    ``sight`` is what the network sees of a photo, as `networks.Sight` has it; weights made before it was
    written down have none. ``learned`` are the photographs that it learned from, by the first 16 letters of
    their files' SHA-256.
    """

    network: str
    variant: str
    version: str
    input: str
    licence: str
    threshold: float = 0.5
    calibration: tuple[float, float] | None = None
    calibrated: str = ""
    doubt: float | None = None
    sight: dict[str, Any] = field(default_factory=dict)
    data: Sequence[dict[str, Any]] = ()
    metrics: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    learned: Sequence[str] = ()

    def dumps(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def loads(cls, text: str) -> "NetworkCard":
        """Return what `dumps` wrote.

        Raises:
            ValueError, TypeError: the text is none of it.

        """
        values = json.loads(text)
        found = cls(**values)
        if not 0 < found.threshold < 1:
            raise ValueError("its threshold is out of range")
        if found.doubt is not None and not 0 <= found.doubt <= 1:
            raise ValueError("its doubt is out of range")
        if found.calibration is not None and not np.isfinite(np.array(found.calibration).reshape(2)).all():
            raise ValueError("its calibration is no line")
        return found


@dataclass(frozen=True, eq=False)
class Trained:
    """A network that is ready to run.

    ``card`` and ``digest``, SHA-256, are its file's. It answers with ``outputs``, such as "mask"
    and "label", for patches of ``side`` pixels, and looks at the whole photo as a square of ``context``
    pixels a side.
    """

    card: NetworkCard
    digest: str
    session: Any

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """What it says of patches, by name."""
        return tuple(one.name for one in self.session.get_outputs() if one.name != SEEN)

    @property
    def side(self) -> int:
        """Pixels of a patch's side."""
        return int(self._shapes["pixels"][-1])

    @property
    def context(self) -> int:
        """Pixels of the side of the whole photo that it looks at; 0 if it does not."""
        return int(self._shapes["photo"][-1]) if "photo" in self._shapes else 0

    def judge(self, photo: NDArray[np.uint8]) -> Answers:
        """Return what answers for patches (n, 3, side, side); the ``whole`` photo is seen once, now."""
        if not self.context:
            return lambda pixels: self.run(pixels=pixels)
        seen = self.ask([SEEN], photo=as_input(photo[None]))[SEEN]
        return lambda pixels: self.ask(self.outputs, pixels=pixels, known=seen)

    def ask(self, outputs: Sequence[str], **inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Return some outputs by name, for the inputs that they follow from."""
        return self._run(outputs, {**self._nothing, **inputs})

    @cached_property
    def _nothing(self) -> dict[str, NDArray[Any]]:
        """Inputs of the smallest size: ONNX Runtime wants all, and follows them, whatever is asked for."""
        return {
            one.name: np.zeros(
                [size if isinstance(size, int) else _SMALLEST.get(size, 1) for size in one.shape],
                _TYPES[one.type],
            )
            for one in self.session.get_inputs()
        }

    @cached_property
    def _shapes(self) -> dict[str, Sequence[Any]]:
        return {one.name: one.shape for one in self.session.get_inputs()}

    def run(self, **inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Return all outputs by name for inputs by name."""
        return self._run([one.name for one in self.session.get_outputs()], inputs)

    def _run(self, outputs: Sequence[str], inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
        return dict(zip(outputs, self.session.run(list(outputs), inputs), strict=True))


def as_input(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return pixels (n, height, width, 3) as networks take them: (n, 3, height, width) in [0, 1]."""
    return np.asarray(pixels.transpose(0, 3, 1, 2) / np.float32(255), np.float32)


def shipped(name: str) -> Path:
    """Return where the weights lie that come with us."""
    return _SHIPPED / f"{name}.onnx"


def open_weights(path: Path, network: str, threads: int = 0) -> Trained:
    """Return the trained network in an ONNX file.

    ``threads`` 0 takes as many as OpenCV has: one for each core, a single one in each of several workers.

    Raises:
        UnreadableFile: there is no such file.
        CorruptFile: it is no ONNX file, or has no card.
        InvalidParameter: it holds another network.

    """
    try:
        stat = path.stat()
        state = stat.st_size, stat.st_mtime_ns
    except OSError:
        state = (0, 0)  # reading will tell
    trained = _open(path, threads, state)
    if trained.card.network != network:
        raise InvalidParameter(
            f"{display(path)} holds the network {display(str(trained.card.network))}, not {network}",
            f"give it to that detector, or give weights of {network}",
        )
    return trained


@lru_cache(maxsize=8)
def _open(path: Path, threads: int, state: tuple[int, int]) -> Trained:  # noqa: ARG001
    # Unless told not to, its releases report home, and number this machine in a file of their own.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    with uninterrupted():
        import onnxruntime

    onnxruntime.disable_telemetry_events()
    try:
        data = read_file(path, _LARGEST)
    except TamperscopeError as error:
        raise type(error)(error.problem, _REMEDY, display(path)) from error.__cause__
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cv2.getNumThreads()
    options.log_severity_level = 4  # what is wrong is raised as well
    # A thread that waits for others would keep its core busy, for nothing (decision 017).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # What runs must be what was hashed: from bytes, and with weights in other files nowhere to be found.
        options.add_session_config_entry(_ELSEWHERE, os.devnull)
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        text = session.get_modelmeta().custom_metadata_map[KEY]
        card = NetworkCard.loads(text)
    except Exception as error:  # ONNX Runtime's have no common base but this
        reason = " ".join(str(error).split())[:200]
        raise CorruptFile(
            f"it holds no network of Tamperscope ({type(error).__name__}: {reason})",
            _REMEDY,
            display(path),
        ) from error
    return Trained(card, hashlib.sha256(data).hexdigest(), session)
