"""A detector whose map a refiner betters: `conv_lstm+crf`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from tamperscope import plugins
from tamperscope.detectors._base import Build, Detector
from tamperscope.refine._base import Refiner
from tamperscope.types import Card, Localization, Photo

__all__ = ["Refined", "assemble", "parts"]

Fields = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Refined(Detector):
    """Runs a detector, then a refiner; everything but the map is the detector's."""

    detector: Detector
    refiner: Refiner

    smallest: ClassVar[int] = 1  # the detector judges

    @property
    def full_name(self) -> str:
        """Both names, as `assemble` takes them."""
        return f"{plugins.name_of(self.detector)}+{plugins.name_of(self.refiner)}"

    @property
    def card(self) -> Card:  # type: ignore[override]
        """The detector's card, with the refiner in its title."""
        return self._named(self.detector.card)

    @property
    def own_card(self) -> Card:
        """The detector's, likewise."""
        return self._named(self.detector.own_card)

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        """What the detector may choose from, refined."""
        return tuple(f"{name}+{plugins.name_of(self.refiner)}" for name in self.detector.choices)

    @property
    def weights_digest(self) -> str | None:
        """The detector's."""
        return self.detector.weights_digest

    @property
    def learned(self) -> frozenset[str]:
        """The detector's."""
        return self.detector.learned

    @property
    def ready(self) -> bool:
        """Whether the detector is; a refiner needs nothing."""
        return self.detector.ready

    def prepare(self) -> None:
        """Make both ready."""
        self.detector.prepare()
        self.refiner.prepare()

    def resolve(self, photo: Photo, build: Build) -> tuple[Detector, str]:
        """Return what the detector delegates to, refined."""
        chosen, why = self.detector.resolve(photo, build)
        return replace(self, detector=chosen), why

    def _localize(self, photo: Photo) -> Localization:
        found = self.detector.localize(photo)
        return self.refiner.refine(photo, found, self.own_card.threshold)

    def _named(self, card: Card) -> Card:
        return replace(card, title=f"{card.title}, refined by {plugins.name_of(self.refiner)}")


def parts(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the detector and the refiners in a name.

    >>> parts("ela+smooth+crf")
    ('ela', ('smooth', 'crf'))
    """
    detector, *refiners = name.split("+")
    return detector, tuple(refiners)


def assemble(name: str, fields: Fields) -> Detector:
    """Return the detector of that name, refined by what follows each ``+``; ``fields`` are by plugin.

    Raises:
        UnknownPlugin: no detector or refiner of that name. InvalidParameter: a field that does not fit.

    """
    first, refiners = parts(name)
    detector: Detector = plugins.build("detectors", first, **fields.get(first, {}))
    for refiner in refiners:
        detector = Refined(detector, plugins.build("refine", refiner, **fields.get(refiner, {})))
    return detector
