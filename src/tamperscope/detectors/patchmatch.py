"""Copy-move: finds parts of a photo that occur in it twice."""

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tamperscope.detectors._base import Detector
from tamperscope.plugins import option
from tamperscope.signal.nearest_field import affine_misfit, nearest_field
from tamperscope.signal.zernike import zernike_magnitudes
from tamperscope.types import Card, Link, Localization, Photo

__all__ = ["PatchMatch"]

_SIZES = (1.0, 1.3, 1.6)  # of a copy, relative to its source; each finds what is within 15% of it
_MEDIAN = 5  # pixels; outliers of the field are smoothed away
_RADIUS = 6  # of the disk on which offsets must be linear
_FLAT = 9.0  # variance of grey levels below which nothing can be told apart
_GROWN = 0.6  # heat around what matches, at least
_SAME = 0.7  # share of a pair that belongs to larger pairs, from which it is one of them
_LARGE = 0.02  # share of the photo of a part that leaves little doubt
_UNSURE = 0.45  # heat of what is linear, but not accepted


@dataclass(frozen=True)
class PatchMatch(Detector):
    """Dense-field copy-move detection by PatchMatch over features that neither turning nor resizing changes.

    Every pixel is joined with the most alike place elsewhere. Where a part was copied, neighbouring pixels
    are joined with neighbouring places: their offsets are linear.

    References:
        Cozzolino, Poggi & Verdoliva, "Efficient dense-field copy-move forgery detection", IEEE TIFS 10(11),
        2015.

    """

    radius: int = option(6, "of the disk whose moments describe a pixel", low=2, high=32)
    iterations: int = option(8, "of PatchMatch", low=1, high=64)
    least_offset: int = option(32, "between a part and its copy, in analysed pixels", low=8, high=4096)
    least_area: int = option(300, "of a part, in analysed pixels", low=1, high=10**6)
    least_share: float = option(0.003, "of a part, of the photo", low=0.0, high=1.0)
    misfit: float = option(300.0, "squared error of linear offsets over a disk, at most", low=0.1, high=1e6)
    most_pixels: int = option(
        300_000,
        "above which neighbours are averaged before they are compared",
        low=10_000,
        high=10**8,
    )

    card: ClassVar[Card] = Card(
        title="Copy-move (PatchMatch)",
        looks_at="parts of the photo that occur in it twice, also turned or resized",
        limits=(
            "cannot tell a copy from its source: both are marked; what really occurs twice, such as windows, "
            "print and tiles, is marked as well; copies in flat areas, of less than about 1% of "
            "the photo, mirrored, or resized to less than 0.6 or more than 1.7 times are missed"
        ),
        paper=(
            "Cozzolino, Poggi & Verdoliva, Efficient Dense-Field Copy-Move Forgery Detection, IEEE TIFS "
            "10(11)"
        ),
        year=2015,
        licence="MIT",
        deviations=(
            "the score of the whole photo is ours",
            "a copy's surroundings are looked for at three sizes, and its offsets followed accordingly",
            "all pixels are worked on at once, offsets passed on over six distances instead of in scan order",
            "photos of more than 300,000 pixels are averaged over square cells before they are compared",
            "thresholds suit smaller photos: 300 pixels of area instead of 1200, 32 of offset instead of 50",
            "areas without texture are not judged",
            "parts and their counterparts are grown by the size of a patch, which does not match at an edge",
        ),
    )
    smallest: ClassVar[int] = 64

    def _localize(self, photo: Photo) -> Localization:
        plane = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
        cell = max(1, int(np.ceil(np.sqrt(plane.size / self.most_pixels))))
        if cell > 1:
            size = (max(1, plane.shape[1] // cell), max(1, plane.shape[0] // cell))
            plane = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
        rows, columns = self._offsets(plane)
        misfit = affine_misfit(rows, _RADIUS) + affine_misfit(columns, _RADIUS)
        textured = _variance(plane) > _FLAT
        alike = (misfit < self.misfit) & (rows**2 + columns**2 >= self.least_offset**2) & textured
        labels, _ = ndimage.label(alike)
        kept = np.bincount(labels.ravel()) >= max(self.least_area, self.least_share * plane.size)
        kept[0] = False
        parts = kept[labels]
        grown = _grown(parts | _targets(parts, rows, columns), 2 * self.radius)
        heat = _UNSURE * np.exp(-misfit / self.misfit) * alike
        heat[grown] = np.maximum(1 - 0.5 * misfit[grown] / self.misfit, _GROWN)
        shape = (photo.height, photo.width)
        links = _links([labels == label for label in np.flatnonzero(kept)], rows, columns, shape)
        return Localization(
            heatmap=_enlarged(heat.astype(np.float32), shape, cv2.INTER_LINEAR),
            score=_score(links),
            valid=_enlarged((textured | grown).astype(np.uint8), shape, cv2.INTER_NEAREST).astype(bool),
            links=links,
            reason=(
                "parts of the photo occur twice; which is the copy, or whether such things occur twice in "
                "the scene, a person must decide"
                if links
                else "no part of the photo occurs twice"
            ),
        )

    def _offsets(self, plane: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the field of offsets, smoothed; the same for the same photo."""
        features = np.stack([zernike_magnitudes(plane, self.radius * size) for size in _SIZES])
        # The smallest offset that counts, less what smoothing may add.
        least = max(8, self.least_offset - 8)
        field = nearest_field(features, _SIZES, least, self.iterations, np.random.default_rng(0))
        rows, columns = (
            cv2.medianBlur(part.astype(np.int16), _MEDIAN).astype(np.float32)
            for part in (field.rows, field.columns)
        )
        return rows, columns


def _variance(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    side = (4 * _RADIUS + 1, 4 * _RADIUS + 1)
    return np.asarray(cv2.blur(plane * plane, side) - cv2.blur(plane, side) ** 2)


def _targets(
    parts: NDArray[np.bool_], rows: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return where the parts' offsets lead; a resized copy leaves gaps, which are closed."""
    row, column = np.nonzero(parts)
    found = np.zeros(parts.shape, np.uint8)
    to_row = np.clip(row + rows[row, column], 0, parts.shape[0] - 1).astype(int)
    to_column = np.clip(column + columns[row, column], 0, parts.shape[1] - 1).astype(int)
    found[to_row, to_column] = 1
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0)


def _grown(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disk) > 0)


def _enlarged(values: NDArray[Any], shape: tuple[int, int], how: int) -> NDArray[Any]:
    if values.shape == shape:
        return values
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=how))


