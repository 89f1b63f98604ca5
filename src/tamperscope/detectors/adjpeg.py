"""Aligned double JPEG compression: finds what was pasted into a JPEG that was then saved again."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tamperscope.detectors._base import Detector, nothing_judged
from tamperscope.detectors._double_jpeg import (
    LARGEST_FIRST,
    RARE,
    Fit,
    background,
    block_map,
    block_step,
    clipped,
    maximise,
    score_region,
)
from tamperscope.plugins import option
from tamperscope.signal.dct import ZIGZAG, block_dct, block_idct, magnitude
from tamperscope.signal.quantization import bin_weights
from tamperscope.signal.windows import blocks_to_pixels, strips
from tamperscope.types import Card, Jpeg, Localization, Need, Photo

__all__ = ["AlignedDoubleJpeg"]

_BINS = 256  # larger coefficients are left out: their bins are too rare to model
_SHIFTS = ((1, 1), (4, 4), (3, 6), (6, 2))  # grids on which the coefficients look singly compressed
_ENOUGH_BLOCKS = 20_000  # for the histograms; large photos need one shifted grid only
_STRIP = 64  # rows of blocks held in memory as floats
_FAINT_BACKGROUND = 0.05  # mean log odds of double compression that the photo must show to be judged
_MISFIT = 0.02  # log likelihood a block that a wrong model gains on photos that were compressed once
_FEW_BLOCKS = 100  # the gain of fitting steps and rate to next to nothing, as if there were more blocks


@dataclass(frozen=True)
class AlignedDoubleJpeg(Detector):
    """Block-wise likelihood of single against aligned double JPEG compression.

    A photo that was opened from a JPEG, edited, and saved as a JPEG on the same grid is doubly compressed,
    save for what was pasted in, painted or shifted: there the first compression's grid or step is gone.

    References:
        Bianchi & Piva, "Image forgery localization via block-grained analysis of JPEG artifacts", IEEE
        TIFS 7(3), 2012, section III.

    """

    frequencies: int = option(36, "DCT coefficients used, in zigzag order", low=1, high=64)
    smoothing: float = option(1.5, "Gaussian smoothing of the map, in blocks", low=0.0, high=16.0)
    noise: float = option(0.45, "rounding noise between the compressions, in grey levels", low=0.05, high=5.0)
    least_trace: float = option(
        2.0, "log likelihood gain, per root of the blocks, that shows a trace", low=0.0, high=100.0
    )
    caution: float = option(
        1.1, "strength of a region at which the photo counts as manipulated", low=0.0, high=20.0
    )

    card: ClassVar[Card] = Card(
        title="Aligned double JPEG compression",
        looks_at="traces of an earlier JPEG compression, which pasted or repainted areas lack",
        limits=(
            "says nothing where the photo was compressed once only, was resized or cropped off the 8x8 grid "
            "before the last saving, or was last saved at a clearly lower quality than before; flat and "
            "clipped areas carry no trace; an honest change of brightness or contrast between two savings "
            "can look like a forgery"
        ),
        paper=(
            "Bianchi & Piva, Image Forgery Localization via Block-Grained Analysis of JPEG Artifacts, "
            "IEEE TIFS 7(3)"
        ),
        year=2012,
        licence="MIT",
        threshold=0.5,
        deviations=(
            "36 coefficients instead of the first 15",
            "zero coefficients are left out of the likelihoods: their model is the least certain",
            "first quantisation steps are drawn towards a scaled standard table",
            "rounding noise is a constant instead of being estimated from the photo",
            "first steps and tampering rate are chosen together on a grid, then the rate is settled by EM",
            "a bin's weight has a floor, and a block's log odds are limited to 20",
            "the map is smoothed by a Gaussian instead of a median filter",
            "the posterior uses an even prior instead of the estimated tampering rate",
            "flat blocks, blocks with clipped colours, and photos without a clear trace are not judged",
            "the score of the whole photo is ours",
        ),
        calibrated=(
            "0.5 holds false alarms at 5% of pristine photos of 0.1 to 5 megapixels that were saved once, "
            "saved twice, or changed in contrast between two savings (benchmarks/calibration.py, train "
            "splits of casia1, bsds500, native); not a probability beyond that"
        ),
    )
    needs: ClassVar[frozenset[Need]] = frozenset({Need.JPEG})
    smallest: ClassVar[int] = 32  # smaller photos have too few blocks on shifted grids to compare with

    def _localize(self, photo: Photo) -> Localization:
        jpeg = photo.jpeg
        assert jpeg is not None  # noqa: S101  `needs` holds; this tells the type checker
        shape = (photo.height, photo.width)
        blocks = jpeg.coefficients[0].shape[0] * jpeg.coefficients[0].shape[1]
        fit = self._fit(jpeg)
        if fit.gain < self.least_trace * np.sqrt(blocks + _FEW_BLOCKS) + _MISFIT * blocks:
            return nothing_judged(
                photo, "no trace of an earlier JPEG compression, so nothing can be told apart", score=0.0
            )
        coefficients = jpeg.coefficients[0]
        flat = coefficients.reshape(*coefficients.shape[:2], 64)
        evidence = (
            table[np.minimum(magnitude(flat[:, :, index]), _BINS - 1)]
            for index, table in zip(ZIGZAG, fit.log_odds, strict=False)
        )
        log_odds, informed = block_map(evidence, flat.shape[:2], self.smoothing)
        step = block_step(jpeg)
        judged = informed & ~clipped(photo, log_odds.shape, step)
        judged &= background(log_odds) >= _FAINT_BACKGROUND
        score = score_region(log_odds, judged, self.caution)
        found = "parts of the photo lack" if score >= self.card.threshold else "no clear part lacks"
        return Localization(
            heatmap=blocks_to_pixels(expit(log_odds), shape, step),
            score=score,
            valid=blocks_to_pixels(judged, shape, step),
            reason=(
                f"{found} the traces of an earlier JPEG compression near quality {fit.quality}; "
                f"estimated tampering rate {fit.rate:.0%} of the coefficients"
            ),
        )

    def _fit(self, jpeg: Jpeg) -> Fit:
        """Find first steps, tampering rate and likelihoods by expectation maximisation."""
        order = ZIGZAG[: self.frequencies]
        steps = jpeg.tables[0].reshape(64)[order]
        seen, single = _histograms(jpeg.coefficients[0], jpeg.tables[0], self.frequencies)
        weights = np.stack([bin_weights(int(step), LARGEST_FIRST, _BINS, self.noise) for step in steps])
        weights = np.maximum(weights, RARE)
        prior = single + 0.5  # a bin that no shifted grid filled is rare, not impossible
        prior[:, 0] = 0
        prior /= prior.sum(axis=1, keepdims=True)
        ratio = weights / (weights @ prior[..., None])  # p(x | double) / p(x | single)
        bins = np.flatnonzero(seen[:, 1:].any(axis=0)) + 1
        return maximise(ratio, seen, bins, order)


def _histograms(
    coefficients: NDArray[np.int16], table: NDArray[np.uint16], frequencies: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count absolute coefficients, as stored and as they would be without the first compression.

    Both are ``(frequencies, _BINS)``; the last bin also holds what is larger and is emptied. The second
    comes from blocks on shifted grids, which the first compression did not line up with.
    """
    rows, columns = coefficients.shape[:2]
    seen = np.zeros((frequencies, _BINS))
    single = np.zeros((frequencies, _BINS))
    shifts = _SHIFTS[: max(1, _ENOUGH_BLOCKS // (rows * columns))]
    for strip in strips(rows, _STRIP):
        seen += _count(magnitude(coefficients[strip]), frequencies)
        overlapping = coefficients[strip.start : strip.stop + 1]
        plane = block_idct(overlapping.astype(np.float32) * table)
        for down, right in shifts:
            blocks = block_dct(plane[down : down - 8, right : right - 8])
            single += _count(np.rint(np.abs(blocks) / table), frequencies)
    seen[:, -1] = single[:, -1] = 0
    return seen, single


def _count(magnitudes: NDArray[Any], frequencies: int) -> NDArray[np.int_]:
    flat = np.minimum(magnitudes, _BINS - 1).astype(np.uint8).reshape(-1, 64)
    return np.stack([np.bincount(flat[:, index], minlength=_BINS) for index in ZIGZAG[:frequencies]])
