"""J-Conv-LSTM-Conv: a network that reads the blocks of a patch as a sequence."""

from dataclasses import dataclass
from typing import ClassVar

from tamperscope.detectors._patches import DRAWN, SCALED, SMOOTHED, PatchNetwork
from tamperscope.types import Card

__all__ = ["ConvLstm"]


@dataclass(frozen=True)
class ConvLstm(PatchNetwork):
    """A trained Conv-LSTM network, which classifies patches and segments their pixels jointly.

    References:
        Bappy, Roy-Chowdhury, Bunk, Nataraj & Manjunath, "Exploiting Spatial Structure for Localizing
        Manipulated Image Regions", ICCV 2017.

    """

    card: ClassVar[Card] = Card(
        title="Conv-LSTM network",
        looks_at="patches of 64 pixels, whose 8x8 blocks a recurrent network compares with each other",
        limits=(
            "it finds little: a pixel AUC of .67 on CASIA 1 and .72 on COVERAGE, less than error level "
            "analysis; sharp, noisy or finely textured parts beside soft ones look pasted to it"
        ),
        paper="Bappy et al., Exploiting Spatial Structure for Localizing Manipulated Image Regions, ICCV",
        year=2017,
        licence="MIT",
        deviations=(
            "conv3 has 32 maps, and nothing lies between conv4 and conv5: the paper is silent",
            "patches overlap by half and are blended; `stride=64` is the paper's",
            SMOOTHED,
            DRAWN,
            SCALED,
            "the score, from the most suspicious tenth of the patches, is ours",
        ),
    )
