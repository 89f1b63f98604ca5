"""Photographs to forge from, and one forged set."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from photos import Pixels, encode, scene
from tamperscope.forge.sensor import sense

__all__ = ["copied", "host_and_donor", "pasted_into_camera", "write_photos"]


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


def copied(angle: float = 0, scale: float = 1.0) -> tuple[Pixels, NDArray[np.bool_], NDArray[np.bool_]]:
    """The scene with a round part of it copied elsewhere; where the copy and where its source lie."""
    pixels = scene()[:, :480].copy()
    source, copy = (np.zeros(pixels.shape[:2], bool) for _ in range(2))
    rows, columns = np.ogrid[: pixels.shape[0], : pixels.shape[1]]
    radius, start, end = 55, (150, 130), (270, 360)
    source |= (rows - start[0]) ** 2 + (columns - start[1]) ** 2 <= radius**2
    copy |= (rows - end[0]) ** 2 + (columns - end[1]) ** 2 <= (radius * scale) ** 2
    matrix = cv2.getRotationMatrix2D((start[1], start[0]), angle, scale)
    matrix[:, 2] += [end[1] - start[1], end[0] - start[0]]
    moved = cv2.warpAffine(pixels, matrix, pixels.shape[1::-1], flags=cv2.INTER_CUBIC)
    pixels[copy] = moved[copy]
    return pixels, source, copy


def pasted_into_camera() -> tuple[Pixels, NDArray[np.bool_]]:
    """The scene as a camera took it, with a part of it that no camera took; and where that is."""
    taken, _ = sense(scene(), np.random.default_rng(3))
    mask = np.zeros(taken.shape[:2], bool)
    mask[80:176, 96:224] = True
    taken[mask] = scene()[mask]
    return taken, mask
