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
        looks_at="error levels of the whole photo, and where a classifier of photos looked in them",
        limits=(
            "it learned which photos are manipulated, never where: the map, of cells of 32 pixels in a "
            "square of 384, shows what the decision went by"
        ),
        paper="He et al., Deep Residual Learning, CVPR; as in Wang & Abhayaratne, BMVC 2024 workshop",
        year=2016,
        licence="MIT",
        deviations=(
            "a small ResNet, from scratch; ResNet-50 can be trained as a variant",
            "error levels, those of quality 90, are taken before the photo is brought to 384x384",
            "regions come from a graph-based segmentation unless another segmenter is set",
            "the map is multiplied by the probability that the photo is manipulated",
        ),
    )
