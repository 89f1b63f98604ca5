"""The first layer of networks that read from pixels what JPEG did to each block of them."""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from tamperscope.signal.dct import MATRIX, ZIGZAG

__all__ = ["Phases"]

_BLOCK = 8
_FREQUENCIES = 21  # the lowest but the mean; higher ones are zero in most blocks
_STEPS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 23, 26, 30, 35, 40)  # grey levels
_FREE = 32  # features that are learned from the block's pixels
_LUMA = (0.299, 0.587, 0.114)
_LEVELS = 255


class Phases(nn.Module):
    """Replaces the first convolution: (batch, 3, h, w), of 1 at most, to (batch, features, h / 8, w / 8).

    A coefficient that was rounded to multiples of a step has phase 0 in a wave of that length, and still
    nearly so after another saving. So each block's luma coefficients are seen as cosines of all usual steps,
    where they are not zero, beside their logarithms; the average of a cosine over blocks is the
    characteristic function of their distribution. Other features are learned from the pixels.

    References:
        **Ours.** Periodic traces of double compression: Popescu & Farid, "Statistical Tools for Digital
        Forensics", IH 2004.

    """

    basis: Tensor
    waves: Tensor

    def __init__(self, features: int = 64) -> None:
        super().__init__()
        self.out_channels = features
        places = ZIGZAG[1 : 1 + _FREQUENCIES]
        vertical, horizontal = MATRIX[places // _BLOCK], MATRIX[places % _BLOCK]
        shapes = _LEVELS * vertical[:, None, :, None] * horizontal[:, None, None, :]
        luma = np.array(_LUMA, np.float32)[:, None, None]
        self.register_buffer("basis", torch.from_numpy(shapes * luma), persistent=False)
        waves = 2 * math.pi / torch.tensor(_STEPS, dtype=torch.float32)
        self.register_buffer("waves", waves[:, None, None], persistent=False)
        self.mix = nn.Conv2d(_FREQUENCIES * (len(_STEPS) + 2), features - _FREE, 1, bias=False)
        self.free = nn.Conv2d(3, _FREE, _BLOCK, stride=_BLOCK, bias=False)

    def forward(self, levels: Tensor) -> Tensor:
        """Return the features of whole blocks."""
        found = conv2d(levels, self.basis, stride=_BLOCK)
        there = 1 - (-found.square()).exp()  # rounding leaves zeros a little beside 0
        phases = (found[:, :, None] * self.waves).cos() * there[:, :, None]
        known = torch.cat([phases.flatten(1, 2), there, (1 + found.abs()).log() / 2], 1)
        return torch.cat([self.mix(known), self.free(levels)], 1)
