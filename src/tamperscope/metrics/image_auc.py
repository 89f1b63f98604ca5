"""How well scores separate manipulated from pristine photos, whatever the threshold."""

from dataclasses import dataclass

import numpy as np

from tamperscope.metrics._base import Floats, Observations, Scored, ratio

__all__ = ["ImageAuc"]


@dataclass(frozen=True)
class ImageAuc(Scored):
    """Area under the ROC curve of the photos' scores."""

    title = "Image AUC"
    convention = (
        "Area under the ROC curve of the scores of manipulated against pristine photos, ties counted half. "
        "Undefined without both."
    )

    def _summarize(self, observed: Observations, weights: Floats) -> Floats:
        order = np.argsort(observed.values)
        weights, scores, labels = weights[:, order], observed.values[order], observed.manipulated[order]
        starts = np.flatnonzero(np.concatenate([[True], scores[1:] != scores[:-1]]))
        positives = np.add.reduceat(weights * labels, starts, axis=1)
        negatives = np.add.reduceat(weights * ~labels, starts, axis=1)
        below = np.cumsum(negatives, axis=1) - negatives
        area = (positives * (below + negatives / 2)).sum(axis=1)
        return ratio(area, positives.sum(axis=1) * negatives.sum(axis=1))
