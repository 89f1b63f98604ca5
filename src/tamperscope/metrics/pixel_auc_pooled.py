"""How well heat separates manipulated from other pixels when the photos are thrown together."""

from dataclasses import dataclass

import numpy as np

from tamperscope.metrics._base import Comparison, Floats, Metric, Observations

__all__ = ["PixelAucPooled"]


@dataclass(frozen=True)
class PixelAucPooled(Metric):
    """Area under the ROC curve of all photos' pixels together."""

    title = "Pixel AUC, pooled"
    convention = (
        "Area under one ROC curve over the pixels of all photos, pristine ones included: asks for one "
        "threshold that suits all, and large photos weigh more. Without interval: a photo has no value of "
        "its own."
    )
    of = "all"
    pooled = True

    def _observe(self, comparison: Comparison) -> float | None:  # noqa: ARG002  there is none for one photo
        return None

    def summarize(self, observed: Observations, weights: Floats | None = None) -> Floats:
        """Return the area ``(1,)``; NaN for each row of weights, which cannot be applied to pixels."""
        if weights is not None:
            return np.full(len(weights), np.nan)
        return np.array([np.nan if observed.pooled is None else observed.pooled.auc])
