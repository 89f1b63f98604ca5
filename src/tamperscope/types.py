"""The values that everything else produces and consumes; NumPy only.

Photos and localizations are checked when they are made, so that a wrong shape or range fails where it arose;
their arrays are read-only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Card", "Jpeg", "Link", "Localization", "Need", "Photo", "Region", "Sample"]

_T = TypeVar("_T", bound=np.generic)


def _fixed(array: NDArray[_T]) -> NDArray[_T]:
    """Return an array that nobody writes to; whoever has the one that was given still can."""
    seen: NDArray[_T] = array.view()
    seen.setflags(write=False)
    return seen


class Need(Enum):
    """What a detector cannot work without, in words that complete "needs ..."."""

    JPEG = "the DCT coefficients of a JPEG file"


@dataclass(frozen=True, eq=False)
class Jpeg:
    """What a JPEG file says beside its pixels.

    ``tables`` holds each component's quantisation table ``(8, 8)``, vertical frequency before horizontal,
    ``sampling`` its (horizontal, vertical) factors. ``quality`` is that of the nearest table of the
    Independent JPEG Group, and ``standard_tables`` says whether the tables are exactly those; ``complete``
    whether the scans bring all of each component. ``read`` gives the coefficients and the reader's remarks;
    it is called once, when either is first asked for, because reading costs as much as decoding the pixels.
    """

    read: Callable[[], tuple[tuple[NDArray[np.int16], ...], tuple[str, ...]]]
    tables: tuple[NDArray[np.uint16], ...]
    sampling: tuple[tuple[int, int], ...]
    progressive: bool
    arithmetic: bool
    quality: int
    standard_tables: bool
    complete: bool
    thumbnail: bool

    @cached_property
    def _content(self) -> tuple[tuple[NDArray[np.int16], ...], tuple[str, ...]]:
        return self.read()

    @property
    def coefficients(self) -> tuple[NDArray[np.int16], ...]:
        """Quantised DCT coefficients ``(rows, columns, 8, 8)`` per component; empty if unreadable."""
        return self._content[0]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the coefficients' reader found amiss in the file."""
        return self._content[1]

    @property
    def whole(self) -> bool:
        """Whether nothing is known to lack, or be damaged; of arithmetic coding nobody can tell."""
        return self.complete and not self.arithmetic and not self.remarks

    @property
    def subsampling(self) -> str:
        """Chroma subsampling in the usual notation, "4:0:0" for grey; the bare factors if it has no name."""
        if len(self.sampling) == 1:
            return "4:0:0"
        names: dict[tuple[float, float], str] = {
            (1, 1): "4:4:4",
            (2, 1): "4:2:2",
            (2, 2): "4:2:0",
            (1, 2): "4:4:0",
            (4, 1): "4:1:1",
        }
        luma, *chroma = self.sampling[:3]
        ratios = {(luma[0] / across, luma[1] / down) for across, down in chroma}
        name = names.get(next(iter(ratios))) if len(ratios) == 1 else None
        return name or ",".join(f"{across}x{down}" for across, down in self.sampling)


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photograph, as it was stored.

    ``pixels`` is ``(height, width, 3)`` RGB, uint8, read-only, in the file's own orientation: a rotation
    would break the 8x8 grid. ``orientation`` is EXIF's 1 to 8 and is applied only when something is drawn.
    ``digest`` is the SHA-256 of the file's ``size`` bytes. ``decoded_rows`` is less than the height only for
    a truncated JPEG that was salvaged: what lies below was never in the file.
    """

    pixels: NDArray[np.uint8]
    jpeg: Jpeg | None
    orientation: int
    digest: str
    format: str
    size: int
    decoded_rows: int
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3:
            raise ValueError(
                f"pixels must be uint8 (height, width, 3), not {self.pixels.dtype} {self.pixels.shape}"
            )
        if not 1 <= self.orientation <= 8:
            raise ValueError(f"orientation must be 1 to 8, not {self.orientation}")
        if not 0 <= self.decoded_rows <= self.height:
            raise ValueError(f"decoded_rows must be 0 to {self.height}, not {self.decoded_rows}")
        object.__setattr__(self, "pixels", _fixed(self.pixels))

    @property
    def height(self) -> int:
        """Stored rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Stored columns."""
        return int(self.pixels.shape[1])


@dataclass(frozen=True)
class Region:
    """A connected area above a detector's threshold, in stored pixel coordinates.

    ``area_share`` is its part of the whole photo, ``peak`` and ``mean`` its heatmap values; all in [0, 1].
    """

    x: int
    y: int
    width: int
    height: int
    area_share: float
    peak: float
    mean: float


@dataclass(frozen=True)
class Link:
    """A part that occurs twice: its centre and that of its counterpart, in stored pixel coordinates.

    ``area_share`` is the part's of the whole photo. The counterpart is the part, ``mirrored`` left to right
    or not, enlarged to ``scale`` and turned by ``turn`` degrees, clockwise. Which is the copy is not said,
    but by `fusion`, which leads from the copy to its source.
    """

    x: int
    y: int
    to_x: int
    to_y: int
    area_share: float
    scale: float
    turn: float
    mirrored: bool


@dataclass(frozen=True, eq=False)
class Localization:
    """Where a detector sees manipulation.

    ``heatmap`` is float32 ``(height, width)`` in [0, 1], the photo's size, high where manipulated.
    ``score`` speaks of the whole photo, in [0, 1]; None if the method makes no such statement.
    ``valid`` is False where the method cannot judge; None means valid everywhere.
    ``links`` join parts that occur twice. ``reason`` is one sentence for people: what the result rests on.
    ``evidence`` are maps that led to the heatmap, by name: of the whole photo, in [0, 1], of any size.
    """

    heatmap: NDArray[np.float32]
    score: float | None
    valid: NDArray[np.bool_] | None = None
    links: tuple[Link, ...] = ()
    reason: str = ""
    evidence: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.heatmap.dtype != np.float32 or self.heatmap.ndim != 2 or not self.heatmap.size:
            raise ValueError(
                f"heatmap must be float32 (height, width), not {self.heatmap.dtype} {self.heatmap.shape}"
            )
        # One pass each and no temporary array; NaN fails both comparisons.
        if not (self.heatmap.min() >= 0 and self.heatmap.max() <= 1):
            raise ValueError("heatmap must lie in [0, 1]")
        if self.score is not None and not 0 <= self.score <= 1:
            raise ValueError(f"score must be None or lie in [0, 1], not {self.score}")
        if self.valid is not None and (
            self.valid.dtype != np.bool_ or self.valid.shape != self.heatmap.shape
        ):
            raise ValueError(
                f"valid must be bool {self.heatmap.shape}, not {self.valid.dtype} {self.valid.shape}"
            )
        for name, one in self.evidence.items():
            if (
                one.dtype != np.float32
                or one.ndim != 2
                or not one.size
                or not (one.min() >= 0 and one.max() <= 1)
            ):
                raise ValueError(f"evidence {name!r} must be float32 (height, width) in [0, 1]")
        object.__setattr__(self, "evidence", {name: _fixed(one) for name, one in self.evidence.items()})
        object.__setattr__(self, "heatmap", _fixed(self.heatmap))
        if self.valid is not None:
            object.__setattr__(self, "valid", _fixed(self.valid))

    def mask(self, threshold: float) -> NDArray[np.bool_]:
        """Return bool ``(height, width)``: at or above ``threshold`` where the method can judge."""
        above = self.heatmap >= threshold
        return above if self.valid is None else above & self.valid


@dataclass(frozen=True)
class Card:
    """What a person must know of a detector before relying on it.

    ``threshold`` in (0, 1) turns heatmaps into masks and scores into verdicts. Below it, but not below
    ``doubt``, a score clears nobody: the method cannot tell; None if that is nowhere. ``calibrated`` says
    what the score was calibrated on; empty if it is not a probability. ``licence`` is that of weights and
    method.
    """

    title: str
    looks_at: str
    limits: str
    paper: str
    year: int
    licence: str
    threshold: float = 0.5
    deviations: tuple[str, ...] = ()
    calibrated: str = ""
    doubt: float | None = None


@dataclass(frozen=True)
class Sample:
    """One photograph of a data set.

    ``name`` is unique in its data set: its path below the root, with forward slashes. ``kind`` is
    "splice", "copy-move", "removal", or empty if unknown or pristine. ``group`` is shared by all samples that
    were made from a common source photograph, so that splits can be free of leaks. ``split`` is "train",
    "val" or "test" where the data set says so. ``mask`` is None for pristine photos, and for manipulated ones
    whose data set has none. ``original`` is the photograph before it was manipulated, if it is at hand.
    """

    name: str
    image: Path
    manipulated: bool
    group: str
    mask: Path | None = None
    kind: str = ""
    split: str | None = None
    original: Path | None = None
