"""What every network is: a module that predicts, and scores its predictions against the truth."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

__all__ = ["PATCH", "Network", "Prediction", "Truth"]

PATCH = 64  # pixels, of the side of what networks of patches see


@dataclass(frozen=True, eq=False)
class Prediction:
    """Logits of pristine and manipulated; None for what the network does not predict.

    ``mask`` is (batch, 2, height, width), ``label``, of each patch or photo, (batch, 2).
    """

    mask: Tensor | None
    label: Tensor | None


@dataclass(frozen=True, eq=False)
class Truth:
    """What is true: ``mask`` (batch, height, width) and ``label`` (batch), int64, 1 where manipulated."""

    mask: Tensor
    label: Tensor


class Network(nn.Module, ABC):
    """Predicts from RGB ``pixels``, (batch, 3, height, width) in [0, 1]; never sees the truth.

    ``variants`` are its published forms by name, each the arguments that make it; the first is the default.
    """

    variants: ClassVar[dict[str, dict[str, Any]]]

    @abstractmethod
    def forward(self, pixels: Tensor) -> Prediction: ...

    def loss(self, prediction: Prediction, truth: Truth, weight: float = 1.0) -> Tensor:
        """Return the cross-entropies of mask and label, of those that are predicted, added.

        What is manipulated counts ``weight`` times as much as what is not.
        """
        pairs = ((prediction.mask, truth.mask), (prediction.label, truth.label))
        found = [
            cross_entropy(logits, true, logits.new_tensor([1.0, weight]))
            for logits, true in pairs
            if logits is not None
        ]
        return sum(found[1:], start=found[0])
