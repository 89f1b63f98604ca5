"""Detectors whose weights were learned: what their file says of them, and what makes a score of them."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tamperscope import plugins
from tamperscope.detectors._base import Detector
from tamperscope.detectors._onnx import Trained, open_weights, shipped
from tamperscope.plugins import option
from tamperscope.types import Card, Localization, Photo

__all__ = ["Floats", "Learned", "Look"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Look:
    """What a network says of a photo: a heatmap (height, width) in [0, 1], and in words.

    ``suspicion`` is the logit of its being manipulated, not calibrated; None if the network does not say.
    """

    heatmap: Floats
    suspicion: float | None
    reason: str


@dataclass(frozen=True)
class Learned(Detector):
    """Runs a trained network; subclasses implement `look`."""

    weights: str = option("", "ONNX file of a trained network; the shipped one if empty")
    threads: int = option(0, "of the processor; 0: all, one in each of several workers", low=0, high=256)

    @property
    def trained(self) -> Trained:
        """The network, ready to run.

        Raises:
            TamperscopeError: its file cannot be used.

        """
        name = plugins.name_of(self)
        return open_weights(Path(self.weights) if self.weights else shipped(name), name, self.threads)

    @property
    def weights_digest(self) -> str:
        """SHA-256 of the weights file."""
        return self.trained.digest

    @property
    def learned(self) -> frozenset[str]:
        """The photographs that the weights learned from, as their card has them."""
        return frozenset(self.trained.card.learned)

    @property
    def own_card(self) -> Card:
        """The card, with the threshold and the calibration of these weights."""
        card = self.trained.card
        return replace(self.card, threshold=card.threshold, calibrated=card.calibrated, licence=card.licence)

    @abstractmethod
    def look(self, photo: Photo) -> Look:
        """Return what the network says of a photo; the score is made of it by the calibration."""

    def _localize(self, photo: Photo) -> Localization:
        look, line = self.look(photo), self.trained.card.calibration
        if look.suspicion is None or line is None:
            missing = "" if look.suspicion is None else "; its score is not calibrated"
            return Localization(heatmap=look.heatmap, score=None, reason=look.reason + missing)
        score = float(1 / (1 + np.exp(-(line[0] * look.suspicion + line[1]))))
        return Localization(heatmap=look.heatmap, score=score, reason=look.reason)
