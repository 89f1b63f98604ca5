"""A training, from its photographs to a folder of weights, curves and everything to repeat it."""

import csv
import ctypes
import json
import logging
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader

from tamperscope import plugins
from tamperscope.errors import CorruptFile, InvalidParameter, OutputError, TrainingFailed
from tamperscope.io.paths import display
from tamperscope.io.provenance import versions
from tamperscope.networks._base import Network
from tamperscope.training.checkpoint import SafeCheckpoints
from tamperscope.training.config import Training
from tamperscope.training.curves import draw_curves
from tamperscope.training.data import Patches, Photographs, collate
from tamperscope.training.module import MONITOR, PatchModule
from tamperscope.training.start import scale

__all__ = ["WEIGHTS", "build_network", "load_weights", "train"]

_LIBRARIES = ("torch", "lightning", "numpy", "opencv-python-headless", "tamperscope")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of the GNU C library's mallopt
_FIRST = 16  # photographs, by whose patches fresh weights are scaled
_BEST, _LAST = "best.safetensors", "last.safetensors"
WEIGHTS = "network.safetensors"  # in a run's folder, once it is finished


def train(name: str, learn: Photographs, validate: Photographs, training: Training, out: Path) -> Path:
    """Train a network by its name; return the file of its best weights, ``out/network.safetensors``.

    ``out`` is made, and holds the configuration, the split, checkpoints, metrics.csv and curves.png. If a
    training of the same configuration was interrupted there, it is taken up at its last epoch, and ends with
    the weights that it would have had.

    Raises:
        InvalidParameter: no such variant. UnknownPlugin: no such network.
        OutputError: ``out`` holds a training of another configuration.
        TrainingFailed: a class is missing, memory is short, or the loss became no number.

    """
    for what, photographs in (("training", learn), ("validation", validate)):
        for manipulated in (False, True):
            if not photographs.of(manipulated=manipulated) and (manipulated or what == "validation"):
                label = "manipulated" if manipulated else "pristine"
                raise TrainingFailed(
                    f"the {what} split has no {label} photograph", "choose other photographs"
                )
    _keep_memory()
    lightning.seed_everything(training.seed, verbose=False)
    network = build_network(name, training.variant)
    _prepare(out, name, learn, validate, training)
    weights = out / WEIGHTS
    if weights.exists():
        return weights
    if training.start:
        load_weights(network, Path(training.start))
    elif training.scaled:
        scale(network, collate([Patches(learn, training, 0)[item] for item in range(_FIRST)])["pixels"])
    module = PatchModule(network, training)
    history = _History(out / "metrics.csv")
    with _quiet(), _explained():
        # Two, since Lightning's `save_last` writes the last one only when it is the best as well.
        checkpoints = [
            ModelCheckpoint(out, "best", monitor=MONITOR, mode="max", enable_version_counter=False),
            ModelCheckpoint(out, "last", enable_version_counter=False),
        ]
        for checkpoint in checkpoints:
            checkpoint.FILE_EXTENSION = ".safetensors"
        trainer = lightning.Trainer(
            accelerator="auto",
            devices=training.devices,
            strategy="ddp" if training.devices > 1 else "auto",
            precision=_precision(training.precision),  # type: ignore[arg-type]
            max_epochs=training.epochs,
            gradient_clip_val=training.clip,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            logger=TensorBoardLogger(out, name="", version=""),
            plugins=[SafeCheckpoints()],
            callbacks=[
                *checkpoints,
                EarlyStopping(MONITOR, mode="max", patience=training.patience),
                history,
                *([RichProgressBar()] if sys.stderr is not None and sys.stderr.isatty() else []),
            ],
            enable_progress_bar=sys.stderr is not None and sys.stderr.isatty(),
            enable_model_summary=False,
            deterministic="warn" if torch.cuda.is_available() else None,  # a processor always is
        )
        last = out / _LAST
        trainer.fit(module, _Data(learn, validate, training), ckpt_path=last if last.exists() else None)
    if not trainer.is_global_zero:  # a process that Lightning started beside the one that was called
        sys.exit()
    state = SafeCheckpoints().load_checkpoint(out / _BEST)["state_dict"]
    kept = {key.removeprefix("network."): value for key, value in state.items() if key.startswith("network.")}
    draw_curves(out / "metrics.csv", out / "curves.png", f"{name} {training.variant}".strip())
    save_file(kept, weights)
    return weights


