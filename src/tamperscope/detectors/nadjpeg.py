"""Non-aligned double JPEG compression: finds an earlier 8x8 grid that lies elsewhere, and where it ends."""

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tamperscope.detectors._base import Detector, nothing_judged
from tamperscope.detectors._double_jpeg import LARGEST_FIRST, RARE, Fit, block_map, maximise
from tamperscope.plugins import option
from tamperscope.signal.dct import MATRIX, ZIGZAG, block_dct
from tamperscope.signal.quantization import bin_weights
from tamperscope.signal.windows import blocks_to_pixels
from tamperscope.types import Card, Localization, Photo

__all__ = ["NonAlignedDoubleJpeg"]

_STEPS = np.arange(2, 31)  # first quantisation steps that are looked for in every grid
_LOWEST = ((0, 0), (0, 1), (1, 0), (1, 1))  # the frequencies whose steps betray a grid
_ENOUGH_BLOCKS = 20_000  # of each grid, to find out which it is
_BINS, _WIDTH = 256, 0.5  # of the histograms of absolute coefficients; wider ones are left out
_NOISES = (0.4, 0.7, 1.2, 2.0)  # that the last compression may have added to a coefficient, grey levels
# Grids that share the photo's lines in one direction, or nearly in both, show its traces: must be clearer.
_NEAR = np.array([[0 in (row, column) or {row, column} <= {1, 7} for column in range(8)] for row in range(8)])
_NEAR_PENALTY = 3.0
_CLEAR = 4.0  # log odds from which a block clearly lacks the trace


@dataclass(frozen=True)
class Grid:
    """An earlier grid: its (row, column) shift, and how clearly it shows, in standard deviations."""

    shift: tuple[int, int]
    strength: float


