"""The default: the best detector for a photo of its size."""

from dataclasses import dataclass
from typing import ClassVar

from tamperscope import plugins
from tamperscope.detectors._base import Build, Detector
from tamperscope.types import Card, Localization, Photo

__all__ = ["Auto"]

_LARGEST = 50_000_000  # pixels, above which fusion takes minutes and gigabytes


@dataclass(frozen=True)
class Auto(Detector):
    """Chooses `fusion`; for photos too small or too large for it `adjpeg`, `noi` if they are no JPEG."""

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
    small = min(photo.decoded_rows, photo.width) < plugins.load("detectors", "fusion").smallest
    if not small and photo.height * photo.width <= _LARGEST:
        return "fusion", "it is the best on real forgeries"
    why = f"the photo is too {'small' if small else 'large'} for fusion"
    if photo.jpeg and photo.jpeg.coefficients:
        return "adjpeg", f"{why}, and is a JPEG"
    return "noi", f"{why}, and its {photo.format} has no JPEG coefficients"
