import numpy as np
import pytest
from scipy import ndimage

from tamperscope.signal.correlation import correlate


@pytest.mark.parametrize("shape", [(40, 53), (9, 7), (5, 5)])
@pytest.mark.parametrize("side", [1, 3, 5])
def test_it_is_scipy_s(shape: tuple[int, int], side: int) -> None:
    rng = np.random.default_rng(0)
    plane, kernels = rng.normal(0, 9, shape), rng.normal(0, 1, (3, side, side))
    for found, kernel in zip(correlate(plane, kernels), kernels, strict=True):
        np.testing.assert_allclose(found, ndimage.correlate(plane, kernel, mode="reflect"), atol=1e-9)


def test_each_run_gives_the_same_bits() -> None:
    plane = np.random.default_rng(0).normal(0, 99, (97, 130)).astype(np.float32)
    kernel = np.random.default_rng(1).normal(0, 1, (13, 13))
    first, *others = (next(correlate(plane, [kernel])).tobytes() for _ in range(5))
    assert all(other == first for other in others)
