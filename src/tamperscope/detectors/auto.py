"""The default: chooses a detector by the evidence that the photo holds."""

from dataclasses import dataclass
from typing import ClassVar

from tamperscope import plugins
from tamperscope.detectors._base import Build, Detector
from tamperscope.types import Card, Localization, Photo

__all__ = ["Auto"]


@dataclass(frozen=True)
class Auto(Detector):
    """Chooses `adjpeg` for a JPEG whose coefficients can be read, `noi` otherwise."""

    card: ClassVar[Card] = Card(
        title="Automatic choice",
        looks_at="what the file offers: the history of a JPEG, else the noise",
        limits="those of the detector it chooses, which the result names",
        paper="none: ours",
        year=2026,
        licence="MIT",
    )
    choices: ClassVar[tuple[str, ...]] = ("adjpeg", "noi")
    smallest: ClassVar[int] = 1  # the chosen detector judges

    def resolve(self, photo: Photo, build: Build) -> tuple[Detector, str]:
        """Return the chosen detector, and why."""
        name, reason = _choose(photo)
        return build(name), f"auto chose {name}: {reason}"

    def _localize(self, photo: Photo) -> Localization:
        detector, _ = self.resolve(photo, lambda name: plugins.build("detectors", name))
        return detector.localize(photo)


def _choose(photo: Photo) -> tuple[str, str]:
    if photo.jpeg and photo.jpeg.coefficients:
        return "adjpeg", "the file is a JPEG, whose compressions can be compared"
    if photo.jpeg:
        return "noi", "the JPEG's coefficients cannot be read"
    return "noi", f"the file is {photo.format}, which has no JPEG coefficients"
