"""A training, from its photographs to a folder of weights, curves and everything to repeat it."""

import ctypes
import logging
import multiprocessing
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from tamperscope import plugins
from tamperscope.errors import InvalidParameter, TrainingFailed
from tamperscope.io.paths import hold
from tamperscope.networks._base import Network, Sight
from tamperscope.training.callbacks import BEST, LAST, History, Interruption, Patience, checkpoints
from tamperscope.training.checkpoint import SafeCheckpoints
from tamperscope.training.config import Training
from tamperscope.training.curves import draw_curves
from tamperscope.training.data import VALIDATION, Item, Patches, Photographs, collate
from tamperscope.training.folder import WEIGHTS, claim, load_weights, write_weights
from tamperscope.training.mean import mean_weights
from tamperscope.training.module import PatchModule
from tamperscope.training.start import scale
from tamperscope.training.wholes import Wholes

__all__ = ["build_network", "stream", "train"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of the GNU C library's mallopt
_MEASURED = 14  # batches, by which normalizations are set anew
_FIRST, _SEEN = 16, 2**19  # photographs, and pixels of their patches, by which fresh weights are scaled


def train(name: str, learn: Photographs, validate: Photographs, training: Training, out: Path) -> Path:
    """Train a network by its name; return the file of its best weights, ``out/network.safetensors``.

    ``out`` is made, and holds the configuration, the split, checkpoints, metrics.csv and curves.png. If a
    training of the same configuration was interrupted there, it is taken up at its last epoch, and ends with
    the weights that it would have had.

    Raises:
        InvalidParameter: no such variant. UnknownPlugin: no such network.
        OutputError: ``out`` holds a training of another configuration, or one is at work there.
        TrainingFailed: a class is missing, memory is short, or the loss became no number.

    """
    _check_classes(learn, validate, forged=training.forged > 0)
    _keep_memory()
    lightning.seed_everything(training.seed, verbose=False)
    network = build_network(name, training.variant)
    if training.start:
        load_weights(network, Path(training.start))
    _freeze(network, training.frozen)
    network.sight = _sight(network.sight, training.side)
    interruption = Interruption()
    trainer = _trainer(out, training, interruption)
    weights = out / WEIGHTS
    # A process that Lightning starts beside this one trains in the same folder.
    with hold(out, "training") if os.environ.get("LOCAL_RANK", "0") == "0" else nullcontext():
        claim(out, name, {"train": learn, "val": validate}, training)
        if weights.exists():
            return weights
        if not training.start and not (out / LAST).exists():
            network.pretrain()
            if training.scaled:
                items = stream(learn, training, 0, network.sight)
                first = collate([items[item] for item in range(_FIRST)])
                step = max(1, first["pixels"].numel() // (3 * _SEEN))
                of_patches = {"pixels", "photo", "levels", "table", "stored"}.intersection(first)
                few = {name: first[name][::step] for name in of_patches}
                if len(few["pixels"]):  # else the first step says what is wrong with the photographs
                    scale(network, network.inputs({**first, **few}))
        with _quiet(), _explained(), interruption.raised():
            trainer.fit(
                PatchModule(network, training, list(validate.sources)),
                _Data(learn, validate, training, network.sight),
                ckpt_path=out / LAST if (out / LAST).exists() else None,
            )
        if not trainer.is_global_zero:
            sys.exit()
        draw_curves(out / "metrics.csv", out / "curves.png", f"{name} {training.variant}".strip())
        state = SafeCheckpoints().load_checkpoint(out / (LAST if training.choose == "last" else BEST))[
            "state_dict"
        ]
        own = "network."
        learned = {key.removeprefix(own): state[key] for key in state if key.startswith(own)}
        if training.kept:
            learned = _mean(network, learned, _Data(learn, validate, training, network.sight), training)
        write_weights(out, learned)
    return weights


def _mean(
    network: Network, learned: dict[str, Tensor], data: "_Data", training: Training
) -> dict[str, Tensor]:
    """Return what was learned, with a share of what the training began with."""
    load_weights(network, Path(training.start))
    begun = {name: values.clone() for name, values in network.state_dict().items()}
    batches = islice(data.train_dataloader(), _MEASURED)
    return mean_weights(network, begun, learned, training.kept, batches)


def _check_classes(learn: Photographs, validate: Photographs, *, forged: bool) -> None:
    # What is forged as it is needed is made of pristine photographs.
    for what, photographs, wanted in (
        ("training", learn, (not forged,)),
        ("validation", validate, (False, True)),
    ):
        for manipulated in wanted:
            if not photographs.of(manipulated=manipulated):
                label = "manipulated" if manipulated else "pristine"
                raise TrainingFailed(
                    f"the {what} split has no {label} photograph", "choose other photographs"
                )


def _trainer(out: Path, training: Training, interruption: Interruption) -> lightning.Trainer:
    watched = sys.stderr is not None and sys.stderr.isatty()
    try:
        with _quiet():
            return lightning.Trainer(
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
                    *checkpoints(out),
                    Patience(training.patience),
                    History(out / "metrics.csv"),
                    interruption,
                    *([RichProgressBar()] if watched else []),
                ],
                enable_progress_bar=watched,
                enable_model_summary=False,
                deterministic="warn" if torch.cuda.is_available() else None,  # a processor always is
            )
    except MisconfigurationException as error:
        reason = " ".join(str(error).split())
        raise InvalidParameter(
            f"a training cannot be set up so ({reason})", "change devices or precision"
        ) from error


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


def _freeze(network: Network, parts: str) -> None:
    """Let parts of a network, named with commas between, learn nothing: neither weights nor statistics.

    Raises:
        InvalidParameter: there is no such part.

    """
    for name in filter(None, (part.strip() for part in parts.split(","))):
        try:
            network.get_submodule(name).requires_grad_(requires_grad=False).eval()
        except AttributeError:
            known = ", ".join(part for part, _ in network.named_children())
            raise InvalidParameter(
                f"training.frozen cannot be {parts!r}: there is no part {name!r}",
                f"choose from {known}, or parts of those",
            ) from None


def _sight(sight: Sight, side: int) -> Sight:
    """Return what a network sees, in patches of another side if that is not 0.

    Raises:
        InvalidParameter: it takes no others, or none of that side.

    """
    if not side:
        return sight
    if not sight.free or side % 8 or side < sight.least:
        raise InvalidParameter(
            f"training.side cannot be {side}",
            f"give a multiple of 8 from {sight.least} on"
            if sight.free
            else "this network takes one side only: leave it out",
        )
    return replace(sight, side=side)


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


def stream(photographs: Photographs, training: Training, epoch: int, sight: Sight) -> TorchDataset[Item]:
    """Return what an epoch gives to the network: patches, or whole photographs whose masks are not read."""
    if sight.levels:
        labelled = photographs.labelled
        if epoch == VALIDATION:
            return Wholes.of_each(labelled, training, sight)
        return Wholes(labelled, training, epoch, sight)
    if epoch == VALIDATION:
        return Patches.of_each(photographs, training, sight)
    return Patches(photographs, training, epoch, sight)


class _Data(lightning.LightningDataModule):
    """Gives each epoch its own patches."""

    def __init__(self, learn: Photographs, validate: Photographs, training: Training, sight: Sight) -> None:
        super().__init__()
        self.learn, self.validate, self.training_options, self.sight = learn, validate, training, sight

    def train_dataloader(self) -> DataLoader[dict[str, Any]]:
        epoch = self.trainer.current_epoch if self.trainer else 0
        options = self.training_options
        items = stream(self.learn, options, epoch, self.sight)
        at_once = (1 + options.twins if self.sight.levels else options.per_photo) * options.devices
        return self._loader(items, at_once)

    def val_dataloader(self) -> DataLoader[dict[str, Any]]:
        options = self.training_options
        # Of a photograph as it is there are as many windows as it is large: each is a batch of its own.
        at_once = options.batch if self.sight.grid else 1 if self.sight.levels else options.validation
        return self._loader(stream(self.validate, options, VALIDATION, self.sight), at_once)

    def _loader(self, items: TorchDataset[Item], at_once: int) -> DataLoader[dict[str, Any]]:
        """Load as many photographs as make a batch; ``at_once`` patches come with each, on all devices."""
        options = self.training_options
        return DataLoader(
            items,
            batch_size=max(1, options.batch // at_once),
            num_workers=options.workers,
            collate_fn=collate,
            multiprocessing_context=_fresh_processes() if options.workers else None,
        )


def _fresh_processes() -> Any:
    """Return what starts processes without the threads of this one: a fork of those may hang or die."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([Patches.__module__])  # so that each epoch's processes start at once
    return context


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
        # A processor's lack of memory is a plain RuntimeError, and so is a reader that the system killed.
        words = ("allocate memory", "DataLoader worker")
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and not any(
            word in str(error) for word in words
        ):
            raise
        raise TrainingFailed(
            f"memory ran out ({error})",
            "lower batch or workers in another folder, which may begin with this one's weights: "
            "--set start=FOLDER/last.safetensors",
        ) from error
