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
from tamperscope.signal.pairs import Pair, detail
from tamperscope.signal.zernike import zernike_magnitudes
from tamperscope.types import Card, Link, Localization, Photo

__all__ = ["PatchMatch"]

_SIZES = (1.0, 1.3, 1.6)  # of a copy, relative to its source; each finds what is within 15% of it
_MEDIAN = 5  # pixels; outliers of the field are smoothed away
_MEDIANS = 2  # times
_BRIGHTNESS = 0.3  # weight of the mean, so that a copy made brighter is found
_RADIUS = 6  # of the disk on which offsets must be linear
_FLAT = 9.0  # variance of grey levels below which nothing can be told apart
_MOST_SEEDS = 40  # parts with linear offsets, the largest, that are looked at
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
    correlation: float = option(
        0.5, "of the detail of a part with its counterpart, at least", low=0.0, high=1.0
    )
    misfit: float = option(300.0, "squared error of linear offsets over a disk, at most", low=0.1, high=1e6)
    most_pixels: int = option(
        300_000,
        "above which neighbours are averaged before they are compared",
        low=10_000,
        high=10**8,
    )

    card: ClassVar[Card] = Card(
        title="Copy-move (PatchMatch)",
        looks_at="parts of the photo that occur in it twice, also turned, resized or mirrored",
        limits=(
            "cannot tell a copy from its source: both are marked; what really occurs twice, such as windows, "
            "print and tiles, is marked as well; copies in flat areas, of less than about 1% of the photo, "
            "mirrored at the same height, or resized to less than 0.6 or more than 1.7 times are missed"
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
            "linear offsets only suggest a part: it is what correlates under their affine map, without holes",
            "what mirrors about an axis is taken for symmetric, not for a copy",
            "the mean brightness has a third of its weight",
            "disks of 13 pixels, on the photo's grid, instead of 16, on a polar one; offsets are smoothed by "
            "the median of a square of 5 pixels, twice, instead of a disk of radius 4, and are 24 at least "
            "while they are looked for, instead of 8",
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
        pairs = self._pairs(plane, alike, rows, columns)
        heat = _UNSURE * np.exp(-misfit / self.misfit) * alike
        for pair in pairs:
            np.maximum(heat, pair.heat, out=heat)
        marked = heat >= self.card.threshold
        shape = (photo.height, photo.width)
        links = tuple(pair.link(shape) for pair in pairs)
        return Localization(
            heatmap=_enlarged(heat.astype(np.float32), shape, cv2.INTER_LINEAR),
            score=_score(links),
            valid=_enlarged((textured | marked).astype(np.uint8), shape, cv2.INTER_NEAREST) > 0,
            links=links,
            reason=(
                "parts of the photo occur twice; which is the copy, or whether such things occur twice in "
                "the scene, a person must decide"
                if links
                else "no part of the photo occurs twice"
            ),
        )

    def _pairs(
        self,
        plane: NDArray[np.float32],
        alike: NDArray[np.bool_],
        rows: NDArray[np.float32],
        columns: NDArray[np.float32],
    ) -> list[Pair]:
        """Return what occurs twice, the largest first; each pair once.

        Where offsets are linear a pair is suspected. The map that they give is applied to the whole photo: a
        pair is what correlates then.
        """
        fine = detail(plane)
        labels, count = ndimage.label(alike)
        areas = np.bincount(labels.ravel(), minlength=count + 1)
        areas[0] = 0
        least = max(self.least_area, self.least_share * plane.size)
        seeds = [label for label in np.argsort(-areas)[:_MOST_SEEDS] if areas[label] >= least]
        pairs: list[Pair] = []
        met = np.zeros(alike.shape, bool)  # by pairs that were found already
        for seed in (labels == label for label in seeds):
            counterpart = _targets(seed, rows, columns)
            if min(met[seed].mean(), met[counterpart].mean()) > _SAME:
                continue
            pair = Pair.grown(fine, seed, _affine(seed, rows, columns), least=self.correlation)
            if pair:
                pairs.append(pair)
                met |= pair.heat > 0.5
        return sorted(pairs, key=lambda pair: -np.count_nonzero(pair.part))

    def _offsets(self, plane: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the field of offsets, smoothed; the same for the same photo."""
        features = np.stack([zernike_magnitudes(plane, self.radius * size) for size in _SIZES])
        features[..., 0] *= _BRIGHTNESS
        # The smallest offset that counts, less what smoothing may add.
        least = max(8, self.least_offset - 8)
        field = nearest_field(features, _SIZES, least, self.iterations, np.random.default_rng(0))
        rows, columns = (_smoothed(part) for part in (field.rows, field.columns))
        return rows, columns


def _smoothed(offsets: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the offsets without outliers."""
    found = offsets.astype(np.float32)  # exact to 2^24, 16 bits are few for a long panorama
    for _ in range(_MEDIANS):
        found = cv2.medianBlur(found, _MEDIAN)
    return np.asarray(found, np.float32)


def _variance(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    side = (4 * _RADIUS + 1, 4 * _RADIUS + 1)
    return np.asarray(cv2.blur(plane * plane, side) - cv2.blur(plane, side) ** 2)


def _affine(
    seed: NDArray[np.bool_], rows: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the map (2, 3) of (x, y, 1) that fits the offsets of a part best."""
    y, x = np.nonzero(seed)
    to = np.stack([x + columns[seed], y + rows[seed]], axis=1)
    found = np.linalg.lstsq(np.stack([x, y, np.ones_like(x)], axis=1).astype(float), to)[0]
    return np.asarray(found.T)


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


def _enlarged(values: NDArray[Any], shape: tuple[int, int], how: int) -> NDArray[Any]:
    if values.shape == shape:
        return values
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=how))


def _score(links: tuple[Link, ...]) -> float:
    """Return 0 if nothing occurs twice; otherwise from 0.5 up, with the area of the largest part."""
    return 1 - 0.5 * float(np.exp(-links[0].area_share / _LARGE)) if links else 0.0
