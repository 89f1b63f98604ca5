"""The default: chooses a detector by the evidence that the photo holds."""

from dataclasses import dataclass
from typing import ClassVar

from tamperscope import plugins
from tamperscope.detectors._base import Build, Detector
from tamperscope.types import Card, Localization, Photo

__all__ = ["Auto"]


@dataclass(frozen=True)
class Auto(Detector):
    """Chooses `fusion`, but for photos that are too small for it: `adjpeg` for a JPEG, `noi` for others."""

    card: ClassVar[Card] = Card(
        title="Automatic choice",
        looks_at="JPEG history, noise, and what differs from the rest of the photo",
        limits="those of the detector it chooses, which the result names",
        paper="none: ours",
        year=2026,
        licence="MIT",
    )
    choices: ClassVar[tuple[str, ...]] = ("fusion", "adjpeg", "noi")
    smallest: ClassVar[int] = 1  # the chosen detector judges

    def resolve(self, photo: Photo, build: Build) -> tuple[Detector, str]:
        """Return the chosen detector, and why."""
        name, reason = _choose(photo)
        return build(name), f"auto chose {name}: {reason}"

    def _localize(self, photo: Photo) -> Localization:
        detector, _ = self.resolve(photo, lambda name: plugins.build("detectors", name))
        return detector.localize(photo)


def _choose(photo: Photo) -> tuple[str, str]:
    if min(photo.height, photo.width) >= plugins.load("detectors", "fusion").smallest:
        return "fusion", "it is the best on real forgeries"
    if photo.jpeg and photo.jpeg.coefficients:
        return "adjpeg", "the photo is too small for fusion, and is a JPEG"
    return "noi", f"the photo is too small for fusion, and its {photo.format} has no JPEG coefficients"
