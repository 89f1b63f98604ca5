"""The convolutional baseline of the Conv-LSTM network's paper."""

from dataclasses import dataclass
from typing import ClassVar

from tamperscope.detectors._patches import DRAWN, SCALED, SMOOTHED, PatchNetwork
from tamperscope.types import Card

__all__ = ["Fcn"]


@dataclass(frozen=True)
class Fcn(PatchNetwork):
    """A trained fully convolutional network, which segments the pixels of patches.

    References:
        Bappy et al., ICCV 2017, Table 2; Long, Shelhamer & Darrell, "Fully Convolutional Networks for
        Semantic Segmentation", CVPR 2015.

    """

    card: ClassVar[Card] = Card(
        title="Fully convolutional network",
        looks_at="patches of 64 pixels, each pixel by its surroundings",
        limits=(
            "a baseline: it judges each pixel by the 21 pixels around it, and marks edges and texture of any "
            "origin; it makes no decision about the photo"
        ),
        paper="Bappy et al., Exploiting Spatial Structure for Localizing Manipulated Image Regions, ICCV",
        year=2017,
        licence="MIT",
        deviations=(
            "the widths of its layers are ours: the paper only says that they are reduced",
            "patches overlap by half and are blended; `stride=64` is the paper's",
            SMOOTHED,
            DRAWN,
            SCALED,
        ),
    )
