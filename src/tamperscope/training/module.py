"""One step of training, and of validation, as Lightning calls them."""

import math
from collections.abc import Sequence
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC

from tamperscope.errors import TrainingFailed
from tamperscope.networks._base import Balance, Network, Truth
from tamperscope.training.config import Training

__all__ = ["MONITOR", "PatchModule"]

# Chooses the weights, by what is told apart within a photograph: the loss, and areas under curves of all
# patches together, rather tell photographs apart.
MONITOR = "val_auc"
_KINDS = ("pixel", "patch")
_ENOUGH = 10  # photographs of a data set, to be a criterion
_STEPS = 1024  # thresholds at which the ROC curve is taken
_MOMENTUM = 0.9  # of SGD: ours, wang2024 is silent

Batch = dict[str, Any]


class PatchModule(lightning.LightningModule):
    """Trains a network of patches; logs loss, accuracies and the pixels' AUC."""

    areas: Tensor

    def __init__(self, network: Network, training: Training, sources: Sequence[str] = ("",)) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # half as fast again
        self.training_options = training
        self.balance = Balance(training.weight, training.mask_weight, training.agreement)
        self.skipped = 0  # photographs that could not be used
        self.patch_accuracy, self.pixel_accuracy = BinaryAccuracy(), BinaryAccuracy()
        self.photo_auc = BinaryAUROC(thresholds=_STEPS)
        self.sources = sources  # data sets of the validation
        # By data set and kind: their sum and number.
        self.register_buffer("areas", torch.zeros(len(sources), len(_KINDS), 2), persistent=False)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Let what a network draws depend on epoch and batch alone, so that a training can be taken up again.

        Not once an epoch: what Lightning draws before the first batch differs in a training taken up again.
        """
        drawn = self.training_options.seed, self.current_epoch, batch_idx, self.global_rank
        torch.manual_seed(hash(drawn) % 2**32)

    def training_step(self, batch: Batch) -> Tensor:
        """Return the loss of a batch.

        Raises:
            TrainingFailed: it is no number, or there are no photographs.

        """
        self.skipped += len(batch["skipped"])
        if batch["failed"]:
            raise TrainingFailed(
                f"photographs drawn in a row cannot be used, the last: {batch['skipped'][-1]}",
                "check the data set with `tamperscope datasets check`",
            )
        loss = self._loss(batch)
        if not math.isfinite(loss.item()):
            raise self._broken(loss)
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, sync_dist=True)
        return loss

    def validation_step(self, batch: Batch) -> None:
        """Observe a batch of the validation split.

        Raises:
            TrainingFailed: the weights became no numbers.

        """
        self.skipped += len(batch["skipped"])
        if not len(batch["pixels"]):  # of photographs that cannot be read
            return
        prediction = self.network(*self.network.inputs(batch))
        truth = Truth(batch["mask"], batch["label"])
        loss = self.network.loss(prediction, truth, self.balance)
        if not math.isfinite(loss.item()):
            raise self._broken(loss)
        self.log("val_loss", loss, prog_bar=True, batch_size=len(batch["pixels"]), sync_dist=True)
        for what, logits, true, accuracy in (
            ("pixel", prediction.mask, truth.mask, self.pixel_accuracy),
            ("patch", prediction.label, truth.label, self.patch_accuracy),
        ):
            if logits is not None:
                found = logits.float().softmax(1)[:, 1]
                accuracy(found, true)
                self.log(f"val_{what}_accuracy", accuracy)
                # What sees whole photographs must tell all of them apart, what sees patches those of each.
                if self.network.sight.levels:
                    self.photo_auc.update(found, true)
                    continue
                groups = batch["photo"]
                for photo in groups.unique():
                    area = _area(found[groups == photo], true[groups == photo])
                    if area is not None:
                        place = self.areas[batch["source"][photo], _KINDS.index(what)]
                        place += torch.tensor([area, 1.0], device=self.areas.device)

    def on_validation_epoch_end(self) -> None:
        """Log the areas under the ROC curves, means over photographs of all processes, and what chooses.

        Raises:
            TrainingFailed: there was nothing to compare.

        """
        gathered = self.all_gather(self.areas)
        assert isinstance(gathered, Tensor)  # noqa: S101  as what was given
        sums = gathered.reshape(-1, *self.areas.shape).sum(0)
        self.areas.zero_()
        means = {what: _mean(each) for what, each in zip(_KINDS, sums.sum(0), strict=True) if each[1]}
        if self.network.sight.levels:
            means["patch"] = self.photo_auc.compute()
            self.photo_auc.reset()
        if not means:
            raise TrainingFailed(
                "no validation photograph has both pristine and manipulated patches",
                "raise validation, or choose other photographs",
            )
        for what, mean in means.items():
            self.log(f"val_{what}_auc", mean)
        # Pixels, or patches where there are none: what few photographs say is chance.
        enough = [each[each[:, 1] >= _ENOUGH] for each in sums]
        worst = [_mean(each[0]) for each in enough if len(each)]
        for source, each in zip(self.sources, enough, strict=True):
            if len(each) and len(self.sources) > 1:
                self.log(f"val_{source}_auc", _mean(each[0]))
        mean = torch.stack(list(means.values())).mean()
        self.log(
            MONITOR, torch.stack(worst).min() if self.training_options.choose == "worst" and worst else mean
        )

    def configure_optimizers(self) -> Any:
        """Return what changes the weights, and what lowers its learning rate if that is asked for."""
        options = self.training_options
        learning = [weights for weights in self.network.parameters() if weights.requires_grad]
        optimizer: torch.optim.Optimizer
        if options.optimizer == "sgd":
            optimizer = torch.optim.SGD(learning, lr=options.learning_rate, momentum=_MOMENTUM)
        elif options.optimizer == "adamw":
            optimizer = torch.optim.AdamW(learning, lr=options.learning_rate)
        else:
            optimizer = torch.optim.Adam(learning, lr=options.learning_rate)
        if options.cosine:
            return {"optimizer": optimizer, "lr_scheduler": CosineAnnealingLR(optimizer, options.epochs)}
        if options.milestones:
            return {"optimizer": optimizer, "lr_scheduler": MultiStepLR(optimizer, options.milestones)}
        return optimizer

    def _broken(self, loss: Tensor) -> TrainingFailed:
        return TrainingFailed(
            f"the loss became {loss.item()} in epoch {self.current_epoch}",
            "lower learning_rate or clip, or choose precision 32-true; the last checkpoint is whole",
        )

    def _loss(self, batch: Batch) -> Tensor:
        truth = Truth(batch["mask"], batch["label"])
        prediction = self.network(*self.network.inputs(batch))
        return self.network.loss(prediction, truth, self.balance)


def _mean(each: Tensor) -> Tensor:
    """Return the mean of what has this sum and number."""
    return each[0] / each[1]


def _area(found: Tensor, true: Tensor) -> float | None:
    """Return the area under the ROC curve of probabilities in [0, 1]; None if there is one sort only."""
    place = true * _STEPS + (found * (_STEPS - 1)).round().long()
    counts = torch.bincount(place.flatten(), minlength=2 * _STEPS).double()
    pristine, manipulated = counts.reshape(2, _STEPS)
    pairs = pristine.sum() * manipulated.sum()
    below = pristine.cumsum(0) - pristine / 2  # of those with equal heat, half
    return float((manipulated * below).sum() / pairs) if pairs else None
