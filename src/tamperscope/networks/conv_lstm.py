"""J-Conv-LSTM-Conv: classifies a patch and segments its pixels, reading its blocks as a sequence."""

from math import isqrt
from typing import Any, ClassVar

from torch import Tensor, nn

from tamperscope.networks._base import PATCH, Network, Prediction

__all__ = ["ConvLstm", "from_blocks", "to_blocks"]

_BLOCKS = 8  # a side: a patch is cut into 8x8 blocks
_MAPS = 32  # of conv3: ours, the paper is silent


class ConvLstm(Network):
    """Convolutions, an LSTM over the 64 blocks of a 64x64 patch in row-major order, and convolutions again.

    Args:
        features: maps of conv1; 0 leaves out conv1 and conv2, so that the LSTM reads the blocks' pixels.
        hidden: of the LSTM, a square number: each step becomes a block of that many pixels.
        layers: of the LSTM.
        last: whether conv5 follows conv4.
        mask: whether pixels are segmented.
        label: whether the patch is classified.

    References:
        Bappy, Roy-Chowdhury, Bunk, Nataraj & Manjunath, "Exploiting Spatial Structure for Localizing
        Manipulated Image Regions", ICCV 2017, section 3.

    """

    variants: ClassVar[dict[str, dict[str, Any]]] = {  # the rows of Tables 1 to 4, by what they change
        "J-Conv-LSTM-Conv": {},
        "S-Conv-LSTM-Conv": {"label": False},
        "S-LSTM-Conv": {"label": False, "features": 0},
        "S-LSTM-Conv34": {"label": False, "features": 0, "last": False},
        "P-Conv-LSTM": {"mask": False},
        "P-LSTM": {"mask": False, "features": 0},
        "Conv1-8f": {"features": 8},
        "Conv1-32f": {"features": 32},
        "LSTM-64h": {"hidden": 64},
    }

    def __init__(
        self,
        *,
        features: int = 16,
        hidden: int = 256,
        layers: int = 3,
        last: bool = True,
        mask: bool = True,
        label: bool = True,
    ) -> None:
        super().__init__()
        self.first = _convolutions(features) if features else nn.Identity()
        block = (PATCH // _BLOCKS) ** 2 * (1 if features else 3)
        self.lstm = nn.LSTM(block, hidden, layers, batch_first=True)
        self.segment = _segmentation(isqrt(hidden) // _BLOCKS, last=last) if mask else None
        self.classify = nn.Linear(hidden, 2) if label else None

    def last(self) -> list[nn.Conv2d]:
        """Return the convolution that makes the logits of pixels, if there is one."""
        return [layer for layer in self.segment or () if isinstance(layer, nn.Conv2d)][-1:]

    def read(self, pixels: Tensor) -> Tensor:
        """Return the steps of the LSTM (batch, 64, hidden) over patches (batch, 3, 64, 64)."""
        steps: Tensor = self.lstm(to_blocks(self.first(pixels)))[0]
        return steps

    def forward(self, *inputs: Tensor) -> Prediction:
        """Predict for patches (batch, 3, 64, 64)."""
        steps = self.read(*inputs)
        return Prediction(
            mask=self.segment(from_blocks(steps)) if self.segment else None,
            label=self.classify(steps[:, -1]) if self.classify else None,
        )


def to_blocks(maps: Tensor) -> Tensor:
    """Cut maps (batch, n, 64, 64) into (batch, 64, n * 8 * 8) blocks in row-major order."""
    batch, channels, height, width = maps.shape
    grid = maps.reshape(batch, channels, _BLOCKS, height // _BLOCKS, _BLOCKS, width // _BLOCKS)
    return grid.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def from_blocks(steps: Tensor) -> Tensor:
    """Lay steps (batch, 64, side * side) as square blocks, in row-major order: (batch, 1, 8 side, 8 side)."""
    side = isqrt(steps.shape[2])
    grid = steps.reshape(-1, _BLOCKS, _BLOCKS, side, side)
    return grid.transpose(2, 3).reshape(-1, 1, _BLOCKS * side, _BLOCKS * side)


def _convolutions(features: int) -> nn.Sequential:
    """conv1 and conv2: a single map of the patch's size."""
    return nn.Sequential(
        nn.Conv2d(3, features, 5, padding=2), nn.ReLU(), nn.Conv2d(features, 1, 5, padding=2), nn.ReLU()
    )


def _segmentation(pool: int, *, last: bool) -> nn.Sequential:
    """conv3, pooled to the patch's size, conv4 and, if it is there, conv5."""
    layers: list[nn.Module] = [nn.Conv2d(1, _MAPS, 5, padding=2)]
    if pool > 1:
        layers.append(nn.MaxPool2d(pool))  # before the ReLU, which makes no difference, but less work
    layers += [nn.ReLU(), nn.Conv2d(_MAPS, 2, 5, padding=2)]
    if last:
        layers.append(nn.Conv2d(2, 2, 5, padding=2))  # ours: nothing between them, the paper is silent
    return nn.Sequential(*layers)
