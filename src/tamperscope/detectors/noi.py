"""Noise level: finds areas whose noise differs from the rest of the photo."""

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from tamperscope.detectors._base import NO_DECISION, Detector
from tamperscope.plugins import option
from tamperscope.signal.windows import interpolate_blocks, strips
from tamperscope.types import Card, Localization, Photo

__all__ = ["NoiseLevel"]

# High-pass decomposition filter of Daubechies' wavelet with eight vanishing moments ("db8").
_HIGH_PASS = np.array(
    [
        -0.05441584224310401, 0.31287159091429995, -0.6756307362972898, 0.5853546836542067,
        0.015829105256349306, -0.2840155429615469, -0.0004724845739132828, 0.12874742662047847,
        0.017369301001807547, -0.044088253930794755, -0.013981027917398282, 0.008746094047405777,
        0.004870352993451574, -0.00039174037337694705, -0.0006754494064505693, -0.00011747678412476953,
    ],
    np.float32,
)  # fmt: skip
_SIGMA_PER_MEDIAN = 1 / 0.6745  # of Gaussian noise, from the median absolute deviation
_MARGIN = 16  # pixels around a strip that the filter reads; even, and no less than half its length
_STRIP = 1024  # pixel rows


@dataclass(frozen=True)
class NoiseLevel(Detector):
    """Local standard deviation of noise, from the diagonal wavelet band, merged into segments.

    References:
        Mahdian & Saic, "Using noise inconsistencies for blind image forensics", Image and Vision Computing
        27(10), 2009.

    """

    block: int = option(8, "side of a block, in wavelet coefficients (two pixels each)", low=2, high=64)
    merge: float = option(
        0.25,
        "neighbouring blocks whose noise differs by less are one segment, grey levels",
        low=0.0,
        high=64.0,
    )
    scale: float = option(20.0, "noise, in grey levels, that is drawn at 0.63", low=0.01, high=255.0)

    card: ClassVar[Card] = Card(
        title="Noise level",
        looks_at="how noisy each area is, beside its neighbours",
        limits=(
            "fine texture counts as noise, and JPEG compression removes what the camera left; it makes no "
            "decision, a person must compare areas of like content"
        ),
        paper=(
            "Mahdian & Saic, Using Noise Inconsistencies for Blind Image Forensics, "
            "Image and Vision Computing 27(10)"
        ),
        year=2009,
        licence="MIT",
        deviations=(
            "segments are merged in one pass: each link joins two blocks of similar noise",
            "noise is drawn on one fixed scale, so that photos can be compared; the threshold marks 9.7%, "
            "1.9% and 0.6% of the area of pristine photos (casia1, bsds500, native, train splits)",
        ),
    )
    smallest: ClassVar[int] = 16

    def _localize(self, photo: Photo) -> Localization:
        side = min(self.block, photo.height // 2, photo.width // 2)
        noise = _merge(_block_noise(photo.pixels, side), self.merge)
        drawn = (-np.expm1(noise / -self.scale)).astype(np.float32)
        heatmap = interpolate_blocks(drawn, (photo.height, photo.width), 2 * side)
        return Localization(
            heatmap=heatmap,
            score=None,
            reason=NO_DECISION,
        )


def _block_noise(pixels: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """Return the noise's standard deviation in each whole block of ``side`` wavelet coefficients."""
    height = pixels.shape[0] // (2 * side) * 2 * side
    found = []
    for strip in strips(height, max(1, _STRIP // (2 * side)) * 2 * side):
        above = min(_MARGIN, strip.start)
        luma = cv2.cvtColor(pixels[strip.start - above : strip.stop + _MARGIN], cv2.COLOR_RGB2GRAY)
        band = diagonal_band(luma.astype(np.float32))[above // 2 :]
        rows, columns = (strip.stop - strip.start) // (2 * side), band.shape[1] // side
        blocks = np.abs(band[: rows * side, : columns * side]).reshape(rows, side, columns, side)
        found.append(np.median(blocks.transpose(0, 2, 1, 3).reshape(rows, columns, -1), axis=2))
    return np.concatenate(found) * _SIGMA_PER_MEDIAN


def diagonal_band(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one level of diagonal wavelet detail ``(height // 2, width // 2)``, centred on its pixels."""
    # OpenCV correlates, so the reversed filter convolves; its centre lies between taps 7 and 8.
    filtered = cv2.sepFilter2D(
        plane, cv2.CV_32F, _HIGH_PASS[::-1], _HIGH_PASS[::-1], anchor=(7, 7), borderType=cv2.BORDER_REFLECT
    )
    return np.asarray(filtered[1::2, 1::2], np.float32)


def _merge(noise: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    """Give every block the mean noise of its segment, the blocks linked by differences up to ``most``."""
    index = np.arange(noise.size).reshape(noise.shape)
    pairs = [(index[:, :-1], index[:, 1:]), (index[:-1], index[1:])]
    one, other = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    alike = np.abs(noise.flat[one] - noise.flat[other]) <= most
    links = sparse.coo_matrix(
        (np.ones(int(alike.sum()), bool), (one[alike], other[alike])), shape=(noise.size, noise.size)
    )
    _, segment = connected_components(links, directed=False)
    mean: NDArray[Any] = np.bincount(segment, noise.ravel()) / np.bincount(segment)
    return np.asarray(mean[segment].reshape(noise.shape))
