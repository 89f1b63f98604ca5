"""The paper's convolutional baseline: segments a patch without reading its blocks as a sequence."""

from itertools import pairwise
from typing import Any, ClassVar

from torch import Tensor, nn

from tamperscope.networks._base import Network, Prediction

__all__ = ["Fcn"]


class Fcn(Network):
    """Three convolutions and two fully convolutional layers, all 5x5, that keep the resolution.

    Args:
        widths: maps of the three convolutions: ours, the paper only says that they are reduced.

    References:
        Bappy et al., ICCV 2017, section 4.3 (the row FCN of Table 2); Long, Shelhamer & Darrell, "Fully
        Convolutional Networks for Semantic Segmentation", CVPR 2015.

    """

    variants: ClassVar[dict[str, dict[str, Any]]] = {"FCN": {}}

    def __init__(self, *, widths: tuple[int, int, int] = (16, 32, 32)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((3, *widths)):
            layers += [nn.Conv2d(before, after, 5, padding=2), nn.ReLU()]
        self.segment = nn.Sequential(
            *layers, nn.Conv2d(widths[-1], 2, 5, padding=2), nn.Conv2d(2, 2, 5, padding=2)
        )

    def last(self) -> list[nn.Conv2d]:
        """Return the convolution that makes the logits of pixels."""
        return [layer for layer in self.segment if isinstance(layer, nn.Conv2d)][-1:]

    def forward(self, *inputs: Tensor) -> Prediction:
        """Predict for patches (batch, 3, 64, 64)."""
        return Prediction(mask=self.segment(*inputs), label=None)
