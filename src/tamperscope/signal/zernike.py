"""Zernike moments of the surroundings of every pixel: features that a rotation does not change."""

from functools import cache
from math import factorial

import numpy as np
from numpy.typing import NDArray

from tamperscope.signal.correlation import correlate

__all__ = ["zernike_magnitudes"]

_ORDER = 5


def zernike_magnitudes(plane: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """Return the magnitudes of 12 moments, up to order 5, of the disk around each pixel: (height, width, 12).

    They are means over the disk: those of a picture, and of the picture and the disk enlarged, are alike.

    References:
        Teague, "Image analysis via the general theory of moments", JOSA 70(8), 1980; Ryu, Kirchner, Lee &
        Lee, "Rotation invariant localization of duplicated image regions based on Zernike moments", IEEE
        TIFS 8(8), 2013.

    """
    kernels = _kernels(radius)
    found = np.empty((*plane.shape, len(kernels) // 2), np.float32)
    parts = correlate(plane, kernels)
    for place, (real, imaginary) in enumerate(zip(parts, parts, strict=True)):  # two at a time
        found[..., place] = np.hypot(real, imaginary)
    return found


@cache
def _kernels(radius: float) -> tuple[NDArray[np.float64], ...]:
    """Return real and imaginary parts in turn."""
    reach = int(np.ceil(radius))
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1] / (radius + 0.5)
    distance, angle = np.hypot(rows, columns), np.arctan2(rows, columns)
    inside = distance <= 1
    found = []
    for order in range(_ORDER + 1):
        for repetition in range(order % 2, order + 1, 2):
            scale = np.sqrt((order + 1) / np.pi) / inside.sum()
            radial = np.where(inside, _radial(order, repetition, distance), 0) * scale
            for wave in (np.cos, np.sin):
                kernel = radial * wave(repetition * angle)
                # On a grid, the disk's square symmetry would let brightness into the other moments.
                found.append(kernel - inside * kernel[inside].mean() if order else kernel)
    return tuple(found)


def _radial(order: int, repetition: int, distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Zernike's radial polynomial."""
    total = np.zeros_like(distance)
    for term in range((order - repetition) // 2 + 1):
        below = factorial((order + repetition) // 2 - term) * factorial((order - repetition) // 2 - term)
        total += (
            (-1) ** term
            * factorial(order - term)
            / (factorial(term) * below)
            * distance ** (order - 2 * term)
        )
    return total
