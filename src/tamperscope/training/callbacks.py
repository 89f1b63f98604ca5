"""What happens beside the steps of a training: its history, its checkpoints, and its end."""

import csv
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

from tamperscope.io.paths import write_whole
from tamperscope.training.module import MONITOR, PatchModule

__all__ = ["BEST", "LAST", "History", "Interruption", "Patience", "checkpoints"]

BEST, LAST = "best.safetensors", "last.safetensors"


class _Checkpoint(ModelCheckpoint):
    """Keeps one file, in the run's folder wherever that is now."""

    FILE_EXTENSION = ".safetensors"

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state; Lightning forgets which was the best if the folder was moved."""
        folder = str(self.dirpath)
        moved = {
            key: str(Path(folder) / Path(value).name)
            for key, value in state_dict.items()
            if key.endswith("_path") and value
        }
        best = {
            str(Path(folder) / Path(path).name): score for path, score in state_dict["best_k_models"].items()
        }
        super().load_state_dict({**state_dict, **moved, "best_k_models": best, "dirpath": folder})


def checkpoints(out: Path) -> list[ModelCheckpoint]:
    """Return what keeps the best and the last epoch: Lightning's `save_last` keeps the last if it is best."""
    return [
        _Checkpoint(out, "best", monitor=MONITOR, mode="max", enable_version_counter=False),
        _Checkpoint(out, "last", enable_version_counter=False),
    ]


class Patience(EarlyStopping):
    """Ends a training that gets no better; also one that is taken up after it had."""

    def __init__(self, epochs: int) -> None:
        super().__init__(MONITOR, mode="max", patience=epochs)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002
        """End it before its first step if there is no patience left."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class Interruption(Callback):
    """Remembers that a person interrupted: Lightning ends the process instead."""

    def __init__(self) -> None:
        self.happened = False

    def on_exception(
        self,
        trainer: lightning.Trainer,  # noqa: ARG002
        pl_module: lightning.LightningModule,  # noqa: ARG002
        exception: BaseException,
    ) -> None:
        """Take note of it."""
        self.happened = isinstance(exception, KeyboardInterrupt)

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Raise the interruption instead of the end of the process that it led to."""
        try:
            yield
        except SystemExit:
            if self.happened:
                raise KeyboardInterrupt from None
            raise


class History(Callback):
    """Appends each epoch's figures to a CSV file; those after the checkpoint that is taken up are dropped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started = time.monotonic()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Go on counting what was passed over."""
        kept = self._rows(trainer.current_epoch)
        assert isinstance(pl_module, PatchModule)  # noqa: S101  ours
        pl_module.skipped = int(kept[-1]["skipped"]) if kept else 0

    def on_train_epoch_start(
        self,
        trainer: lightning.Trainer,  # noqa: ARG002
        pl_module: lightning.LightningModule,  # noqa: ARG002
    ) -> None:
        """Take the time."""
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Write the epoch's row."""
        if not trainer.is_global_zero:
            return
        figures = {key: float(value) for key, value in trainer.callback_metrics.items()}
        seconds = round(time.monotonic() - self.started, 2)
        row = {"epoch": trainer.current_epoch, "seconds": seconds, "skipped": pl_module.skipped, **figures}
        rows = [*self._rows(trainer.current_epoch), row]
        stream = StringIO()
        columns = dict.fromkeys(name for one in rows for name in one)  # an older version's may differ
        writer = csv.DictWriter(stream, list(columns), restval="nan", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.path, stream.getvalue().encode())

    def _rows(self, before: int) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            return [row for row in csv.DictReader(file) if int(row["epoch"]) < before]
