"""A plain ResNet on error levels, the baseline of wang2024."""

from dataclasses import dataclass
from typing import ClassVar

from tamperscope.detectors._activation import ActivationNetwork
from tamperscope.types import Card

__all__ = ["ResNet"]


@dataclass(frozen=True)
class ResNet(ActivationNetwork):
    """The last block of a ResNet, as Grad-CAM sees it.

    References:
        Wang & Abhayaratne, BMVC 2024 workshop, table 1 ("ResNet"). He et al., "Deep Residual Learning for
        Image Recognition", CVPR 2016.

    """

    views: ClassVar[tuple[str, ...]] = ("last block",)

    card: ClassVar[Card] = Card(
        title="ResNet with Grad-CAM",
        looks_at="error levels, window by window, and where a classifier of photos looked in them",
        limits=(
            "it learned which photos are manipulated, never where: the map, of cells of 16 pixels, shows "
            "what the decision went by"
        ),
        paper="He et al., Deep Residual Learning, CVPR; as in Wang & Abhayaratne, BMVC 2024 workshop",
        year=2016,
        licence="MIT",
        deviations=(
            "the small ResNet of `wcbnet`, which sees windows of the photo as it is; ResNet-50 can be "
            "trained as a variant",
            "error levels are those of quality 5, and the most suspicious window speaks for the photo",
            "regions come from a graph-based segmentation unless another segmenter is set; distances within "
            "one have a maximum of 1, and Bayes' rule has estimators of ours (refine/bayes.py)",
            "the map has a maximum of 1 before it is refined",
            "the map is multiplied by the probability that the photo is manipulated",
        ),
    )
