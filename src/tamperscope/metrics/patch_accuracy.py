"""The share of patches that are rightly called manipulated or pristine, as in bappy2017."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tamperscope.metrics._base import Comparison, Metric
from tamperscope.plugins import option

__all__ = ["PatchAccuracy"]


@dataclass(frozen=True)
class PatchAccuracy(Metric):
    """Accuracy of patch labels; a patch is manipulated when more than ``share`` of its pixels are.

    References: Bappy et al. 2017, section 4 (64x64, 12.5%). **Ours**: patches lie on a grid without overlap
    rather than being drawn, and every detector's labels come from its mask by that rule, also those of a
    network that labels patches itself: a detector gives a map. So what changes the map, as a refiner, moves
    this accuracy.

    """

    title = "Patch accuracy"
    convention = (
        "Share of the 64x64 patches of each manipulated photo, on a grid from its corner, whose label is "
        "right, then the mean. A patch is manipulated when more than 12.5% of its pixels are, in truth or "
        "mask (at the card's threshold). Undefined for photos smaller than a patch. Marking nothing scores "
        "high."
    )

    side: int = option(64, "side of a patch in pixels", low=1)
    share: float = option(0.125, "part of a patch above which it counts as manipulated", low=0, high=1)

    def _observe(self, comparison: Comparison) -> float | None:
        truth = self._labels(comparison.truth)
        right = truth == self._labels(comparison.mask(comparison.threshold))
        return float(right.mean()) if right.size else None

    def _labels(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return bool (patch rows, patch columns)."""
        rows, columns = (length // self.side for length in mask.shape)
        whole = mask[: rows * self.side, : columns * self.side]
        patches = whole.reshape(rows, self.side, columns, self.side)
        labels: NDArray[np.bool_] = patches.mean(axis=(1, 3)) > self.share
        return labels