def _score(links: tuple[Link, ...]) -> float:
    """Return 0 if nothing occurs twice; otherwise from 0.5 up, with the area of the largest part."""
    return 1 - 0.5 * float(np.exp(-links[0].area_share / _LARGE)) if links else 0.0


def _links(
    parts: list[NDArray[np.bool_]],
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
    shape: tuple[int, int],
) -> tuple[Link, ...]:
    """Join the parts with their counterparts, the largest first; each pair once."""
    links: list[Link] = []
    met = np.zeros(rows.shape, bool)  # by pairs that were joined already
    for part in sorted(parts, key=np.count_nonzero, reverse=True):
        counterpart = _targets(part, rows, columns)
        if met[part].mean() < _SAME or met[counterpart].mean() < _SAME:
            links.append(_link(part, rows, columns, shape))
        met |= part | counterpart
    return tuple(links)


def _link(
    part: NDArray[np.bool_], rows: NDArray[np.float32], columns: NDArray[np.float32], shape: tuple[int, int]
) -> Link:
    """Return the centre of a part, and of its counterpart, in the photo's pixels, and how they differ."""
    at = np.argwhere(part).astype(float)
    to = at + np.stack([rows[part], columns[part]], axis=1)
    centre, to_centre = at.mean(axis=0), to.mean(axis=0)
    (down_down, down_right), (right_down, right_right) = np.linalg.lstsq(at - centre, to - to_centre)[0]
    stretch = shape[1] / part.shape[1], shape[0] / part.shape[0]
    (y, x), (to_y, to_x) = centre, np.clip(to_centre, 0, np.array(part.shape) - 1)
    return Link(
        x=round(x * stretch[0]),
        y=round(y * stretch[1]),
        to_x=round(to_x * stretch[0]),
        to_y=round(to_y * stretch[1]),
        area_share=float(part.mean()),
        scale=round(float(np.sqrt(abs(down_down * right_right - down_right * right_down))), 3),
        turn=round(float(np.degrees(np.arctan2(right_down - down_right, down_down + right_right))), 1),
    )
