"""What every detector is: a named configuration that turns a `Photo` into a `Localization`."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tamperscope.errors import MissingEvidence
from tamperscope.plugins import Configurable
from tamperscope.types import Card, Localization, Need, Photo

__all__ = ["NO_DECISION", "Build", "Detector", "nothing_judged"]

NO_DECISION = "a map to be read by a person; this method makes no decision about the photo"

_MET: dict[Need, Callable[[Photo], bool]] = {
    Need.JPEG: lambda photo: photo.jpeg is not None and bool(photo.jpeg.coefficients),
}

Build = Callable[[str], "Detector"]


@dataclass(frozen=True)
class Detector(Configurable, ABC):
    """Finds where a photograph was manipulated; subclasses implement `_localize`.

    ``needs`` is what the photo must have, ``smallest`` the shortest side in pixels that can be judged,
    ``choices`` the detectors that `resolve` may name instead.
    """

    card: ClassVar[Card]
    needs: ClassVar[frozenset[Need]] = frozenset()
    smallest: ClassVar[int] = 8
    choices: ClassVar[tuple[str, ...]] = ()

    @property
    def weights_digest(self) -> str | None:
        """SHA-256 of the weights file; None for a method that has none."""
        return None

    @property
    def learned(self) -> frozenset[str]:
        """The photographs that its weights learned from, by the first 16 letters of their files' SHA-256."""
        return frozenset()

    @property
    def ready(self) -> bool:
        """Whether it has all that it needs, such as weights."""
        return True

    @property
    def own_card(self) -> Card:
        """The card of this configuration: the class's, with what its weights add."""
        return self.card

    def resolve(self, photo: Photo, build: Build) -> "tuple[Detector, str]":  # noqa: ARG002
        """Return the detector that will really run on this photo, and why; itself unless it delegates.

        ``build`` makes a detector by name, with the fields that the user set.
        """
        return self, ""

    def localize(self, photo: Photo) -> Localization:
        """Find where the photo was manipulated.

        Raises:
            MissingEvidence: the photo lacks what this method looks at.

        """
        if min(photo.height, photo.width) < self.smallest:
            raise MissingEvidence(
                f"{photo.width}x{photo.height} pixels are too few, at least "
                f"{self.smallest}x{self.smallest} are needed",
                "use the original at its full size",
            )
        for need in self.needs:
            if not _MET[need](photo):
                raise MissingEvidence(
                    f"it needs {need.value} and this is {photo.format}",
                    "find the file as it left the camera or editor, or choose another detector",
                )
        result = self._localize(photo)
        if result.heatmap.shape != (photo.height, photo.width):
            raise ValueError(f"{type(self).__name__} made a heatmap of {result.heatmap.shape}")
        return result if photo.decoded_rows == photo.height else _without_lost_rows(result, photo)

    @abstractmethod
    def _localize(self, photo: Photo) -> Localization: ...


def nothing_judged(photo: Photo, reason: str, score: float | None = None) -> Localization:
    """Return the result for a photo of which a method can judge no place."""
    shape = (photo.height, photo.width)
    return Localization(
        heatmap=np.zeros(shape, np.float32), score=score, valid=np.zeros(shape, bool), reason=reason
    )


def _without_lost_rows(result: Localization, photo: Photo) -> Localization:
    """Blank what a truncated file never held."""
    heatmap = result.heatmap.copy()
    heatmap[photo.decoded_rows :] = 0
    valid = np.ones(heatmap.shape, bool) if result.valid is None else result.valid.copy()
    valid[photo.decoded_rows :] = False
    return replace(result, heatmap=heatmap, valid=valid)
