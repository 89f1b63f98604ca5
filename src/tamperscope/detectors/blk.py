"""Blocking artifacts: finds areas whose 8x8 grid lies elsewhere than the photo's."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import rankdata

from tamperscope.detectors._base import NO_DECISION, Detector, nothing_judged
from tamperscope.plugins import option
from tamperscope.signal.windows import blocks_to_pixels, tiles
from tamperscope.types import Card, Localization, Photo

__all__ = ["BlockingArtifacts"]

_REACH = 16  # pixels to each side over which edges are compared: two blocks
_FAR = 2 * _REACH + 1  # rows beyond a strip that its own depend on
_STRIP = 512  # rows


@dataclass(frozen=True)
class BlockingArtifacts(Detector):
    """Local inconsistency of the blocking artifact grid.

    JPEG compression leaves weak edges at the borders of 8x8 blocks. A part that was pasted brings its own
    grid along, and shows such edges inside the photo's blocks.

    References:
        Li, Yuan & Yu, "Passive detection of doctored JPEG image via block artifact grid extraction", Signal
        Processing 89(9), 2009.

    """

    span: int = option(17, "pixels along an edge that are added up", low=3, high=129)
    strongest: float = option(
        15.0, "second differences above this belong to the picture, not to the grid", low=1.0, high=255.0
    )
    smoothing: float = option(1.0, "Gaussian smoothing of the map, in blocks", low=0.0, high=16.0)

    card: ClassVar[Card] = Card(
        title="Blocking artifact grid",
        looks_at="weak edges of JPEG's 8x8 blocks that lie inside the photo's own blocks",
        limits=(
            "works on coarsely compressed photos only; regular texture and text look like a grid; a part "
            "pasted on the same grid, one time in 64, is not seen; it makes no decision about the photo"
        ),
        paper=(
            "Li, Yuan & Yu, Passive Detection of Doctored JPEG Image via Block Artifact Grid Extraction, "
            "Signal Processing 89(9)"
        ),
        year=2009,
        licence="MIT",
        deviations=(
            "edges are added up over 17 pixels instead of 33, and those above 15 are left out instead of 50",
            "the map is smoothed, and drawn by the rank of each block in its photo",
            "the grid is taken to begin at the photo's corner, as in a file that was not cropped",
        ),
    )
    smallest: ClassVar[int] = 48  # rows of blocks that the periodic median looks at, and one more

    def _localize(self, photo: Photo) -> Localization:
        luma = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
        grid = np.zeros_like(luma)
        for plane, sum_ in ((luma, grid), (luma.T, grid.T)):
            for strip in tiles(len(plane), _STRIP, _FAR):  # of all rows at once, medians take much memory
                found = self._grid(np.ascontiguousarray(plane[strip.read]))
                sum_[strip.place] += found[strip.kept]
        blocks = ndimage.gaussian_filter(_misplaced(grid), self.smoothing)
        if np.ptp(blocks) == 0:
            return nothing_judged(photo, "no block differs from the others, as in a photo of a single colour")
        # What is equal, as all that is flat, shares a rank: else its place in the photo would decide.
        ranks = (rankdata(blocks).reshape(blocks.shape) - 1) / (blocks.size - 1)
        return Localization(
            # Bent, so that a twelfth of the blocks of any photo reach the threshold: ranks are even.
            heatmap=blocks_to_pixels((ranks**8).astype(np.float32), (photo.height, photo.width)),
            score=None,
            reason=NO_DECISION,
        )

    def _grid(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the strength (height, width) of horizontal edges that repeat every eight rows."""
        edges = np.zeros_like(plane)
        edges[1:-1] = np.abs(2 * plane[1:-1] - plane[:-2] - plane[2:])
        edges[edges > self.strongest] = 0
        lines = cv2.boxFilter(edges, -1, (self.span, 1), normalize=False, borderType=cv2.BORDER_REFLECT)
        lines -= _median_of_rows(lines, _REACH)
        padded = cv2.copyMakeBorder(lines, _REACH, _REACH, 0, 0, cv2.BORDER_REFLECT)
        repeats = [padded[shift : shift + plane.shape[0]] for shift in range(0, 2 * _REACH + 1, 8)]
        return _median_of_five(*repeats)


def _median_of_rows(plane: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Return the median of each pixel and ``reach`` rows to both sides; SciPy is fast along one axis only."""
    columns = np.pad(plane, ((reach, reach), (0, 0)), mode="symmetric").T
    found = ndimage.median_filter(columns.ravel(), 2 * reach + 1).reshape(columns.shape)
    return np.asarray(found[:, reach:-reach].T)


def _median_of_five(*given: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median by comparisons, which is much faster than by sorting."""
    a, b, c, d, e = given
    low = np.maximum(np.minimum(a, b), np.minimum(c, d))
    high = np.minimum(np.maximum(a, b), np.maximum(c, d))
    return np.asarray(np.maximum(np.minimum(low, high), np.minimum(np.maximum(low, high), e)))


def _misplaced(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return for each whole block how much stronger its grid is inside than at its border."""
    rows, columns = (length // 8 for length in grid.shape)
    blocks = grid[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8)
    found = np.zeros((rows, columns), np.float32)
    for profile in (blocks[..., 1:7].sum(axis=3).transpose(0, 2, 1), blocks[:, 1:7].sum(axis=1)):
        found += profile[..., 1:7].max(axis=2) - np.minimum(profile[..., 0], profile[..., 7])
    return found
