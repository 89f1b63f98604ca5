"""WCBnet: tells manipulated photos from pristine ones by error levels, and shows what it went by."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tamperscope.networks._views import ViewNetwork, blocks, widths

__all__ = ["View", "WcbNet"]

_HEADS = 4  # of the attention
_WIDTH = 128  # maps of each block in the weighted features: adds about 2.3% to ResNet-50, as in the paper


class WcbNet(ViewNetwork):
    """A ResNet whose five blocks are weighed by attention across them, once for each view.

    A view takes all blocks at the size of one of them. **Ours:** the three views can share a ResNet and one
    pass, three heads on it; the paper trains a network for each.

    Args:
        backbone: a ResNet, see `networks._views.resnet`. **Ours:** that of blocks sees windows of the photo
            as it is, instead of a square that all of it is brought to.
        views: blocks, 1 to 5, whose size the views take.

    References:
        Wang & Abhayaratne, "Weakly-supervised Localization of Manipulated Image Regions Using
        Multi-resolution Learned Features", BMVC 2024 workshop, section 2.1; "WCBnet", MMSP 2023.

    """

    variants: ClassVar[dict[str, dict[str, Any]]] = {
        "blocks": {"backbone": "blocks10"},
        "small": {"backbone": "resnet10"},
        "WCBnet": {},
        "WCBnet_2": {"views": (2,)},
        "WCBnet_3": {"views": (3,)},
        "WCBnet_4": {"views": (4,)},
    }

    def __init__(self, *, backbone: str = "resnet50", views: Sequence[int] = (2, 3, 4)) -> None:
        super().__init__()
        self.body = self.see(backbone)
        self.views = nn.ModuleList(View(widths(self.body), view - 1) for view in views)

    def look(self, levels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return logits (batch, views) of being manipulated, and the activation map of each view's size."""
        found = blocks(self.body, levels)
        logits, maps = zip(*(view(found) for view in self.views), strict=True)
        return torch.cat(logits, dim=1), list(maps)


class View(nn.Module):
    """Weighs blocks by attention, whose tokens are the blocks, and classifies their average.

    The paper brings all blocks to one size, projects them to as many maps, weighs the maps and puts them one
    after the other. But for the attention, which sees their averages only, all of it is linear, and so is
    the activation map in the blocks. Therefore nothing but a single map is ever made at the view's size; a
    test holds this to the paper's own order.

    Args:
        given: maps of each block.
        block: the one, from 0, whose size all take.

    """

    def __init__(self, given: Sequence[int], block: int) -> None:
        super().__init__()
        self.block = block
        self.project = nn.ModuleList(nn.Linear(maps, _WIDTH) for maps in given)
        self.attend = nn.MultiheadAttention(_WIDTH, _HEADS, batch_first=True)
        self.classify = nn.Linear(len(given) * _WIDTH, 1)

    def forward(self, found: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the logit (batch, 1), and the activation map (batch, height, width) of the view's size."""
        size = found[self.block].shape[2:]
        pairs = list(zip(self.project, found, strict=True))
        tokens = torch.stack([project(_average(block, size)) for project, block in pairs], dim=1)
        weights = self.attend(tokens, tokens, tokens, need_weights=False)[0].sigmoid()
        # Grad-CAM in closed form: the gradient of the logit by a weighted map, and the map's weight.
        shares = self.classify.weight.reshape(1, *tokens.shape[1:]) * weights / (size[0] * size[1])
        heat = torch.zeros_like(found[self.block][:, :1])
        for place, (project, block) in enumerate(pairs):
            assert isinstance(project, nn.Linear)  # noqa: S101  as it was made
            share = shares[:, place]
            single = (
                _places(block) @ (share @ project.weight)[:, :, None] + (share @ project.bias)[:, None, None]
            )
            heat = heat + interpolate(
                single.reshape(-1, 1, *block.shape[2:]), size, mode="bilinear", align_corners=False
            )
        return self.classify((weights * tokens).flatten(1)), heat[:, 0].relu()


def _average(block: Tensor, size: Sequence[int]) -> Tensor:
    """Return what maps (batch, maps, height, width) average to, (batch, maps), at that size."""
    rows, columns = (
        # Each place's share in the average, by what becomes of it alone.
        interpolate(torch.eye(old, device=block.device)[None], new, mode="linear", align_corners=False)[
            0
        ].mean(1)
        for old, new in zip(block.shape[2:], size, strict=True)
    )
    shares = torch.outer(rows, columns).to(block).reshape(1, -1)
    return (shares @ _places(block))[:, 0]


def _places(block: Tensor) -> Tensor:
    """Return maps (batch, maps, height, width) as vectors of each place, (batch, height * width, maps)."""
    return block.movedim(1, -1).flatten(1, 2)
