"""What every detector is: a named configuration that turns a `Photo` into a `Localization`."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tamperscope.errors import MissingEvidence
from tamperscope.plugins import Configurable
from tamperscope.types import Card, Jpeg, Localization, Need, Photo

__all__ = ["NO_DECISION", "Build", "Detector", "nothing_judged"]

NO_DECISION = "a map to be read by a person; this method makes no decision about the photo"

_BLOCK = 8  # pixels of a side of what JPEG transforms

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
        kept = _in_file(photo)
        if min(kept.height, kept.width) < self.smallest:
            raise MissingEvidence(
                f"{photo.width}x{kept.height} pixels are too few, at least "
                f"{self.smallest}x{self.smallest} are needed",
                "use the original at its full size" if kept is photo else "find a whole copy of the file",
            )
        for need in self.needs:
            if not _MET[need](photo):
                raise MissingEvidence(
                    f"it needs {need.value} and this is {photo.format}",
                    "find the file as it left the camera or editor, or choose another detector",
                )
        result = self._localize(kept)
        if result.heatmap.shape != (kept.height, kept.width):
            raise ValueError(f"{type(self).__name__} made a heatmap of {result.heatmap.shape}")
        return result if kept is photo else _with_lost_rows(result, photo.height)

    @abstractmethod
    def _localize(self, photo: Photo) -> Localization: ...


def nothing_judged(photo: Photo, reason: str, score: float | None = None) -> Localization:
    """Return the result for a photo of which a method can judge no place."""
    shape = (photo.height, photo.width)
    return Localization(
        heatmap=np.zeros(shape, np.float32), score=score, valid=np.zeros(shape, bool), reason=reason
    )


def _in_file(photo: Photo) -> Photo:
    """Return what is in the file of a photo: of one that ends early, its upper rows as a photo of its own.

    What a decoder fills in below must not count in what is said of the rest.
    """
    if photo.decoded_rows == photo.height:
        return photo
    rows = photo.decoded_rows // _BLOCK * _BLOCK
    return replace(
        photo,
        pixels=photo.pixels[:rows],
        jpeg=photo.jpeg and _upper(photo.jpeg, rows // _BLOCK),
        decoded_rows=rows,
    )


def _upper(jpeg: Jpeg, rows: int) -> Jpeg:
    """Return a JPEG's upper rows of blocks, those of the component that has most of them."""
    down = max(factor for _, factor in jpeg.sampling)

    def read() -> tuple[tuple[NDArray[np.int16], ...], tuple[str, ...]]:
        kept = zip(jpeg.coefficients, jpeg.sampling, strict=False)  # there may be none
        return tuple(blocks[: -(-rows * own // down)] for blocks, (_, own) in kept), jpeg.remarks

    return replace(jpeg, read=read)


def _with_lost_rows(result: Localization, height: int) -> Localization:
    """Return a result of the upper rows as one of the whole photo, of whose lower ones nothing is said."""
    rows = len(result.heatmap)
    valid = np.ones(result.heatmap.shape, bool) if result.valid is None else result.valid
    share = rows / height
    return replace(
        result,
        heatmap=_padded(result.heatmap, height),
        valid=_padded(valid, height),
        links=tuple(replace(one, area_share=one.area_share * share) for one in result.links),
        evidence={name: _padded(one, round(len(one) / share)) for name, one in result.evidence.items()},
    )


def _padded(plane: NDArray[Any], rows: int) -> NDArray[Any]:
    """Return a plane with zeros below."""
    return np.pad(plane, ((0, rows - len(plane)), (0, 0)))
