"""How well heat separates manipulated from other pixels, whatever the threshold; photo by photo."""

from dataclasses import dataclass

from tamperscope.metrics._base import Comparison, Metric

__all__ = ["PixelAuc"]


@dataclass(frozen=True)
class PixelAuc(Metric):
    """Area under a photo's ROC curve."""

    title = "Pixel AUC"
    convention = (
        "Area under the ROC curve of each manipulated photo's pixels, ties counted half, then the mean. "
        "Chance is 0.5. Undefined where the whole photo is manipulated."
    )

    def _observe(self, comparison: Comparison) -> float | None:
        curve = comparison.ranking.curve
        return None if curve is None else curve.auc
