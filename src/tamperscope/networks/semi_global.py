"""The semi-global network: the Conv-LSTM network, whose patch labels also know the whole photo."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights, resnet18

from tamperscope.io.published import MEAN, SPREAD, tensors
from tamperscope.networks._base import ContextNetwork, Prediction, Sight
from tamperscope.networks.conv_lstm import ConvLstm, from_blocks

__all__ = ["SemiGlobal"]

_HIDDEN = 256  # of the LSTM's last step, and of the global features


class SemiGlobal(ContextNetwork, ConvLstm):
    """Local branch, global branch, and a patch label from both; the mask comes from the local branch alone.

    The photo passes the global branch once (`look`), whatever the number of its patches (`judge`).

    Args:
        branch: "light", five convolutions of stride 2, or "resnet18", frozen, with ImageNet's weights.

    References:
        Cun & Pun, "Image Splicing Localization via Semi-Global Network and Fully Connected Conditional Random
        Fields", ECCV Workshops 2018 (slides), and its public code (the light branch, and that only the label
        sees the global features).

    """

    variants: ClassVar[dict[str, dict[str, Any]]] = {
        "light": {},
        "resnet18": {"branch": "resnet18"},
    }
    sight = Sight(context=224)

    def __init__(self, *, branch: str = "light") -> None:
        super().__init__(hidden=_HIDDEN)
        self.globe = _Light() if branch == "light" else _ResNet18()
        self.classify = nn.Linear(2 * _HIDDEN, 2)

    def look(self, photos: Tensor) -> Tensor:
        """Return global features (n, 256) of whole photos (n, 3, 224, 224)."""
        features: Tensor = self.globe(photos)
        return features

    def judge(self, pixels: Tensor, features: Tensor) -> Prediction:
        """Predict for patches, given the global features (batch, 256) or (1, 256) of their photos."""
        steps = self.read(pixels)
        assert self.segment is not None  # noqa: S101  it has both heads
        assert self.classify is not None  # noqa: S101
        both = torch.cat([steps[:, -1], features.expand(steps.shape[0], -1)], dim=1)
        return Prediction(mask=self.segment(from_blocks(steps)), label=self.classify(both))

    def pretrain(self) -> None:
        """Take ImageNet's weights, if the global branch has such."""
        if isinstance(self.globe, _ResNet18):
            self.globe.pretrain()

    def start(self, state: Mapping[str, Tensor]) -> None:
        """Begin with weights of this network, or of the Conv-LSTM network, for which the photo is nothing."""
        if not any(name.startswith("globe.") for name in state):
            self.pretrain()
            weight = state["classify.weight"] if "classify.weight" in state else torch.zeros(2, 0)
            unseen = weight.new_zeros(2, 2 * _HIDDEN - weight.shape[1])
            own = {name: value for name, value in self.state_dict().items() if name.startswith("globe.")}
            state = {**own, **state, "classify.weight": torch.cat([weight, unseen], dim=1)}
        super().start(state)


class _Light(nn.Sequential):
    """Five convolutions that halve the photo each, and their means; of the public code."""

    def __init__(self) -> None:
        maps = (3, 16, 16, 32, 32, 64)
        layers: list[nn.Module] = []
        for given, made in pairwise(maps):
            layers += [nn.Conv2d(given, made, 3, stride=2, padding=1), nn.ReLU()]
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(maps[-1], _HIDDEN))


class _ResNet18(nn.Module):
    """ResNet-18 up to its 512 features, which never learns, and a linear layer that does."""

    mean: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.body = resnet18()
        self.body.fc = nn.Identity()
        self.body.requires_grad_(requires_grad=False).eval()
        self.project = nn.Linear(512, _HIDDEN)
        self.register_buffer("mean", torch.tensor(MEAN).reshape(3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(SPREAD).reshape(3, 1, 1), persistent=False)

    def forward(self, photos: Tensor) -> Tensor:
        features: Tensor = self.project(self.body((photos - self.mean) / self.spread))
        return features

    def pretrain(self) -> None:
        """Take ImageNet's weights."""
        published = tensors(ResNet18_Weights.IMAGENET1K_V1)
        self.body.load_state_dict({name: published[name] for name in self.body.state_dict()})

    def train(self, mode: bool = True) -> "_ResNet18":
        """Train the linear layer alone: what is frozen keeps the statistics of its normalization, too."""
        super().train(mode)
        self.body.eval()  # as it was made: Lightning brings back each module's mode, and calls nothing
        return self
