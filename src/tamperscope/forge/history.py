"""What a file went through before it was found: JPEG savings as cameras, phones and editors make them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.JpegPresets import presets

from tamperscope.io.encode import encode_jpeg, encode_png
from tamperscope.io.jpeg import standard_table

__all__ = ["FAMILIES", "Saving", "draw"]

Pixels = NDArray[np.uint8]
Table = NDArray[np.uint16]

_AS_FOUND = (0.8, 1.25)  # what found steps may be off the wanted ones before they are scaled
_SUM = np.add.outer(np.arange(8), np.arange(8))  # of both frequencies


def _standard(quality: float) -> tuple[Table, Table]:
    level = round(quality)
    return standard_table(level), standard_table(level, chroma=True)


def _editor(quality: float) -> tuple[Table, Table]:
    """Return those of Photoshop's tables that are nearest in quality to the standard's, if need be scaled."""
    return _nearest(quality, _editors_tables())


def _camera(quality: float) -> tuple[Table, Table]:
    """Return tables in the manner of cameras': flatter than the standard's, coarse at high frequencies."""
    scale = _scale(quality)
    luma = standard_table(50).astype(float) ** 0.85 * 1.6 * scale
    chroma = standard_table(50, chroma=True).astype(float) ** 0.8 * 1.7 * scale
    return _steps(luma + 0.25 * scale * np.maximum(0, _SUM - 9)), _steps(chroma)


def _found(quality: float) -> tuple[Table, Table]:
    """Return the tables of the camera that is nearest in quality to the standard's, if need be scaled."""
    return _nearest(quality, _cameras_tables())


def _nearest(quality: float, tables: list[tuple[Table, Table]]) -> tuple[Table, Table]:
    wanted = float(standard_table(round(quality)).sum())
    luma, chroma = min(tables, key=lambda both: abs(np.log(both[0].sum() / wanted)))
    factor = wanted / luma.sum()
    if _AS_FOUND[0] < factor < _AS_FOUND[1]:
        return luma, chroma
    return _steps(luma * factor), _steps(chroma * factor)


@cache
def _editors_tables() -> list[tuple[Table, Table]]:
    """Return Photoshop's, as Pillow knows them: from low to maximum, and those for the web."""
    known: Any = presets
    return [_both(*one["quantization"]) for one in known.values()]


@cache
def _cameras_tables() -> list[tuple[Table, Table]]:
    found = json.loads(files(__package__).joinpath("cameras.json").read_text(encoding="utf-8"))
    return [_both(one["luma"], one["chroma"]) for one in found]


def _both(luma: list[int], chroma: list[int]) -> tuple[Table, Table]:
    return np.array(luma, np.uint16).reshape(8, 8), np.array(chroma, np.uint16).reshape(8, 8)


FAMILIES: dict[str, Callable[[float], tuple[Table, Table]]] = {
    "standard": _standard,
    "editor": _editor,
    "camera": _camera,
    "found": _found,
}


def _scale(quality: float) -> float:
    """Return the factor by which the standard scales its steps at a quality."""
    return 50 / quality if quality < 50 else 2 - quality / 50


def _steps(values: NDArray[np.float64]) -> Table:
    return np.clip(np.rint(values), 1, 255).astype(np.uint16)


@dataclass(frozen=True)
class Saving:
    """How a file is saved: JPEG with tables of a family at a quality of 1 to 100, or PNG if that is None."""

    family: str = "standard"
    quality: float | None = None
    subsampling: str = "4:2:0"

    @property
    def suffix(self) -> str:
        """The file name's."""
        return ".png" if self.quality is None else ".jpg"

    def encode(self, pixels: Pixels) -> bytes:
        """Return the file's bytes."""
        if self.quality is None:
            return encode_png(pixels)
        return encode_jpeg(pixels, FAMILIES[self.family](self.quality), self.subsampling)

    def wear(self, pixels: Pixels, offset: tuple[int, int] = (0, 0)) -> Pixels:
        """Return what is left of the pixels after this saving, its 8x8 grid shifted by (rows, columns).

        The grid's lines lie where the coordinates leave the remainders of ``offset`` by 8.
        """
        if self.quality is None:
            return pixels
        rows, columns = ((8 - shift % 8) % 8 for shift in offset)
        padded = cv2.copyMakeBorder(pixels, rows, 0, columns, 0, cv2.BORDER_REPLICATE)
        worn: Any = cv2.imdecode(np.frombuffer(self.encode(padded), np.uint8), cv2.IMREAD_COLOR_RGB)
        found: Pixels = np.ascontiguousarray(worn[rows:, columns:])
        return found

    @property
    def record(self) -> dict[str, Any]:
        """Fit for JSON."""
        if self.quality is None:
            return {"format": "PNG"}
        return {
            "format": "JPEG",
            "family": self.family,
            "quality": round(self.quality, 2),
            "subsampling": self.subsampling,
        }


def draw(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """Draw a name by its weight."""
    values = np.array(list(weights.values()), float)
    return list(weights)[int(rng.choice(len(values), p=values / values.sum()))]
