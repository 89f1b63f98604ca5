"""MFCN: a fully convolutional VGG-16 with a head for the manipulated surface and one for its edge."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, max_pool2d
from torchvision.models import VGG16_Weights

from tamperscope.io.published import MEAN, SPREAD, tensors
from tamperscope.networks._base import EVEN, Balance, Network, Prediction, Sight, Truth

__all__ = ["Mfcn", "edges"]

_DEPTHS = (2, 2, 3, 3, 3)  # convolutions before each of VGG-16's poolings
_MOST = 50.0  # weight of an edge's pixel, where there are few


class Mfcn(Network):
    """Convolutions of VGG-16; both heads add what the last three poolings say, each brought to its size.

    **Ours**: the two fully connected layers, 4096 maps each, are left out, and what lies between the
    poolings' answers is interpolated instead of learned.

    Args:
        widths: maps of the five groups of convolutions.
        published: whether a training begins with ImageNet's weights, which these widths then must have.

    References:
        Salloum, Ren & Kuo, "Image Splicing Localization Using a Multi-Task Fully Convolutional Network
        (MFCN)", JVCIR 2018. Long, Shelhamer & Darrell, "Fully Convolutional Networks", CVPR 2015 (the skips).

    """

    variants: ClassVar[dict[str, dict[str, Any]]] = {
        "narrow": {"widths": (16, 32, 48, 64, 64)},
        "VGG-16": {"published": True},
    }
    sight = Sight(side=256)

    mean: Tensor
    spread: Tensor

    def __init__(
        self, *, widths: tuple[int, ...] = (64, 128, 256, 512, 512), published: bool = False
    ) -> None:
        super().__init__()
        self.published = published
        self.groups = nn.ModuleList(
            _group(given, made, depth)
            for given, made, depth in zip((3, *widths), widths, _DEPTHS, strict=False)
        )
        self.surface, self.edge = (
            nn.ModuleList(nn.Conv2d(maps, 2, 1) for maps in widths[-3:]) for _ in range(2)
        )
        self.register_buffer("mean", torch.tensor(MEAN).reshape(3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(SPREAD).reshape(3, 1, 1), persistent=False)

    def forward(self, *inputs: Tensor) -> Prediction:
        """Predict for crops (batch, 3, height, width), multiples of 32."""
        (pixels,) = inputs
        maps, pooled = (pixels - self.mean) / self.spread, []
        for group in self.groups:
            maps = max_pool2d(group(maps), 2)
            pooled.append(maps)
        surface, edge = (_head(head, pooled[-3:]) for head in (self.surface, self.edge))
        return Prediction(mask=surface, label=None, edge=edge)

    def unpublished(self) -> list[nn.Module]:
        """Return the heads alone, if the rest has ImageNet's weights."""
        return [*self.surface, *self.edge] if self.published else super().unpublished()

    def last(self) -> list[nn.Conv2d]:
        """Return the convolutions whose sums are the logits of pixels, and of edges."""
        return [layer for head in (self.surface, self.edge) for layer in head if isinstance(layer, nn.Conv2d)]

    def pretrain(self) -> None:
        """Take ImageNet's weights, if this variant has them."""
        if not self.published:
            return
        weights = [
            value for name, value in tensors(VGG16_Weights.IMAGENET1K_V1).items() if "features" in name
        ]
        own = [values for group in self.groups for values in group.parameters()]
        with torch.no_grad():
            for mine, theirs in zip(own, weights, strict=True):
                mine.copy_(theirs)

    def loss(self, prediction: Prediction, truth: Truth, balance: Balance = EVEN) -> Tensor:
        """Add the edge's cross-entropy, in which the few pixels of edges weigh as much as all others."""
        assert prediction.edge is not None  # noqa: S101  both heads predict
        true = edges(truth.mask)
        share = true.float().mean()
        weight = ((1 - share) / share.clamp_min(1e-6)).clamp(1, _MOST)
        weights = torch.stack([torch.ones_like(weight), weight])
        return super().loss(prediction, truth, balance) + cross_entropy(prediction.edge, true, weights)


def edges(mask: Tensor) -> Tensor:
    """Return the pixels (batch, height, width) beside which a mask changes, int64, two pixels wide."""
    inside = mask.float()[:, None]
    grown, shrunk = max_pool2d(inside, 3, 1, 1), -max_pool2d(-inside, 3, 1, 1)
    return (grown - shrunk)[:, 0].long()


def _group(given: int, made: int, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for place in range(depth):
        layers += [nn.Conv2d(made if place else given, made, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


def _head(layers: nn.ModuleList, pooled: list[Tensor]) -> Tensor:
    """Return logits at the size of the photo, from what three poolings say, the coarsest first."""
    *finer, found = (layer(maps) for layer, maps in zip(layers, pooled, strict=True))
    for maps in reversed(finer):
        found = maps + interpolate(found, scale_factor=2, mode="bilinear", align_corners=False)
    return interpolate(found, scale_factor=8, mode="bilinear", align_corners=False)
