"""Photographs to forge from, and one forged set."""

from pathlib import Path

import numpy as np

from photos import Pixels, encode, scene

__all__ = ["host_and_donor", "write_photos"]


def host_and_donor(height: int = 200, width: int = 240) -> tuple[Pixels, Pixels]:
    """Two real photographs that were never compressed."""
    return tuple(np.ascontiguousarray(scene(name)[:height, :width]) for name in ("coffee", "chelsea"))  # type: ignore[return-value]


def write_photos(folder: Path, count: int = 4) -> Path:
    """Write parts of both photographs, some as JPEG; each a different file."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = scene(("coffee", "chelsea")[number % 2])[4 * number : 4 * number + 240, : 300 + number]
        kind = ("PNG", "JPEG")[number // 2 % 2]
        (folder / f"{number:02}.{kind.lower()}").write_bytes(encode(pixels, kind))
    return folder
