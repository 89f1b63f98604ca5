"""MFCN: a fully convolutional network that segments manipulated surfaces and their edges."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.ndimage import binary_fill_holes

from tamperscope.detectors._learned import Look
from tamperscope.detectors._patches import SCALED, PatchNetwork
from tamperscope.plugins import option
from tamperscope.refine._smooth import smooth
from tamperscope.types import Card, Photo

__all__ = ["Mfcn"]


@dataclass(frozen=True)
class Mfcn(PatchNetwork):
    """A trained MFCN, the baseline of cun2018.

    References:
        Salloum, Ren & Kuo, "Image Splicing Localization Using a Multi-Task Fully Convolutional Network
        (MFCN)", JVCIR 2018.

    """

    stride: int = option(128, "pixels from crop to crop, a multiple of 8", low=8, high=256)
    sigma: float = option(0.0, "of the Gaussian that smooths the map, pixels", low=0.0, high=64.0)
    batch: int = option(4, "crops that are judged at once", low=1, high=1024)
    edges: bool = option(False, "only what edges enclose is kept, as in the paper")
    edge_threshold: float = option(0.5, "of the edges' probability", low=0.01, high=0.99)

    card: ClassVar[Card] = Card(
        title="Multi-task fully convolutional network",
        looks_at="crops of 256 pixels as networks that recognize objects do, and edges of what was pasted",
        limits="a narrow network, trained for minutes on few photographs: a pixel AUC of .73 on CASIA 1",
        paper="Salloum, Ren & Kuo, Image Splicing Localization Using a Multi-Task FCN (MFCN), JVCIR",
        year=2018,
        licence="MIT",
        deviations=(
            "narrow: 16 to 64 maps, from scratch; VGG-16 with ImageNet's weights can be trained as a variant",
            SCALED,
            "the two fully connected layers are left out, and what lies between the poolings' answers is "
            "interpolated instead of learned",
            "in the loss of the edge, its pixels weigh as much as all others, up to 50 times each",
            "what edges enclose does not gate the map unless `edges` is set",
        ),
    )

    def look(self, photo: Photo) -> Look:
        """Return what the network says of a photo; of the whole it says nothing."""
        maps, _ = self.lay(photo.pixels)
        heatmap = smooth(maps["mask"], self.sigma)
        if self.edges and "edge" in maps:
            heatmap = heatmap * binary_fill_holes(maps["edge"] >= self.edge_threshold)
        return Look(
            np.asarray(np.clip(heatmap, 0, 1), np.float32), None, "a map by the network; it gives no score"
        )
