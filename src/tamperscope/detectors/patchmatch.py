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
_MEDIANS = 2  # times
_BRIGHTNESS = 0.3  # weight of the mean, so that a copy made brighter is found
_RADIUS = 6  # of the disk on which offsets must be linear
_FLAT = 9.0  # variance of grey levels below which nothing can be told apart
_FAINT = 1.0  # variance of detail below which nothing correlates
_MOST_SEEDS = 40  # parts with linear offsets, the largest, that are looked at
_MOST_GROWTH = 12  # times; long edges correlate along themselves
_LEAST_SCALE = 0.5  # of a counterpart; its inverse is the most
_MOST_STRETCH = 1.4  # of one direction over the other
_DETAIL = 3.0  # pixels; standard deviation of what is smooth
_WINDOW = 6  # radius over which parts are correlated
_MOST_OVERLAP = 0.5  # of a part with its counterpart
_REFLECTED = 0.1  # of the way there, by which the way there and back may miss its start
_ALIKE = 0.5  # correlation as far as which a part reaches
_GROWN = 5  # pixels by which a window that correlates ends before a part does
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
    ) -> list["_Pair"]:
        """Return what occurs twice, the largest first; each pair once.

        Where offsets are linear a pair is suspected. The map that they give is applied to the whole photo: a
        pair is what correlates then.
        """
        detail = plane - cv2.GaussianBlur(plane, (0, 0), _DETAIL)  # smooth areas would correlate anywhere
        labels, count = ndimage.label(alike)
        areas = np.bincount(labels.ravel(), minlength=count + 1)
        areas[0] = 0
        least = max(self.least_area, self.least_share * plane.size)
        seeds = [label for label in np.argsort(-areas)[:_MOST_SEEDS] if areas[label] >= least]
        pairs: list[_Pair] = []
        met = np.zeros(alike.shape, bool)  # by pairs that were found already
        for seed in (labels == label for label in seeds):
            counterpart = _targets(seed, rows, columns)
            if min(met[seed].mean(), met[counterpart].mean()) > _SAME:
                continue
            pair = _Pair.grown(detail, seed, rows, columns, self.correlation)
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
    found = offsets.astype(np.int16)
    for _ in range(_MEDIANS):
        found = cv2.medianBlur(found, _MEDIAN)
    return np.asarray(found, np.float32)


def _variance(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    side = (4 * _RADIUS + 1, 4 * _RADIUS + 1)
    return np.asarray(cv2.blur(plane * plane, side) - cv2.blur(plane, side) ** 2)


@dataclass(frozen=True, eq=False)
class _Pair:
    """A part, the affine map (2, 3) of (x, y, 1) from it to its counterpart, and the heat of both."""

    part: NDArray[np.bool_]
    matrix: NDArray[np.float64]
    heat: NDArray[np.float32]

    @classmethod
    def grown(
        cls,
        plane: NDArray[np.float32],
        seed: NDArray[np.bool_],
        rows: NDArray[np.float32],
        columns: NDArray[np.float32],
        least: float,
    ) -> "_Pair | None":
        """Return all around a seed that correlates with where its offsets lead; None if the seed does not."""
        y, x = np.nonzero(seed)
        to = np.stack([x + columns[seed], y + rows[seed]], axis=1)
        matrix = np.linalg.lstsq(np.stack([x, y, np.ones_like(x)], axis=1).astype(float), to)[0].T
        most, smallest = np.linalg.svd(matrix[:, :2], compute_uv=False)
        if smallest < _LEAST_SCALE or most > min(1 / _LEAST_SCALE, _MOST_STRETCH * smallest):
            return None  # nobody copies like that
        alike = _correlation(plane, matrix)
        if alike[seed].mean() < least:
            return None
        labels, _ = ndimage.label(alike > _ALIKE)
        around = np.bincount(labels[seed])
        around[0] = 0
        part = _closed(labels == around.argmax(), _GROWN)
        heat = np.where(part, 0.5 + 0.5 * np.maximum(alike, _ALIKE), 0).astype(np.float32)
        moved = cv2.warpAffine(heat, matrix, heat.shape[::-1], flags=cv2.INTER_NEAREST)
        area = np.count_nonzero(part)
        if area > _MOST_GROWTH * len(x) or np.count_nonzero(part & (moved > 0)) > _MOST_OVERLAP * area:
            return None  # an edge along itself, or what a turn maps to itself
        if _is_reflection(matrix, (float(x.mean()), float(y.mean()))):
            return None  # what is symmetric: a mirrored copy lies anywhere
        return cls(part, matrix, np.maximum(heat, moved))

    def link(self, shape: tuple[int, int]) -> Link:
        """Return the centre of the part, and of its counterpart, in stored pixels, and how they differ."""
        height, width = self.part.shape
        y, x = (float(np.mean(places)) for places in np.nonzero(self.part))
        to_x, to_y = np.clip(self.matrix @ (x, y, 1), 0, (width - 1, height - 1))
        mirrored = bool(np.linalg.det(self.matrix[:, :2]) < 0)
        (right_right, right_down), (down_right, down_down) = self.matrix[:, :2] * (1 - 2 * mirrored, 1)
        return Link(
            x=round(x * shape[1] / width),
            y=round(y * shape[0] / height),
            to_x=round(to_x * shape[1] / width),
            to_y=round(to_y * shape[0] / height),
            area_share=float(self.part.mean()),
            scale=round(float(np.sqrt(right_right * down_down - right_down * down_right)), 3),
            turn=round(float(np.degrees(np.arctan2(down_right - right_down, right_right + down_down))), 1),
            mirrored=mirrored,
        )


def _is_reflection(matrix: NDArray[np.float64], centre: tuple[float, float]) -> bool:
    """Tell whether a map mirrors about an axis and moves nothing along it: twice, it leads back."""
    there = matrix @ (*centre, 1)
    back = matrix @ (*there, 1)
    moved, missed = np.hypot(*(there - centre)), np.hypot(*(back - centre))
    return bool(np.linalg.det(matrix[:, :2]) < 0 and missed < _REFLECTED * moved)


def _correlation(plane: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return how the surroundings of each pixel correlate with those of the place it is mapped to."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    other = cv2.warpAffine(plane, matrix, plane.shape[::-1], flags=how, borderMode=cv2.BORDER_CONSTANT)
    side = (2 * _WINDOW + 1, 2 * _WINDOW + 1)
    mean, other_mean = cv2.blur(plane, side), cv2.blur(other, side)
    spread = cv2.blur(plane * plane, side) - mean * mean
    other_spread = cv2.blur(other * other, side) - other_mean * other_mean
    together = cv2.blur(plane * other, side) - mean * other_mean
    found = together / np.sqrt(np.maximum(spread, _FAINT) * np.maximum(other_spread, _FAINT))
    return np.asarray(np.minimum(found, 1))


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


def _closed(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Return the mask grown by a disk, without the holes and bays that flat areas leave in it."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padded = np.pad(mask.astype(np.uint8), 3 * radius)
    grown = cv2.erode(cv2.dilate(padded, disk, iterations=3), disk, iterations=2)
    return np.asarray(ndimage.binary_fill_holes(grown))[3 * radius : -3 * radius, 3 * radius : -3 * radius]


def _enlarged(values: NDArray[Any], shape: tuple[int, int], how: int) -> NDArray[Any]:
    if values.shape == shape:
        return values
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=how))


def _score(links: tuple[Link, ...]) -> float:
    """Return 0 if nothing occurs twice; otherwise from 0.5 up, with the area of the largest part."""
    return 1 - 0.5 * float(np.exp(-links[0].area_share / _LARGE)) if links else 0.0
