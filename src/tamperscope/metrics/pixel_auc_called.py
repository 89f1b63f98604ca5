"""How well heat separates pixels in photos that are called manipulated, as wang2024 measures."""

from dataclasses import dataclass

from tamperscope.metrics._base import Comparison
from tamperscope.metrics.pixel_auc import PixelAuc

__all__ = ["PixelAucCalled"]


@dataclass(frozen=True)
class PixelAucCalled(PixelAuc):
    """Area under the ROC curve of photos that the detector calls manipulated."""

    title = "Pixel AUC of photos called manipulated"
    convention = (
        "As pixel_auc, but only of manipulated photos whose score reaches the card's threshold: n says how "
        "many. Undefined where the detector gives no score."
    )

    def _observe(self, comparison: Comparison) -> float | None:
        return super()._observe(comparison) if comparison.called else None
