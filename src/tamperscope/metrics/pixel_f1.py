"""How well the marked pixels fit the manipulated ones: precision and recall in one."""

from dataclasses import dataclass

from tamperscope.metrics._base import Confusion, Floats, Thresholded, ratio

__all__ = ["PixelF1"]


@dataclass(frozen=True)
class PixelF1(Thresholded):
    """F1 score of a photo's pixels."""

    title = "Pixel F1"
    convention = (
        "2 TP / (2 TP + FP + FN) of each manipulated photo, then their mean. @best takes each photo's best "
        "threshold, which nobody knows beforehand: an upper bound, never a headline."
    )

    def _measure(self, counts: Confusion) -> Floats:
        twice = 2 * counts.true_positives
        return ratio(twice, twice + counts.false_positives + counts.false_negatives)
