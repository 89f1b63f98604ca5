"""What every network is: a module that predicts, and scores its predictions against the truth."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tamperscope.errors import InvalidParameter

__all__ = [
    "EVEN",
    "PATCH",
    "Balance",
    "ContextNetwork",
    "Network",
    "Prediction",
    "Sight",
    "Truth",
    "apart",
    "disagreement",
    "probabilities",
]

PATCH = 64  # pixels, of the side of the papers' patches
_FAR = 8.0  # standard deviations: more says no more


@dataclass(frozen=True)
class Sight:
    """What a network sees of a photo: patches of ``side`` pixels on the 8x8 grid, as they are.

    If ``context`` is not 0, also the whole photo, brought to a square of that many pixels a side. With
    ``history``, also the JPEG coefficients of the patches, see `signal.history`. If ``levels`` is not 0,
    nothing but the whole photo: its signed error levels at that JPEG quality, in a square of ``side``; with
    ``grid``, windows of that side of the photo as it is, on the 8x8 grid. What it learns from has sides of
    at least ``least`` pixels, and is mirrored to that of a patch; 0: a patch's. If it is ``free``, patches of
    another side may be learned from.
    """

    side: int = PATCH
    context: int = 0
    levels: int = 0
    history: bool = False
    least: int = 0
    grid: bool = False
    free: bool = False


@dataclass(frozen=True, eq=False)
class Prediction:
    """Logits of pristine and manipulated; None for what the network does not predict.

    ``mask`` is (batch, 2, height, width), ``label``, of each patch or photo, (batch, 2), and ``edge`` tells
    where the manipulated begins, as ``mask``.
    """

    mask: Tensor | None
    label: Tensor | None
    edge: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Truth:
    """What is true: ``mask`` (batch, height, width) and ``label`` (batch), int64, 1 where manipulated."""

    mask: Tensor
    label: Tensor


@dataclass(frozen=True)
class Balance:
    """What the parts of the loss weigh.

    ``manipulated`` is the weight of what is manipulated in both cross-entropies, beside 1 for what is not,
    ``mask`` that of the mask's beside the label's, ``agreement`` that of the distance of both predictions.
    """

    manipulated: float = 1.0
    mask: float = 1.0
    agreement: float = 0.0


EVEN = Balance()


class Network(nn.Module, ABC):
    """Predicts from RGB ``pixels``, (batch, 3, height, width) in [0, 1]; never sees the truth.

    ``variants`` are its published forms by name, each the arguments that make it; the first is the default.
    """

    variants: ClassVar[dict[str, dict[str, Any]]]
    sight: Sight = Sight()

    @abstractmethod
    def forward(self, *inputs: Tensor) -> Prediction: ...

    def examples(self) -> dict[str, Tensor]:
        """Return inputs of `answers` by name, at random and always the same, to export and to check it."""
        shape = 5, 3, self.sight.side, self.sight.side
        return {"pixels": torch.rand(shape, generator=torch.Generator().manual_seed(0))}

    def asked(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Return inputs of `answers` by name, for what `forward` would be given."""
        return {"pixels": inputs[0]}

    def answers(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Return what is shipped of the network, by name: probabilities of manipulation instead of logits."""
        return probabilities(self(*inputs))

    def varying(self, name: str) -> dict[int, str]:  # noqa: ARG002
        """Return which axes may be of any length of what goes into `answers`, or comes out, under that name.

        Those that are called alike are of the same length.
        """
        return {0: "batch"}

    def inputs(self, batch: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Return of a batch of `training.data` what `forward` takes."""
        return (batch["pixels"],)

    def unpublished(self) -> list[nn.Module]:
        """Return the modules that are not published work, in the order in which they are used."""
        return list(self.modules())

    def last(self) -> list[nn.Conv2d]:
        """Return the convolutions that make the logits of pixels."""
        return []

    def pretrain(self) -> None:
        """Take published weights of other work, before a training from the start; here there are none.

        Raises:
            MissingWeights, CorruptFile: they cannot be had.

        """

    def convert(self, path: Path) -> None:  # noqa: ARG002
        """Take weights that others published for this network, in a file of theirs.

        Raises:
            InvalidParameter: there are none.
            OSError, KeyError, ValueError: the file holds something else.

        """
        raise InvalidParameter(
            "no weights are published for this network", "train it with `tamperscope train`"
        )

    def start(self, state: Mapping[str, Tensor]) -> None:
        """Begin with the weights in a file.

        Raises:
            RuntimeError: they are those of another network or variant.

        """
        if lacking := [name for name in self.state_dict() if name not in state]:
            raise RuntimeError(f"it does not hold {lacking[0]} as it was learned")
        self.load_state_dict(state)

    def loss(self, prediction: Prediction, truth: Truth, balance: Balance = EVEN) -> Tensor:
        """Return the cross-entropies of what is predicted, and what draws mask and label together.

        References: Bappy et al., ICCV 2017, section 3.3; Cun & Pun, ECCVW 2018 (Phi, with the weights of
        `Balance`: W, beta and lambda).

        """
        found = prediction.mask if prediction.mask is not None else prediction.label
        assert found is not None  # noqa: S101  a network predicts something
        weights = found.new_tensor([1.0, balance.manipulated])
        total = found.new_zeros(())
        if prediction.mask is not None:
            total = total + balance.mask * cross_entropy(prediction.mask, truth.mask, weights)
        if prediction.label is not None:
            total = total + cross_entropy(prediction.label, truth.label, weights)
        if balance.agreement and prediction.mask is not None and prediction.label is not None:
            total = total + balance.agreement * disagreement(prediction.mask, prediction.label)
        return total


class ContextNetwork(Network):
    """Also sees whole photos, each once: `look` says what is in them, `judge` what follows for a patch."""

    @abstractmethod
    def look(self, photos: Tensor) -> Tensor:
        """Return features (n, features) of whole photos (n, 3, context, context)."""

    @abstractmethod
    def judge(self, pixels: Tensor, features: Tensor) -> Prediction:
        """Predict for patches, given the features of their photos, (batch, features) or (1, features)."""

    def examples(self) -> dict[str, Tensor]:
        """Return patches, a photo, and what is seen in it."""
        shape = 1, 3, self.sight.context, self.sight.context
        photo = torch.rand(shape, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            return {**super().examples(), "photo": photo, "known": self.eval().look(photo)}

    def asked(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Return patches, whole photos, and what is seen in those for each patch."""
        pixels, photos, number = inputs
        with torch.no_grad():
            return {"pixels": pixels, "photo": photos, "known": self.eval().look(photos)[number]}

    def answers(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Return probabilities for patches of a photo that is ``known``, and what is ``seen`` in a photo."""
        pixels, photo, known = inputs
        return {**probabilities(self.judge(pixels, known)), "seen": self.look(photo)}

    def varying(self, name: str) -> dict[int, str]:
        """Return that photos are counted apart from patches."""
        return {0: "photos"} if name in ("photo", "known", "seen") else super().varying(name)

    def inputs(self, batch: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Return the patches, their photos, and the number of each patch's photo."""
        return batch["pixels"], batch["context"], batch["photo"]

    def forward(self, *inputs: Tensor) -> Prediction:
        """Predict for patches of whole photos, each patch the one of its number."""
        pixels, photos, number = inputs
        return self.judge(pixels, self.look(photos)[number])


def probabilities(prediction: Prediction) -> dict[str, Tensor]:
    """Return the probability of being manipulated, of all that is predicted, by name."""
    logits = {name: getattr(prediction, name) for name in ("mask", "label", "edge")}
    return {name: found.softmax(1)[:, 1] for name, found in logits.items() if found is not None}


def apart(maps: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Return by how many standard deviations places differ from a mean of theirs, 8 at most."""
    return ((maps - mean) / variance.add(1e-4).sqrt()).clamp(-_FAR, _FAR)


def disagreement(mask: Tensor, label: Tensor) -> Tensor:
    """Return the mean over patches of the distance of their mask's mean probability to their label's."""
    means = mask.softmax(1)[:, 1].mean((1, 2))
    return torch.abs(means - label.softmax(1)[:, 1]).mean()