def build_network(name: str, variant: str = "") -> Network:
    """Return a network with fresh weights.

    Raises:
        UnknownPlugin: no such network. InvalidParameter: it has no such variant.

    """
    kind = plugins.load("networks", name)
    chosen = variant or next(iter(kind.variants))
    if chosen not in kind.variants:
        raise InvalidParameter(
            f"{name} has no variant {variant!r}", f"choose from {', '.join(kind.variants)}"
        )
    network: Network = kind(**kind.variants[chosen])
    return network


def load_weights(network: Network, path: Path) -> None:
    """Fill a network with the weights in a safetensors file.

    Raises:
        CorruptFile: it cannot be read, or its weights are those of another network or variant.

    """
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CorruptFile(
            f"its weights cannot be used ({reason})",
            "give network.safetensors of a run of the same network and variant",
            display(path),
        ) from error


def _precision(wanted: str) -> str:
    """Return Lightning's name for what is fast here: 16 bits where the hardware multiplies them."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    told = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bf16-mixed" if told() else "32-true"


def _keep_memory() -> None:
    """Let the C library keep large arrays for the next step: asking the system each time halves the speed."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, 2**30)
        library.mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def _prepare(out: Path, name: str, learn: Photographs, validate: Photographs, training: Training) -> None:
    """Write what is trained, and on what, or check that it is the same as before."""
    record = {"network": name, "training": asdict(training)}
    split = [
        {"split": split, "image": sample.name, "manipulated": int(sample.manipulated)}
        for split, photographs in (("train", learn), ("val", validate))
        for sample in photographs.samples
    ]
    try:
        if (out / "run.json").exists():
            before = json.loads((out / "run.json").read_text(encoding="utf-8"))
            with (out / "split.csv").open(encoding="utf-8", newline="") as file:
                same = [
                    {**row, "manipulated": int(row["manipulated"])} for row in csv.DictReader(file)
                ] == split
            if not same or {key: before.get(key) for key in record} != record:
                raise OutputError(
                    "it holds a training of another configuration or other photographs",
                    "choose another folder, or remove this one",
                    display(out),
                )
            return
        out.mkdir(parents=True, exist_ok=True)
        with (out / "split.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(split[0]))
            writer.writeheader()
            writer.writerows(split)
        text = json.dumps({**record, "versions": versions(_LIBRARIES)}, indent=2) + "\n"
        (out / "run.json").write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"it cannot be written ({error.strerror})", "choose another folder", display(out)
        ) from error


class _Data(lightning.LightningDataModule):
    """Gives each epoch its own patches."""

    def __init__(self, learn: Photographs, validate: Photographs, training: Training) -> None:
        super().__init__()
        self.learn, self.validate, self.training_options = learn, validate, training

    def train_dataloader(self) -> DataLoader[dict[str, Any]]:
        epoch = self.trainer.current_epoch if self.trainer else 0
        return self._loader(Patches(self.learn, self.training_options, epoch))

    def val_dataloader(self) -> DataLoader[dict[str, Any]]:
        return self._loader(Patches.of_each(self.validate, self.training_options))

    def _loader(self, patches: Patches) -> DataLoader[dict[str, Any]]:
        options = self.training_options
        return DataLoader(
            patches,
            batch_size=max(1, options.batch // options.per_photo),
            num_workers=options.workers,
            collate_fn=collate,
        )


class _History(Callback):
    """Appends each epoch's figures to a CSV file; those after the checkpoint that is taken up are dropped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started = time.monotonic()

    def on_train_epoch_start(
        self,
        trainer: lightning.Trainer,  # noqa: ARG002
        pl_module: lightning.LightningModule,  # noqa: ARG002
    ) -> None:
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        figures = {key: float(value) for key, value in trainer.callback_metrics.items()}
        seconds = round(time.monotonic() - self.started, 2)
        row = {"epoch": trainer.current_epoch, "seconds": seconds, "skipped": pl_module.skipped, **figures}
        rows = []
        if self.path.exists():
            with self.path.open(encoding="utf-8", newline="") as file:
                rows = [kept for kept in csv.DictReader(file) if int(kept["epoch"]) < trainer.current_epoch]
        part = self.path.with_suffix(".part")
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerows([*rows, row])
        part.replace(self.path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out Lightning's advice about workers and folders, which is not for those who train with us."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _explained() -> Iterator[None]:
    """Say what to do when memory runs out."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        # A processor's lack of memory is a plain RuntimeError.
        short = isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in str(error)
        if not short:
            raise
        raise TrainingFailed(
            f"memory ran out ({error})", "lower batch, or choose precision bf16-mixed; then go on"
        ) from error
