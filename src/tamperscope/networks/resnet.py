"""A plain ResNet on error levels, the baseline of wang2024."""

from typing import Any, ClassVar

from torch import Tensor, nn

from tamperscope.networks._views import ViewNetwork, activation, blocks, widths

__all__ = ["ResNetView"]


class ResNetView(ViewNetwork):
    """A ResNet as it was published, whose only view is its last block.

    Args:
        backbone: see `networks._views.resnet`.

    References:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016. Selvaraju et al., "Grad-CAM",
        ICCV 2017.

    """

    variants: ClassVar[dict[str, dict[str, Any]]] = {
        "blocks": {"backbone": "blocks10"},
        "small": {"backbone": "resnet10"},
        "ResNet-50": {},
    }

    def __init__(self, *, backbone: str = "resnet50") -> None:
        super().__init__()
        self.body = self.see(backbone)
        self.classify = nn.Linear(widths(self.body)[-1], 1)

    def look(self, levels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the logit (batch, 1) of being manipulated, and the activation map of the last block."""
        logit, heat = activation(blocks(self.body, levels)[-1], self.classify)
        return logit, [heat]
