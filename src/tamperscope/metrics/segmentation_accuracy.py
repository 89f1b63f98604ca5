"""The share of pixels that are rightly marked or left alone."""

from dataclasses import dataclass

from tamperscope.metrics._base import Confusion, Floats, Thresholded, ratio

__all__ = ["SegmentationAccuracy"]


@dataclass(frozen=True)
class SegmentationAccuracy(Thresholded):
    """Pixel accuracy, as in bappy2017."""

    title = "Segmentation accuracy"
    convention = (
        "(TP + TN) / pixels of each manipulated photo, then their mean. Most pixels are pristine, so marking "
        "nothing scores high: compare with that row."
    )
    variants = ("card",)

    def _measure(self, counts: Confusion) -> Floats:
        right = counts.true_positives + counts.true_negatives
        return ratio(right, right + counts.false_positives + counts.false_negatives)
