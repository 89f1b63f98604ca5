"""What the 8x8 blocks of a photo hold of its JPEG savings."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tamperscope.signal.dct import block_dct, magnitude
from tamperscope.types import Photo

__all__ = ["MOST", "History", "history"]

MOST = 20  # larger magnitudes are not told apart
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, eq=False)
class History:
    """Magnitudes of a photo's DCT coefficients, and the steps in which they are counted.

    ``levels`` is uint8 ``(8 * rows, 8 * columns)``, at most `MOST`, blocks side by side, as many as cover the
    photo; ``table`` (8, 8) holds the steps, vertical frequencies before horizontal ones. ``stored`` says that
    both come from a JPEG file: its first component, the luminance but in CMYK and RGB. Otherwise the pixels'
    own coefficients are counted in steps of 1, in which an earlier saving on the same grid still shows.
    """

    levels: NDArray[np.uint8]
    table: NDArray[np.float32]
    stored: bool

    def window(self, row: int, column: int, height: int, width: int) -> "History":
        """Return that of a part; all are multiples of 8."""
        return replace(self, levels=self.levels[row : row + height, column : column + width])

    def mirrored(self, side: int) -> "History":
        """Return that of a photo mirrored at the end of its last blocks, to at least ``side`` pixels a side.

        That changes signs only, which are not kept.
        """
        missing = [(0, max(0, side - length) // 8) for length in self.levels.shape]
        if not any(after for _, after in missing):
            return self
        return replace(
            self, levels=_laid(np.pad(_blocks(self.levels), [*missing, (0, 0), (0, 0)], "symmetric"))
        )

    def turned(self, quarters: int, flip: bool) -> "History":
        """Return that of the photo turned by quarters, then flipped, as `training.patches.turn` does it.

        A flip changes signs only, which are not kept; a quarter turn exchanges both directions.
        """
        blocks = np.rot90(_blocks(self.levels), quarters)[:, :: -1 if flip else 1]
        if quarters % 2:
            return replace(self, levels=_laid(blocks.swapaxes(2, 3)), table=self.table.T)
        return replace(self, levels=_laid(blocks))


def history(photo: Photo) -> History:
    """Return the levels of a photo: of a JPEG as they are stored, of anything else from its pixels."""
    shape = -(-photo.height // 8), -(-photo.width // 8)
    if photo.jpeg and photo.jpeg.coefficients:
        stored = photo.jpeg.coefficients[0]
        if all(there >= wanted for there, wanted in zip(stored.shape, shape, strict=False)):
            levels = np.minimum(magnitude(stored[: shape[0], : shape[1]]), MOST)
            return History(_laid(levels), photo.jpeg.tables[0].astype(np.float32), stored=True)
    missing = ((0, -photo.height % 8), (0, -photo.width % 8), (0, 0))
    luma = np.pad(photo.pixels, missing, mode="edge") @ _LUMA - np.float32(128)
    levels = np.minimum(np.abs(np.rint(block_dct(luma))), MOST)
    return History(_laid(levels), np.ones((8, 8), np.float32), stored=False)


def _blocks(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = (length // 8 for length in levels.shape)
    return np.asarray(levels.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3))


def _laid(blocks: NDArray[np.generic]) -> NDArray[np.uint8]:
    rows, columns = blocks.shape[:2]
    return np.ascontiguousarray(blocks.transpose(0, 2, 1, 3), np.uint8).reshape(8 * rows, 8 * columns)