@dataclass(frozen=True)
class NonAlignedDoubleJpeg(Detector):
    """Block-wise likelihood of an earlier JPEG compression on another grid.

    A photo that was a JPEG, was cropped, and was saved again keeps its first grid, shifted, save for what
    was pasted in between. A part that was pasted from a JPEG brings its own grid to a photo without one.
    Whichever covers less of the photo is marked.

    References:
        Bianchi & Piva, "Image forgery localization via block-grained analysis of JPEG artifacts", IEEE
        TIFS 7(3), 2012, section IV; "Detection of nonaligned double JPEG compression based on integer
        periodicity maps", IEEE TIFS 7(2), 2012.

    """

    frequencies: int = option(15, "DCT coefficients used, in zigzag order", low=1, high=64)
    smoothing: float = option(1.5, "Gaussian smoothing of the map, in blocks", low=0.0, high=16.0)
    least_grid: float = option(
        12.0, "strength of an earlier grid from which it is believed", low=0.0, high=1e6
    )

    card: ClassVar[Card] = Card(
        title="Non-aligned double JPEG compression",
        looks_at="traces of an earlier JPEG compression on a shifted grid, which a part of the photo lacks",
        limits=(
            "nothing to see if no earlier compression was on another grid, if it was finer than the last, or "
            "if the photo was resized or rotated since; a crop alone is innocent: what counts is where the "
            "earlier grid ends; it makes no decision about the photo"
        ),
        paper=(
            "Bianchi & Piva, Image Forgery Localization via Block-Grained Analysis of JPEG Artifacts, "
            "IEEE TIFS 7(3)"
        ),
        year=2012,
        licence="MIT",
        deviations=(
            "a grid is found by the four lowest frequencies, beside the median of other grids, instead of by "
            "the entropy of the DC coefficient's periodicity map",
            "what lacks the trace is marked where most of the photo has it, what has it otherwise",
            "first steps are drawn towards a scaled standard table; their noise is one of four values",
            "log odds are lowered until a quarter of the blocks at most is marked",
            "zero coefficients are left out, a block's log odds are limited to 20, and the map is smoothed",
            "works on decoded pixels, and so on photos that are no longer JPEG",
        ),
    )
    smallest: ClassVar[int] = 48

    def _localize(self, photo: Photo) -> Localization:
        plane = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) - 128
        shape = (photo.height, photo.width)
        grid = _find_grid(plane, own=photo.jpeg is not None)
        if grid.strength < self.least_grid:
            return nothing_judged(
                photo, "no trace of an earlier JPEG compression on another grid: nothing can be told apart"
            )
        down, right = grid.shift
        bins = self._bins(plane[down:, right:])
        fit = self._fit(bins, plane, grid)
        evidence = (table[bins[..., place]] for place, table in enumerate(fit.log_odds))
        smoothed, judged = block_map(evidence, bins.shape[:2], self.smoothing)
        lacking = np.mean(smoothed > _CLEAR) < 0.5
        smoothed = smoothed if lacking else -smoothed
        # Where traces are weak, the model leans towards their lack as a whole.
        smoothed -= max(0.0, float(np.quantile(smoothed, 0.75)))
        found = "marked is what lacks it" if lacking else "marked is what has it"
        return Localization(
            heatmap=_shifted(expit(smoothed), shape, grid.shift),
            score=None,
            valid=_shifted(judged, shape, grid.shift),
            reason=(
                f"an earlier JPEG compression near quality {fit.quality} lies on a grid shifted by {right} "
                f"columns and {down} rows; {found}"
            ),
        )

    def _bins(self, plane: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the histogram bin of each block's coefficients, ``(rows, columns, frequencies)``."""
        coefficients = block_dct(plane).reshape(plane.shape[0] // 8, plane.shape[1] // 8, 64)
        chosen = np.abs(coefficients[..., ZIGZAG[: self.frequencies]])
        return np.minimum(np.rint(chosen / _WIDTH), _BINS - 1).astype(np.uint8)

    def _fit(self, bins: NDArray[np.uint8], plane: NDArray[np.float32], grid: Grid) -> Fit:
        """Find first steps, their noise, and the share of blocks without them."""
        seen = _count(bins)
        # Between the earlier grid's lines and the photo's own, neither shows.
        down, right = ((shift + 4) % 8 or 2 for shift in grid.shift)
        prior = _count(self._bins(plane[down:, right:])) + 0.5
        # What is larger than the histogram stays in the prior: DC, which mostly is, speaks more softly then.
        seen[:, [0, -1]] = prior[:, 0] = 0
        prior /= prior.sum(axis=1, keepdims=True)
        order = ZIGZAG[: self.frequencies]
        used = np.flatnonzero(seen.any(axis=0))
        fits = []
        for noise in _NOISES:
            weights = np.maximum(bin_weights(_WIDTH, LARGEST_FIRST, _BINS, noise), RARE)
            ratio = weights / (weights @ prior[..., None])
            fits.append(maximise(ratio, seen, used, order))
        return max(fits, key=lambda fit: fit.gain)


def _count(bins: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the histograms ``(frequencies, bins)``."""
    flat = bins.reshape(-1, bins.shape[2])
    return np.stack([np.bincount(column, minlength=_BINS) for column in flat.T]).astype(float)


def _find_grid(plane: NDArray[np.float32], *, own: bool) -> Grid:
    """Return the grid on which low frequencies lie most clearly on multiples of some step.

    ``own`` says that the grid at the corner is the last compression's, and does not count.
    """
    rows, columns = (plane.shape[0] - 8) // 8, (plane.shape[1] - 8) // 8
    step = max(1, rows * columns // _ENOUGH_BLOCKS)
    strength = np.zeros((8, 8))
    for vertical, horizontal in _LOWEST:
        # OpenCV correlates: each pixel gets the coefficient of the block that begins there.
        whole = cv2.sepFilter2D(
            plane,
            cv2.CV_32F,
            MATRIX[horizontal],
            MATRIX[vertical],
            anchor=(0, 0),
            borderType=cv2.BORDER_REFLECT,
        )
        grids = whole[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8)[::step]
        count = grids.shape[0] * columns
        best = np.zeros((8, 8))
        for size in _STEPS:
            on_multiples = np.cos(grids * np.float32(2 * np.pi / size)).mean(axis=(0, 2))
            best = np.maximum(best, _beside_alike(on_multiples) * np.sqrt(2 * count))
        strength += best
    strength = _beside_alike(strength)
    if own:
        strength[0, 0] = 0
        strength[_NEAR] /= _NEAR_PENALTY
    place = np.unravel_index(int(np.argmax(strength)), strength.shape)
    return Grid((int(place[0]), int(place[1])), float(strength[place]))


def _beside_alike(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values (8, 8) of all grids less the median of those that share as much with the own grid.

    A grid that is shifted in one direction only shares the own grid's lines in the other, and its traces.
    """
    found = values.copy()
    for alike in (np.s_[1:, 1:], np.s_[0, 1:], np.s_[1:, 0]):
        found[alike] -= np.median(values[alike])
    found[0, 0] -= np.median(values[1:, 1:])
    return np.asarray(found)


def _shifted(values: NDArray[Any], shape: tuple[int, int], shift: tuple[int, int]) -> NDArray[Any]:
    """Return a pixel map from blocks whose first begins at ``shift``; what lies before continues them."""
    inner = (shape[0] - shift[0], shape[1] - shift[1])
    return np.pad(blocks_to_pixels(values, inner), [(size, 0) for size in shift], mode="edge")
