"""The overlap of marked and manipulated pixels."""

from dataclasses import dataclass

from tamperscope.metrics._base import Confusion, Floats, Thresholded, ratio

__all__ = ["PixelIou"]


@dataclass(frozen=True)
class PixelIou(Thresholded):
    """Intersection over union of a photo's marked and manipulated pixels (Jaccard index)."""

    title = "Pixel IoU"
    convention = "TP / (TP + FP + FN) of each manipulated photo, then their mean."

    def _measure(self, counts: Confusion) -> Floats:
        hits = counts.true_positives
        return ratio(hits, hits + counts.false_positives + counts.false_negatives)
