"""How much of a pristine photo is marked."""

from dataclasses import dataclass

from tamperscope.metrics._base import Confusion, Floats, Thresholded, ratio

__all__ = ["FalseAlarmArea"]


@dataclass(frozen=True)
class FalseAlarmArea(Thresholded):
    """Share of a pristine photo's pixels that is marked."""

    title = "False alarm area"
    convention = "FP / pixels of each pristine photo, then their mean."
    of = "pristine"
    higher_is_better = False
    variants = ("0.5", "card")

    def _measure(self, counts: Confusion) -> Floats:
        return ratio(counts.false_positives, counts.false_positives + counts.true_negatives)
