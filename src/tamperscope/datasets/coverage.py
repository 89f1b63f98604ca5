"""COVERAGE: copy-moves beside similar but genuine objects, TIFF, each with its original."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tamperscope.datasets._base import Dataset, Source
from tamperscope.datasets._files import numbered, pictures
from tamperscope.datasets._masks import read_mask
from tamperscope.errors import TamperscopeError
from tamperscope.io.decode import decode
from tamperscope.types import Sample

__all__ = ["Coverage"]

_CHANGED = 16  # of 255: more than rounding
_MISALIGNED = 0.1  # part of the changed pixels outside the published mask


@dataclass(frozen=True)
class Coverage(Dataset):
    """Copy-Move Forgery Database with Similar but Genuine Objects."""

    card = Source(
        title="COVERAGE, Copy-Move Forgery Database with Similar but Genuine Objects",
        paper="Wen, Zhu, Subramanian, Ng, Shen & Winkler, ICIP 2016",
        year=2016,
        url="https://github.com/wenbihan/coverage",
        terms="non-commercial research",
        layout="""
            image/1.tif (original) and image/1t.tif (forged)
            mask/1forged.tif
        """,
        manipulated=100,
        pristine=100,
        faults=(
            "some masks are shifted or of another size: where more than a tenth of what differs from the "
            "original lies outside the mask, or its size does not fit, the difference itself is the truth, "
            "small gaps closed",
        ),
    )

    def _samples(self) -> Iterator[Sample]:
        folder = self.root / "image"
        if not folder.is_dir():
            raise self.wrong("no folder of images")
        paths = pictures(folder)
        found = {path.stem.lower(): path for path in paths}
        for path in paths:
            stem, number = path.stem.lower(), numbered(path)
            yield self.sample(
                path,
                manipulated=stem.endswith("t"),
                group=number,
                mask=self.root / "mask" / f"{number}forged.tif",
                kind="copy-move",
                original=found.get(stem.removesuffix("t")),
            )

    def _mask(self, sample: Sample, path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
        changed = _difference(sample)
        if changed is None or changed.shape != shape or not changed.any():
            return read_mask(path, shape)
        try:
            published = read_mask(path, shape)
        except TamperscopeError:
            return _closed(changed)
        aligned = (changed & ~published).sum() <= _MISALIGNED * changed.sum()
        return published if aligned else _closed(changed)


def _difference(sample: Sample) -> NDArray[np.bool_] | None:
    """Return where the forgery differs from its original; None if that cannot be known."""
    if sample.original is None:
        return None
    try:
        pair = [decode(path).pixels for path in (sample.image, sample.original)]
    except TamperscopeError:
        return None
    if pair[0].shape != pair[1].shape:
        return None
    changed: NDArray[np.bool_] = cv2.absdiff(*pair).max(axis=2) > _CHANGED
    return changed


def _closed(changed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    side = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    closed = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_CLOSE, side)
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(closed)
    return filled
