"""What is left of a JPEG that ends early."""

import numpy as np
from numpy.typing import NDArray

from tamperscope.io.jpeg import MARKER, segments
from tamperscope.types import Jpeg

__all__ = ["completed", "emptied", "ends_flat", "is_short", "kept_rows"]

_END_OF_IMAGE = b"\xff\xd9"  # once it meets this marker, libjpeg fills in what is missing
_ZEROS = bytes(64)  # what is no picture's data, where nothing ends it


def completed(data: bytes) -> bytes:
    """Return a JPEG that was cut off with an end marker, without the segment within which it was cut."""
    if emptied(data):
        data = data.rstrip(b"\0")
    rest = MARKER.search(data, _coded(data))
    return data[: rest.start() if rest else len(data)] + _END_OF_IMAGE


def emptied(data: bytes) -> bool:
    """Whether a JPEG ends in zeros instead of a marker, as a download that stopped, or what was carved.

    A decoder takes them for coefficients, so that what is missing looks like a picture.
    """
    return data.endswith(_ZEROS) and not MARKER.search(data, _coded(data))


def _coded(data: bytes) -> int:
    """Return where the last segment that is whole ends, and the data of the last scan begin."""
    return max((start + 2 + len(content) for _, start, content in segments(data)), default=2)


def ends_flat(pixels: NDArray[np.uint8]) -> bool:
    """Whether the last pixels are all alike, as those are that libjpeg fills in."""
    return not np.ptp(pixels[-1, -8:], axis=0).any()


def is_short(jpeg: Jpeg) -> bool:
    """Whether libjpeg met the end of a scan's data too early; of arithmetic coding it does not say so.

    It says the first thing alone that it finds amiss; what it fills in is zero.
    """
    if any("premature end" in remark.lower() for remark in jpeg.remarks):
        return True
    filled = all(not blocks[-1, -1].any() for blocks in jpeg.coefficients)
    return bool(jpeg.remarks and jpeg.coefficients) and filled


def kept_rows(jpeg: Jpeg, height: int) -> tuple[int, str]:
    """Return how many pixel rows of a completed JPEG came from its data, and what to say of it.

    What the decoder fills in repeats one block to the end, so the last row of blocks that differs from the
    very last block is the one where the data ended; it may be half filled. It has one scan.
    """
    if not jpeg.coefficients:
        return 0, "salvaged: nothing that could be judged"
    if not is_short(jpeg):
        return height, "salvaged: only the end marker is missing"
    blocks = jpeg.coefficients[0]
    differing = np.flatnonzero((blocks != blocks[-1, -1]).any(axis=(1, 2, 3)))
    down, own = max(factor for _, factor in jpeg.sampling), jpeg.sampling[0][1]
    complete = int(differing[-1]) // own if differing.size else 0  # rows of whole MCUs above the last one
    rows = min(height, 8 * down * complete)
    return rows, f"salvaged: only the upper {rows} of {height} rows are in the file"
