"""Error level analysis: how much each area changes when the photo is compressed once more."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.detectors._base import NO_DECISION, Detector
from tamperscope.plugins import option
from tamperscope.signal.error_level import recompress
from tamperscope.signal.windows import strips
from tamperscope.types import Card, Localization, Photo

__all__ = ["ErrorLevel"]

_STRIP = 1024  # rows held in memory as floats of three channels


@dataclass(frozen=True)
class ErrorLevel(Detector):
    """Residual after recompression at a known quality.

    An area that was compressed less often, or less strongly, than the rest changes more when the photo is
    compressed again. So do edges and texture: the map is to be read against the picture.

    References:
        Krawetz, "A picture's worth", Black Hat 2007; Luo, Huang & Qiu, IEEE TIFS 5(3), 2010, as cited.

    """

    quality: int = option(90, "JPEG quality of the recompression", low=1, high=100)
    smoothing: float = option(8.0, "Gaussian smoothing of the map, in pixels", low=0.0, high=64.0)
    scale: float = option(5.4, "error level, in grey levels, that is drawn at 0.63", low=0.01, high=255.0)

    card: ClassVar[Card] = Card(
        title="Error level analysis",
        looks_at="how much each area changes when the photo is compressed once more",
        limits=(
            "bright edges and texture always stand out and flat areas never do; it makes no decision, a "
            "person must compare like with like"
        ),
        paper="Krawetz, A Picture's Worth: Digital Image Analysis and Forensics, Black Hat",
        year=2007,
        licence="MIT",
        deviations=(
            "the map is smoothed: single pixels carry no information",
            "error levels are drawn on one fixed scale, so that photos can be compared; the threshold marks "
            "0.2%, 10.8% and 0.6% of the area of pristine photos (casia1, bsds500, native, train splits)",
        ),
    )

    def _localize(self, photo: Photo) -> Localization:
        again = recompress(photo.pixels, self.quality)
        error = np.empty(photo.pixels.shape[:2], np.float32)
        for strip in strips(photo.height, _STRIP):
            difference = cv2.absdiff(photo.pixels[strip], again[strip]).astype(np.float32)
            error[strip] = cv2.transform(difference, np.full((1, 3), 1 / 3, np.float32))
        error = _blur(error, self.smoothing)
        np.multiply(error, -1 / self.scale, out=error)
        return Localization(
            heatmap=-np.expm1(error, out=error),
            score=None,
            reason=NO_DECISION,
        )


def _blur(plane: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blur by a Gaussian, a wide one at reduced size: beyond two pixels a step the difference vanishes."""
    if not sigma:
        return plane
    height, width = plane.shape
    step = max(1, int(sigma / 2))
    small = cv2.resize(plane, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
