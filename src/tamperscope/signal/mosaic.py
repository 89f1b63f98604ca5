"""The pattern that a camera's colour filters leave, and where a photo lacks it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.signal.windows import Tile, each, tiles

__all__ = ["BLOCK", "Mosaic", "find_mosaic"]

Floats = NDArray[np.float32]

BLOCK = 8  # pixels of a side of what is judged
_STRIP = 64  # blocks in a column that are looked at at once
_NEIGHBOURS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4
_CAP = 1.5  # of a block's mean residual: an edge must not outweigh the rest
_CALM = 0.3  # grey levels of mean residual below which rounding left nothing to see
_CLIPPED = 0.1  # of a block, at most, is black or white
_DARK, _WHITE = 2, 253
_LEAST = 0.1  # grey levels added before the logarithm
_BINS = 6  # of residuals: the pattern is weaker where there is more to see
_WEAKEST = 0.3  # of the photo's strength, that any bin is expected to have
_WIDE = 1.2  # blocks, standard deviation of the weights of those around one
_KNOWN = 0.15  # of the weights, that must be of blocks that can be judged
_ENOUGH = 60  # blocks that can be judged
_PLAIN, _AGREED = 0.3, 0.8  # see `Mosaic.plain`
_NARROW = (
    0.2  # spread, at least: what there is to see varies more from place to place than from block to block
)
_RANGE = -1.0, 2.0  # of a block's presence


@dataclass(frozen=True, eq=False)
class Mosaic:
    """A pattern of 2x2 pixels, and where it is.

    ``strength`` is its size: logarithms of how differently loud its places are. ``share`` of the blocks agree
    with it more than not. ``presence`` (rows, columns) is about 1 where a block and those around it have as
    much of it as is usual for what they show, 0 where they have none, below where it is another's, and nan
    where it cannot be told. ``spread`` is the standard deviation of those that have it.
    """

    strength: float
    share: float
    presence: Floats
    spread: float

    @property
    def plain(self) -> bool:
        """Whether it is a camera's, and whole enough that its absence tells something."""
        return self.strength >= _PLAIN and self.share >= _AGREED

    def odds(self, most: float) -> Floats:
        """Return logarithms (rows, columns) of how much likelier each block is to lack it than to have it.

        Both are taken for normal distributions of equal spread. Within ``most``, 0 where it cannot be told.
        """
        spread = max(self.spread, _NARROW)
        found = ((0.5 - self.presence) / np.float32(spread**2)).clip(-most, most)
        return np.asarray(np.nan_to_num(found), np.float32)


def find_mosaic(pixels: NDArray[np.uint8]) -> Mosaic | None:
    """Return the strongest pattern of RGB pixels (height, width, 3), None where too little can be judged.

    Where a colour was seen it is louder than where it is a mean of its neighbours. For each colour and each
    of the four places of 2x2 pixels, a block's mean distance from the mean of four neighbours is compared, in
    logarithms; the median over all blocks is the photo's pattern, and its product with a block's, what this
    has of it.

    References:
        Popescu & Farid, IEEE TSP 2005. Ferrara, Bianchi, De Rosa & Piva, "Image Forgery Localization via
        Fine-Grained Analysis of CFA Artifacts", IEEE TIFS 2012, whose idea it is; ours: all colours and
        places instead of green's two, residuals capped, and compared with those of blocks that show as much.

    """
    rows, columns = (length // BLOCK for length in pixels.shape[:2])
    loud = np.empty((rows, columns, 2, 2, 3), np.float32)
    clear = np.empty((rows, columns), bool)

    def listen(strip: Tile) -> None:
        window = pixels[strip.read.start * BLOCK : strip.read.stop * BLOCK, : columns * BLOCK]
        loud[strip.place], clear[strip.place] = (found[strip.kept] for found in _loudness(window))

    each(listen, tiles(rows, _STRIP, 1))  # a row of pixels of the neighbours is enough
    mean = loud.mean((2, 3, 4))
    known = clear & (mean > _CALM)
    if np.count_nonzero(known) < _ENOUGH:
        return None
    found = np.log(loud + np.float32(_LEAST))
    found -= found.mean((2, 3), keepdims=True)
    pattern = np.median(found[known], axis=0)
    strength = float(np.sqrt((pattern**2).sum()))
    amount = np.einsum("rcijk,ijk->rc", found, pattern) / np.float32(max(strength, 1e-6))
    usual = _usual(amount, np.log(mean + np.float32(_LEAST)), known)
    presence = _around((amount / usual).clip(*_RANGE), known)
    above = presence[presence > 1] - 1
    return Mosaic(
        strength,
        float((amount[known] > 0).mean()),
        presence,
        1.4826 * float(np.median(above)) if above.size else float("inf"),
    )


def _loudness(pixels: NDArray[np.uint8]) -> tuple[Floats, NDArray[np.bool_]]:
    """Return mean residuals of blocks (rows, columns, 2, 2, 3), and which are neither black nor white."""
    rows, columns = (length // BLOCK for length in pixels.shape[:2])
    values = pixels.astype(np.float32)
    residual = np.abs(values - cv2.filter2D(values, -1, _NEIGHBOURS, borderType=cv2.BORDER_REFLECT_101))
    places = residual.reshape(rows, BLOCK // 2, 2, columns, BLOCK // 2, 2, 3)
    cap = _CAP * places.mean((1, 2, 4, 5), keepdims=True) + 1
    clipped = (pixels <= _DARK) | (pixels >= _WHITE)
    clear = clipped.reshape(rows, BLOCK, columns, BLOCK, 3).mean((1, 3, 4)) < _CLIPPED
    return np.minimum(places, cap).mean((1, 4)).transpose(0, 2, 1, 3, 4), clear


def _usual(amount: Floats, mean: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return what amount is usual for each block's loudness: medians of those that are about as loud."""
    louder = np.argsort(mean[known], kind="stable")
    bins = np.array_split(louder, _BINS)
    middles, medians = ([np.median(plane[known][one]) for one in bins] for plane in (mean, amount))
    least = _WEAKEST * max(float(np.median(amount[known])), 1e-6)
    return np.asarray(np.interp(mean, middles, medians).clip(least), np.float32)


def _around(presence: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return weighted means of what is known around each block, nan where that is little."""
    weight, total = (
        cv2.GaussianBlur(plane.astype(np.float32), (0, 0), _WIDE, borderType=cv2.BORDER_CONSTANT)
        for plane in (known, np.where(known, presence, 0))
    )
    return np.where(weight > _KNOWN, total / weight.clip(1e-6), np.nan).astype(np.float32)
