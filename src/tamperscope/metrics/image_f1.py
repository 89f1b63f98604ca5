"""How well photos are called manipulated: precision and recall in one."""

from dataclasses import dataclass

from tamperscope.metrics._base import Floats, Observations, Scored, ratio

__all__ = ["ImageF1"]


@dataclass(frozen=True)
class ImageF1(Scored):
    """F1 score of the photos' verdicts."""

    title = "Image F1"
    convention = (
        "2 TP / (2 TP + FP + FN) of photos whose score reaches the card's threshold. It depends on the share "
        "of manipulated photos: calling all of them manipulated may score high."
    )

    def _summarize(self, observed: Observations, weights: Floats) -> Floats:
        accused = observed.values >= observed.threshold
        hits = weights @ (accused & observed.manipulated)
        return ratio(2 * hits, weights @ accused + weights @ observed.manipulated)
