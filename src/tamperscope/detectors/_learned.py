"""Detectors whose weights were learned: what their file says of them, and what makes a score of them."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from tamperscope import plugins
from tamperscope.detectors._base import Detector
from tamperscope.detectors._onnx import Trained, open_weights, shipped
from tamperscope.errors import MissingWeights
from tamperscope.plugins import option
from tamperscope.types import Card, Link, Localization, Photo

__all__ = ["Floats", "Learned", "Look", "suspicion"]

Floats = NDArray[np.float32]

_LEAST = 1e-6  # probability, so that its logit is finite


@dataclass(frozen=True, eq=False)
class Look:
    """What a network says of a photo: a heatmap (height, width) in [0, 1], and in words.

    ``suspicion`` is the logit of its being manipulated, not calibrated; None if the network does not say.
    ``evidence`` are the maps that the heatmap was made of, ``links`` lead from copies to their sources, see
    `Localization`. ``unclear`` is whether something in the map forbids to clear the photo, which then scores
    at least what the card's ``doubt`` is.
    """

    heatmap: Floats
    suspicion: float | None
    reason: str
    evidence: Mapping[str, Floats] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    unclear: bool = False


@dataclass(frozen=True)
class Learned(Detector):
    """Runs a trained network; subclasses implement `look`.

    ``network`` is the name of that network, the detector's own unless given.
    """

    network: ClassVar[str] = ""

    weights: str = option("", "ONNX file of a trained network; the shipped one if empty")
    threads: int = option(0, "of the processor; 0: all, one in each of several workers", low=0, high=64)

    @property
    def trained(self) -> Trained:
        """The network, ready to run.

        Raises:
            MissingWeights: none are shipped, and none were given.
            TamperscopeError: its file cannot be used.

        """
        name = plugins.name_of(self)
        path = Path(self.weights) if self.weights else self.shipped
        if not self.ready:
            raise MissingWeights(
                f"no weights of {name} are shipped",
                f"make some by `tamperscope convert` or `export`; --set {name}.weights=FILE takes them",
            )
        return open_weights(path, self.network or name, self.threads)

    @property
    def shipped(self) -> Path:
        """Where the weights lie that come with us, if there are such."""
        return shipped(plugins.name_of(self))

    @property
    def ready(self) -> bool:
        """Whether there are weights."""
        return bool(self.weights) or self.shipped.exists()

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
        own = {name: getattr(card, name) for name in ("threshold", "calibrated", "doubt", "licence")}
        return replace(self.card, **own)

    @property
    def line(self) -> tuple[float, float] | None:
        """Slope and intercept of the score's logit over the suspicion; None: there is no score."""
        return self.trained.card.calibration

    def prepare(self) -> None:
        """Open the weights."""
        self.trained  # noqa: B018  opened, and kept

    @abstractmethod
    def look(self, photo: Photo) -> Look:
        """Return what the network says of a photo; the score is made of it by the calibration."""

    def _localize(self, photo: Photo) -> Localization:
        look, line, doubt = self.look(photo), self.line, self.trained.card.doubt
        missing, score = "", None
        if look.suspicion is not None and line is not None:
            score = max(float(expit(line[0] * look.suspicion + line[1])), look.unclear * (doubt or 0.0))
        elif look.suspicion is not None:
            missing = "; its score is not calibrated"
        return Localization(
            look.heatmap, score, reason=look.reason + missing, evidence=look.evidence, links=look.links
        )


def suspicion(probability: float) -> float:
    """Return the logit of a photo's being manipulated, a finite one."""
    return float(logit(min(max(probability, _LEAST), 1 - _LEAST)))
