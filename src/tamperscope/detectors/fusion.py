"""The network of ours: JPEG history, noise, and what differs from the rest of the photo."""

from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit, logit

from tamperscope.detectors._copies import alike, find_copies
from tamperscope.detectors._learned import Floats, Learned, Look, suspicion
from tamperscope.detectors._onnx import as_input
from tamperscope.plugins import option
from tamperscope.signal.guided import guided
from tamperscope.signal.history import history
from tamperscope.signal.mosaic import find_mosaic
from tamperscope.signal.residuals import unlikeness
from tamperscope.signal.windows import Tile, interpolate_blocks, tiles
from tamperscope.types import Card, Link, Photo

__all__ = ["LARGER", "Fusion"]

LARGER = "a photo of so many times the usual size has its odds divided by that power of them; 0: by nothing"

_BLOCK = 8  # pixels that a feature stands for
_NEAR = 6  # blocks beyond a tile that the features of its own depend on
_FAR = 42  # blocks beyond a part that its mask depends on
_SMALL = 128  # pixels of a side, at least, of a smaller size: the network learned from no smaller photos
_SHARE = np.float32(0.7)  # of what a look at a smaller size says
_MISSING, _PART = 2.0, 40  # odds, and how many blocks of such are a part that forbids to clear a photo
_UNLIKE, _COMMON = np.float32(3), np.float32(0.5)  # of `unlikeness`: at most, and what changes nothing
_LEAST = np.float32(1e-4)  # probability, so that its logit is finite
_DETAIL = 4  # pixels, that the network tells apart
_WINDOW, _FLAT, _SURE = 2, 1e-3, np.float32(6)  # of the guided filter: details, variance, and odds at most
_CROP = 256 * 256  # pixels of what the network learned from, most of the time
_CELLS = 48  # of a side, at most, that the score is made of: a peak of many would be higher by chance


@dataclass(frozen=True, eq=False)
class Judged:
    """What the network says of a photo.

    ``odds``, logarithms, of each pixel that is in the file, ``logits`` of each block; ``trust`` is how
    probable it is that a block's are right, ``suspicion`` a logit of the photo.
    """

    odds: Floats
    logits: Floats
    trust: Floats
    suspicion: float


