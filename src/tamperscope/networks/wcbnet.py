"""WCBnet: tells manipulated photos from pristine ones by error levels, and shows what it went by."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate
from torchvision.models import get_model
from torchvision.models.resnet import BasicBlock, ResNet

from tamperscope.networks._base import EVEN, Balance, Network, Prediction, Sight, Truth

__all__ = ["CrossBlockAttention", "Views", "WcbNet"]

_HEADS = 4  # of the attention
_WIDTH = 128  # maps of each block in the weighted features: adds about 2.3% to ResNet-50, as in the paper


@dataclass(frozen=True, eq=False)
class Views(Prediction):
    """A label from several views, and the logit of each (batch, views)."""

    views: Tensor = field(kw_only=True)


class WcbNet(Network):
    """A ResNet whose five blocks are weighed by attention across them, once for each view.

    A view takes all blocks at the size of one of them. **Ours:** the three views can share a ResNet and one
    pass, three heads on it; the paper trains a network for each.

    Args:
        backbone: a ResNet of torchvision's by its name, or "resnet10", one basic block for each size.
        views: blocks, 1 to 5, whose size the views take.

    References:
        Wang & Abhayaratne, "Weakly-supervised Localization of Manipulated Image Regions Using
        Multi-resolution Learned Features", BMVC 2024 workshop, section 2.1; "WCBnet", MMSP 2023.

    """

    variants: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"backbone": "resnet10"},
        "WCBnet": {},
        "WCBnet_2": {"views": (2,)},
        "WCBnet_3": {"views": (3,)},
        "WCBnet_4": {"views": (4,)},
    }
    sight: ClassVar[Sight] = Sight(side=384, levels=90)

    def __init__(self, *, backbone: str = "resnet50", views: Sequence[int] = (2, 3, 4)) -> None:
        super().__init__()
        self.body = _resnet(backbone)
        self.views = tuple(views)
        widths = _widths(self.body)
        self.attention = nn.ModuleList(CrossBlockAttention(widths, view - 1) for view in self.views)
        self.classify = nn.ModuleList(nn.Linear(len(widths) * _WIDTH, 1) for _ in self.views)

    def forward(self, *inputs: Tensor) -> Prediction:
        """Predict for whole photos' error levels (batch, 3, 384, 384)."""
        logits, _ = self.look(*inputs)
        manipulated = logits.mean(dim=1)
        return Views(None, torch.stack([torch.zeros_like(manipulated), manipulated], dim=1), views=logits)

    def loss(self, prediction: Prediction, truth: Truth, balance: Balance = EVEN) -> Tensor:
        """Return the mean of the views' binary cross-entropies: they learn apart, as in the paper."""
        assert isinstance(prediction, Views)  # noqa: S101  its own
        wanted = truth.label[:, None].expand_as(prediction.views).float()
        weight = prediction.views.new_tensor(balance.manipulated)
        return binary_cross_entropy_with_logits(prediction.views, wanted, pos_weight=weight)

    def examples(self) -> dict[str, Tensor]:
        """Return error levels at random, small as real ones are."""
        shape = 2, 3, self.sight.side, self.sight.side
        return {"pixels": torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 0.02}

    def answers(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Return the probability of each view (batch, views), and their maps at the size of the finest."""
        logits, maps = self.look(*inputs)
        finest = max(one.shape[1:] for one in maps)
        resized = [
            interpolate(one[:, None], finest, mode="bilinear", align_corners=False)[:, 0] for one in maps
        ]
        return {"views": logits.sigmoid(), "maps": torch.stack(resized, dim=1)}

    def look(self, levels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return logits (batch, views) of being manipulated, and the activation map of each view.

        A map is (batch, height, width) of the view's block: Grad-CAM in closed form. After an average over
        the photo and a linear layer, the gradient of the logit by a feature map is the layer's weight over
        the map's size, everywhere; the map is the features weighed by it, where they speak for manipulation.
        """
        blocks = self.blocks(levels)
        logits, maps = [], []
        for attention, classify in zip(self.attention, self.classify, strict=True):
            assert isinstance(classify, nn.Linear)  # noqa: S101  as it was made
            features = attention(blocks)
            logits.append(classify(features.mean((2, 3))))
            weights = classify.weight[0] / (features.shape[2] * features.shape[3])
            maps.append((features * weights[:, None, None]).sum(1).relu())
        return torch.cat(logits, dim=1), maps

    def blocks(self, levels: Tensor) -> list[Tensor]:
        """Return the features of the five blocks, (batch, maps, height, width)."""
        body = self.body
        found = [body.relu(body.bn1(body.conv1(levels)))]
        maps = body.maxpool(found[0])
        for layer in (body.layer1, body.layer2, body.layer3, body.layer4):
            maps = layer(maps)
            found.append(maps)
        return found


class CrossBlockAttention(nn.Module):
    """Weighs blocks by what they hold: self-attention whose tokens are the blocks.

    Args:
        widths: maps of each block.
        view: the block, from 0, whose size all take.

    """

    def __init__(self, widths: Sequence[int], view: int) -> None:
        super().__init__()
        self.view = view
        self.project = nn.ModuleList(nn.Conv2d(width, _WIDTH, 1) for width in widths)
        self.attend = nn.MultiheadAttention(_WIDTH, _HEADS, batch_first=True)

    def forward(self, blocks: Sequence[Tensor]) -> Tensor:
        """Return the weighted blocks, one after the other: (batch, blocks * 128, height, width)."""
        size = blocks[self.view].shape[2:]
        # Projecting before resizing gives the same, since both are linear, and costs less for large blocks.
        maps = [
            interpolate(project(block), size, mode="bilinear", align_corners=False)
            for project, block in zip(self.project, blocks, strict=True)
        ]
        tokens = torch.stack([one.mean((2, 3)) for one in maps], dim=1)
        attended, _ = self.attend(tokens, tokens, tokens, need_weights=False)
        weights = attended.sigmoid()
        return torch.cat([one * weights[:, place, :, None, None] for place, one in enumerate(maps)], dim=1)


def _resnet(name: str) -> ResNet:
    body: ResNet = ResNet(BasicBlock, [1, 1, 1, 1]) if name == "resnet10" else get_model(name, weights=None)
    body.avgpool, body.fc = nn.Identity(), nn.Identity()
    return body


def _widths(body: ResNet) -> list[int]:
    """Return the maps of its five blocks."""
    layers = (body.layer1, body.layer2, body.layer3, body.layer4)
    found = [body.conv1.out_channels]
    for layer in layers:
        last = layer[-1]
        found.append((last.conv2 if isinstance(last, BasicBlock) else last.conv3).out_channels)
    return found
