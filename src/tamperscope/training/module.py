"""One step of training, and of validation, as Lightning calls them."""

import math
from typing import Any

import lightning
import torch
from torch import Tensor
from torchmetrics.classification import BinaryAccuracy

from tamperscope.errors import TrainingFailed
from tamperscope.networks._base import Network, Truth
from tamperscope.training.config import Training

__all__ = ["MONITOR", "PatchModule"]

MONITOR = "val_auc"  # chooses the weights: the loss would, by how many of the patches are manipulated
_KINDS = ("pixel", "patch")
_STEPS = 1024  # thresholds at which the ROC curve is taken

Batch = dict[str, Any]


class PatchModule(lightning.LightningModule):
    """Trains a network of patches; logs loss, accuracies and the pixels' AUC."""

    heat: Tensor

    def __init__(self, network: Network, training: Training) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # half as fast again
        self.training_options = training
        self.skipped = 0  # photographs that could not be used
        self.patch_accuracy, self.pixel_accuracy = BinaryAccuracy(), BinaryAccuracy()
        self.register_buffer("heat", torch.zeros(2, 2, _STEPS), persistent=False)  # by kind, truth and heat

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of a batch.

        Raises:
            TrainingFailed: it is no number.

        """
        loss = self._loss(batch)
        self.skipped += len(batch["skipped"])
        if not math.isfinite(loss.item()):
            raise TrainingFailed(
                f"the loss became {loss.item()} in epoch {self.current_epoch}, step {index}",
                "lower learning_rate or clip, or choose precision 32-true; the last checkpoint is whole",
            )
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, sync_dist=True)
        return loss

    def validation_step(self, batch: Batch) -> None:
        """Observe a batch of the validation split."""
        if not len(batch["pixels"]):  # of photographs that cannot be read
            return
        prediction = self.network(batch["pixels"])
        truth = Truth(batch["mask"], batch["label"])
        loss = self.network.loss(prediction, truth, self.training_options.weight)
        self.log("val_loss", loss, prog_bar=True, batch_size=len(batch["pixels"]), sync_dist=True)
        for what, logits, true, accuracy in (
            ("pixel", prediction.mask, truth.mask, self.pixel_accuracy),
            ("patch", prediction.label, truth.label, self.patch_accuracy),
        ):
            if logits is not None:
                found = logits.float().softmax(1)[:, 1]
                accuracy(found, true)
                self.log(f"val_{what}_accuracy", accuracy)
                place = true * _STEPS + (found * (_STEPS - 1)).round().long()
                counts = torch.bincount(place.flatten(), minlength=2 * _STEPS)
                self.heat[_KINDS.index(what)] += counts.reshape(2, _STEPS)

    def on_validation_epoch_end(self) -> None:
        """Log the areas under the ROC curves of pixels and patches, of all processes, and their mean."""
        gathered = self.all_gather(self.heat)
        assert isinstance(gathered, Tensor)  # noqa: S101  as what was given
        areas = {}
        for what, counts in zip(_KINDS, gathered.reshape(-1, *self.heat.shape).sum(0), strict=True):
            if counts.sum():
                areas[what] = _area(*counts)
                self.log(f"val_{what}_auc", areas[what])
        self.heat.zero_()
        self.log(MONITOR, torch.stack(list(areas.values())).mean() if areas else torch.tensor(0.5))

    def configure_optimizers(self) -> Any:
        """Return Adam, as in the paper, and what lowers its learning rate if that is asked for."""
        options = self.training_options
        adam = torch.optim.Adam(self.network.parameters(), lr=options.learning_rate)
        if not options.cosine:
            return adam
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, options.epochs)
        return {"optimizer": adam, "lr_scheduler": schedule}

    def _loss(self, batch: Batch) -> Tensor:
        truth = Truth(batch["mask"], batch["label"])
        return self.network.loss(self.network(batch["pixels"]), truth, self.training_options.weight)


def _area(pristine: Tensor, manipulated: Tensor) -> Tensor:
    """Return the area under the ROC curve of counts by heat; one half if there is one sort only."""
    pairs = pristine.sum() * manipulated.sum()
    below = pristine.cumsum(0) - pristine / 2  # of those with equal heat, half
    return (manipulated * below).sum() / pairs if pairs else pairs + 0.5
