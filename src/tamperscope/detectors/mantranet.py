"""ManTra-Net: traces of many manipulations, and where they differ from the rest of the photo."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tamperscope.detectors._learned import Floats, Learned, Look
from tamperscope.detectors._onnx import as_input
from tamperscope.plugins import option
from tamperscope.types import Card, Photo

__all__ = ["ManTraNet"]

_GRID = 8


@dataclass(frozen=True)
class ManTraNet(Learned):
    """The published network, for the published weights; a baseline of wang2024.

    References:
        Wu, AbdAlmageed & Natarajan, "ManTra-Net: Manipulation Tracing Network for Detection and Localization
        of Image Forgeries With Anomalous Features", CVPR 2019.

    """

    side: int = option(
        640, "pixels of the side of the part that is judged at once, a multiple of 8", low=64, high=4096
    )
    overlap: int = option(64, "pixels that parts of a larger photo have in common, at least", low=0, high=512)

    smallest: ClassVar[int] = 16

    card: ClassVar[Card] = Card(
        title="ManTra-Net",
        looks_at="traces of 385 kinds of manipulation, where they deviate from the rest of the photo",
        limits=(
            "no weights are shipped: those that its authors published are for research, and must be "
            "converted once; slow, a minute for a megapixel"
        ),
        paper="Wu, AbdAlmageed & Natarajan, ManTra-Net, CVPR",
        year=2019,
        licence="MIT for the code; the published weights are for non-commercial research",
        deviations=("photos of more than 640 pixels a side are judged in parts, each compared with itself",),
    )

    def look(self, photo: Photo) -> Look:
        """Return what the network says of a photo; of the whole it says nothing."""
        pixels, (height, width) = photo.pixels, (photo.height, photo.width)
        heatmap, count = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
        for rows in _parts(height, self.side, self.overlap):
            for columns in _parts(width, self.side, self.overlap):
                heatmap[rows, columns] += self._judge(pixels[rows, columns])
                count[rows, columns] += 1
        return Look(heatmap / count, None, "a map by the network; it gives no score")

    def _judge(self, pixels: NDArray[np.uint8]) -> Floats:
        mask: Floats = self.trained.run(pixels=as_input(pixels[None]))["mask"][0]
        return mask


def _parts(length: int, side: int, overlap: int) -> list[slice]:
    """Return slices of ``side`` pixels that cover ``length``, beginning on the 8x8 grid but for the last.

    >>> _parts(100, 64, 16)
    [slice(0, 64, None), slice(36, 100, None)]
    """
    step = max(_GRID, (side - overlap) // _GRID * _GRID)
    starts = [start for start in range(0, length, step) if start + side < length]
    return [slice(start, start + side) for start in starts] + [slice(max(0, length - side), length)]
