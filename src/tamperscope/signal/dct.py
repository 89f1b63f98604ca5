"""The 8x8 block DCT of JPEG, orthonormal, on whole planes at once.

A plane is ``(8 * rows, 8 * columns)``; its blocks are ``(rows, columns, 8, 8)``, vertical before
horizontal, in pixels as in frequencies.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["MATRIX", "ZIGZAG", "block_dct", "block_idct", "magnitude"]

_k = np.arange(8)
MATRIX: NDArray[np.float32] = (np.cos((2 * _k + 1) * _k[:, None] * np.pi / 16) / 2).astype(np.float32)
MATRIX[0] /= np.sqrt(2)
MATRIX.setflags(write=False)

# Index into a flattened 8x8 block of the i-th coefficient in JPEG's zigzag order: along the
# anti-diagonals, odd ones downwards.
ZIGZAG: NDArray[np.intp] = np.array(
    sorted(range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8))
)
ZIGZAG.setflags(write=False)


def block_dct(plane: NDArray[np.float32], frequencies: int = 8) -> NDArray[np.float32]:
    """Return the DCT of a plane's whole 8x8 blocks, ``(rows, columns, frequencies, frequencies)``.

    Rows and columns of pixels beyond the last whole block are left out. Only the lowest ``frequencies`` in
    each direction are computed.

    >>> round(float(block_dct(np.full((8, 8), 2, np.float32))[0, 0, 0, 0]), 3)
    16.0
    """
    rows, columns = plane.shape[0] // 8, plane.shape[1] // 8
    basis = MATRIX[:frequencies]
    across = plane[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8) @ basis.T
    return np.ascontiguousarray((basis @ across.transpose(0, 2, 1, 3)).astype(np.float32, copy=False))


def block_idct(coefficients: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the plane whose 8x8 blocks have these coefficients ``(rows, columns, 8, 8)``."""
    rows, columns = coefficients.shape[:2]
    blocks = MATRIX.T @ coefficients @ MATRIX
    return np.ascontiguousarray(blocks.transpose(0, 2, 1, 3)).reshape(8 * rows, 8 * columns)


def magnitude(coefficients: NDArray[np.int16]) -> NDArray[np.uint16]:
    """Return absolute values; a corrupt file may hold -32768, which has none in 16 signed bits."""
    return np.abs(coefficients).view(np.uint16)
