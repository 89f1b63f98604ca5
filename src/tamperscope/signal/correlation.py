"""Correlation with large kernels by FFT, the same bits each time, which OpenCV's does not promise."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

__all__ = ["correlate"]


def correlate(plane: NDArray[Any], kernels: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """Yield the correlation of a plane with each kernel, of the plane's shape and type; borders are mirrored.

    Kernels are square, of one odd side.
    """
    spectrum = None
    height, width = plane.shape
    for kernel in kernels:
        reach = kernel.shape[0] // 2
        if spectrum is None:
            padded = np.pad(plane, reach, mode="symmetric")
            shape = [fft.next_fast_len(length, real=True) for length in padded.shape]
            spectrum = fft.rfft2(padded, shape)
        product = spectrum * np.conj(fft.rfft2(kernel.astype(plane.dtype), shape))
        yield fft.irfft2(product, shape)[:height, :width]