@dataclass(frozen=True)
class Fusion(Learned):
    """Features of each 8x8 block, tile by tile; then their context, compared with the whole photo.

    References: ours; see `networks.fusion` for what it builds on.

    """

    tile: int = option(
        800, "pixels of a side of what is looked at at once, a multiple of 8", low=64, high=4096
    )
    part: int = option(
        256, "blocks of a side of what is judged at once: more memory, and less done twice", low=64, high=4096
    )
    smaller: float = option(
        1.4,
        "by how much, at most, each look at a smaller size lowers a place's logit, or raises it towards even "
        "odds; 0: none",
        low=0,
        high=100,
    )
    larger: float = option(0.9, LARGER, low=0, high=2)
    copies: int = option(
        500_000, "pixels of the photo in which copies are looked for, at most; 0: nowhere", low=0, high=10**8
    )

    filters: float = option(
        3.5,
        "by how much, at most, a missing pattern of colour filters raises a place's logit; 0: none",
        low=0,
        high=100,
    )

    residuals: float = option(
        0.6, "how much of its noise's unlikeness is added to a place's logit; 0: none", low=0, high=100
    )

    edges: bool = option(True, "let the map follow the photo's edges, by a guided filter")

    exact: bool = option(False, "the shipped weights as they were learned, instead of in 8 bits: slower")

    smallest: ClassVar[int] = 64
    usual: ClassVar[int] = 103_000  # pixels of a photo that keeps its odds

    card: ClassVar[Card] = Card(
        title="Fusion network",
        looks_at=(
            "JPEG history, noise, what differs from the rest of the photo, colour filters, and parts that "
            "occur twice"
        ),
        limits=(
            "what leaves neither another history nor another noise, and is no textured copy, is not found; "
            "to reduce or coarsely save all of a photo hides an edit; what really occurs twice may "
            "be taken for a copy"
        ),
        paper="none: ours",
        year=2026,
        licence="MIT",
        deviations=(
            "the whole photo that a place is compared with was a crop of 256 pixels in training",
            "copies are looked for by keypoints, colour filters as `cfa` does, and how residuals are "
            "distributed as `residual` does, not by the network",
            "a smaller size is another photo to the network: no file, no JPEG history; reliability and score "
            "are those of the photo as it is",
        ),
    )

    @property
    def shipped(self) -> Path:
        """Where the weights lie that come with us: ``tamperscope quantize`` made of them those in 8 bits."""
        learned = super().shipped
        return learned if self.exact else learned.with_suffix(".int8.onnx")

    def look(self, photo: Photo) -> Look:
        """Return what the network says of a photo, what was copied within it, and how far that is trusted."""
        said = self.judge(photo)
        odds = said.odds
        shape = odds.shape
        # The more there is to look at, the more of it looks odd: each place and the photo must show more.
        less = self.larger * float(np.log(max(odds.size, _CROP) / self.usual))
        odds -= less
        suspect = said.suspicion - less
        reason = "the map is high where history and noise are not those of the rest of the photo"
        evidence = {"reliability": said.trust}
        links: tuple[Link, ...] = ()
        unclear = False
        # What its noise says of a place orders what the network says little of, and accuses none by itself.
        unlike = self.unlike(photo.pixels)
        if unlike is not None:
            odds += interpolate_blocks(np.float32(self.residuals) * (unlike - _COMMON), shape, _BLOCK)
            evidence["residuals"] = unlike.clip(0) / _UNLIKE
        filters = find_mosaic(photo.pixels) if self.filters else None
        if filters and filters.plain:
            plain = filters.odds(self.filters)
            # Present filters clear no place: what was toned or painted over may have kept them. Absent ones
            # accuse a place, not the photo, of which it then cannot tell: no photographs as cameras write
            # them without loss were at hand.
            odds += interpolate_blocks(plain.clip(0), shape, _BLOCK)
            evidence["filters"] = plain.clip(0) / np.float32(self.filters)
            unclear = bool(np.bincount(ndimage.label(plain >= _MISSING)[0].flat)[1:].max(initial=0) >= _PART)
            reason += ", or the pattern of colour filters is missing"
        # Last, or what lifts a place to even odds would be added to what accuses it.
        self._order(odds, photo)
        if self.edges:
            odds = _followed(odds, photo.pixels)
        heat = expit(odds, out=odds)
        copies = find_copies(alike(photo, said.logits, unlike, self.copies)) if self.copies else None
        if copies:
            # A copy leaves little else, so that what the network does not see speaks against none: for one
            # reason or the other.
            heat += (1 - heat) * cv2.resize(copies.heat, shape[::-1], interpolation=cv2.INTER_LINEAR)
            evidence["copies"], links = copies.heat, copies.links
            suspect, unclear = max(suspect, suspicion(copies.probability)), unclear or bool(links)
            reason += ", or where parts of it occur twice" if links else ""
        return Look(heat, suspect, reason, evidence, links, unclear)

    def unlike(self, pixels: NDArray[np.uint8]) -> Floats | None:
        """Return the `unlikeness` of blocks, bounded either way; None if nothing is said of it."""
        found = unlikeness(pixels) if self.residuals else None
        return None if found is None else found.clip(-_UNLIKE, _UNLIKE)

    def _order(self, odds: Floats, photo: Photo) -> None:
        """Order, by looks at smaller sizes, what is less likely manipulated than not; in place.

        They know no history: they must accuse no place, nor speak for one that is accused; up to even odds
        they count ever less.
        """
        shift = self._smaller(photo)
        if shift is not None:
            shift *= np.clip(-odds, 0, 1)
            shift += odds
            np.minimum(shift, odds.clip(0), out=odds)

    def _smaller(self, photo: Photo) -> Floats | None:
        """Return what looks at half the size, a quarter, and so on add to a photo's logits.

        Each tells where it differs from its own mean, so that what all of a photo looks like moves nothing.
        None where even half the size is too small.
        """
        if not self.smaller or min(photo.height, photo.width) < 2 * _SMALL:
            return None
        pixels = cv2.resize(photo.pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        small = replace(photo, pixels=pixels, jpeg=None, decoded_rows=len(pixels))
        shift = self.judge(small).odds
        shift -= shift.mean()
        shift *= _SHARE
        np.clip(shift, -self.smaller, self.smaller, out=shift)
        further = self._smaller(small)
        if further is not None:
            shift += further
        size = photo.width, photo.height
        return np.asarray(cv2.resize(shift, size, interpolation=cv2.INTER_LINEAR), np.float32)

    def judge(self, photo: Photo) -> Judged:
        """Return what the network says of a photo, at the size that it has."""
        features, fine = self._features(photo)
        rows, columns = features.shape[1:]
        summary = {
            "mean": features.mean((1, 2), dtype=np.float64),
            "square": np.einsum("mrc,mrc->m", features, features, dtype=np.float64) / (rows * columns),
        }
        whole = {name: one.astype(np.float32)[None, :, None, None] for name, one in summary.items()}
        heat = np.empty((_BLOCK * rows, _BLOCK * columns), np.float32)
        logits, trust = np.empty((2, rows, columns), np.float32)
        for row, column in _grid(rows, columns, self.part, _FAR):
            answers = self.trained.ask(
                ["mask", "logits", "trust"],
                blocks=features[None, :, row.read, column.read],
                details=fine[None, :, _times(row.read, 2), _times(column.read, 2)],
                **whole,
            )
            place = _times(row.place, _BLOCK), _times(column.place, _BLOCK)
            heat[place] = answers["mask"][0][_times(row.kept, _BLOCK), _times(column.kept, _BLOCK)]
            for whole_map, name in ((logits, "logits"), (trust, "trust")):
                whole_map[row.place, column.place] = answers[name][0][row.kept, column.kept]
        trust = trust.clip(0, 1)
        odds = heat[: photo.height, : photo.width].clip(_LEAST, 1 - _LEAST)
        return Judged(logit(odds, out=odds), logits, trust, _most_suspect(logits, trust))

    def _features(self, photo: Photo) -> tuple[Floats, Floats]:
        """Return features of blocks (maps, rows, columns), and of their quarters."""
        known = history(photo)
        height, width = known.levels.shape
        missing = ((0, height - photo.height), (0, width - photo.width), (0, 0))
        pixels = np.pad(photo.pixels, missing, mode="edge")
        found: list[Floats] = []
        for row, column in _grid(height // _BLOCK, width // _BLOCK, self.tile // _BLOCK, _NEAR):
            window = _times(row.read, _BLOCK), _times(column.read, _BLOCK)
            answers = self.trained.ask(
                ["features", "fine"],
                pixels=as_input(pixels[window][None]),
                levels=known.levels[window][None],
                table=known.table[None],
                stored=np.array([known.stored], np.float32),
            )
            for place, (name, scale) in enumerate((("features", 1), ("fine", 2))):
                part = answers[name][0]
                if len(found) <= place:
                    size = scale * height // _BLOCK, scale * width // _BLOCK
                    found.append(np.empty((len(part), *size), np.float32))
                kept = part[:, _times(row.kept, scale), _times(column.kept, scale)]
                found[place][:, _times(row.place, scale), _times(column.place, scale)] = kept
        return found[0], found[1]


def _followed(odds: Floats, pixels: NDArray[np.uint8]) -> Floats:
    """Return the odds with the edges of the photo, which those of what was manipulated often are."""
    size = [-(-length // _DETAIL) for length in odds.shape[::-1]]
    coarse, small = (
        cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (odds.clip(-_SURE, _SURE), pixels)
    )
    return guided(coarse, small.astype(np.float32) / 255, pixels, _WINDOW, _FLAT)


def _most_suspect(logits: Floats, trust: Floats) -> float:
    """Return a logit of a photo's being manipulated, by its most suspect place.

    The odds of that, times how far they are trusted; of both the square root, which is nearer to the truth,
    though not calibrated.
    """
    side = -(-max(logits.shape) // _CELLS)
    cells, trusted = (_averaged(one, side) for one in (logits, trust))
    return float((cells + np.log(trusted.clip(_LEAST))).max() / 2)


def _averaged(plane: Floats, side: int) -> Floats:
    """Return the means of cells of so many places a side; those at the end may be smaller."""
    sums, count = plane, np.ones(plane.shape, np.float32)
    for axis in (0, 1):
        starts = np.arange(0, plane.shape[axis], side)
        sums, count = (np.add.reduceat(one, starts, axis=axis) for one in (sums, count))
    return np.asarray(sums / count)


def _grid(rows: int, columns: int, side: int, margin: int) -> "product[tuple[Tile, Tile]]":
    """Return tiles of at most ``side``, as large as one another, since the largest one takes the memory."""
    down, across = (tiles(length, -(-length // -(-length // side)), margin) for length in (rows, columns))
    return product(down, across)


def _times(part: slice, scale: int) -> slice:
    """Return the slice on a line with that many times as many places."""
    return slice(scale * part.start, scale * part.stop)
