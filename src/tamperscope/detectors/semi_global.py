"""The semi-global network: the Conv-LSTM network, whose patch labels also know the whole photo."""

from dataclasses import dataclass
from typing import ClassVar

from tamperscope.detectors._patches import DRAWN, PatchNetwork
from tamperscope.types import Card

__all__ = ["SemiGlobal"]


@dataclass(frozen=True)
class SemiGlobal(PatchNetwork):
    """A trained semi-global network; `semi_global+crf` is the paper's whole system.

    References:
        Cun & Pun, "Image Splicing Localization via Semi-Global Network and Fully Connected Conditional Random
        Fields", ECCV Workshops 2018.

    """

    card: ClassVar[Card] = Card(
        title="Semi-global network",
        looks_at="patches of 64 pixels as the Conv-LSTM network does, and the whole photo in small",
        limits=(
            "those of the Conv-LSTM network, from which it was continued; what the whole photo adds is not "
            "measurable on CASIA 1"
        ),
        paper="Cun & Pun, Image Splicing Localization via Semi-Global Network, ECCV Workshops",
        year=2018,
        licence="MIT",
        deviations=(
            "the global branch is the light one of the public code, with means over the photo at its end; "
            "ResNet-18 needs ImageNet's weights, and can be trained as a variant",
            "patches overlap by half and are blended, the map is smoothed and gated by the patches' labels; "
            "`stride=64`, `sigma=0` and `gating=none` is the paper's",
            "it was continued from `conv_lstm`, for three epochs at a learning rate of 3e-4 instead of 60 at "
            "1e-4; what is manipulated weighs as much as what is not instead of 50 times as much, or 5 on "
            "Columbia; lambda, which is not published, is .1",
            DRAWN,
            "the CRF of `semi_global+crf` bounds its unary term (`crf.certainty`), and runs on a small photo",
            "the score, from the most suspicious tenth of the patches, is ours",
        ),
    )
