import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamperscope.signal.quantization import bin_weights


@pytest.mark.parametrize(("first", "second"), [(5, 3), (3, 5), (7, 2), (4, 6), (10, 4)])
def test_weights_are_what_double_quantisation_does_to_flat_data(first: int, second: int) -> None:
    reach = 31 * second + first
    values = np.random.default_rng(0).uniform(-reach, reach, 1_000_000)
    noise = np.random.default_rng(1).normal(0, 0.3, values.size)
    once = np.rint(values / second)
    twice = np.rint((np.rint(values / first) * first + noise) / second)
    expected = np.array([(twice == x).sum() / (once == x).sum() for x in range(30)])
    found = bin_weights(second, first, 30, 0.3)[first - 1]
    np.testing.assert_allclose(found, expected, atol=0.08)


@given(st.integers(1, 40), st.integers(2, 60), st.floats(0.05, 2))
def test_weights_are_counts_that_average_to_one(second: int, largest: int, noise: float) -> None:
    weights = bin_weights(second, largest, 256, noise)
    assert weights.shape == (largest, 256)
    assert (weights >= -1e-6).all()
    # A whole period holds as many multiples of one step as of the other; bin 0 is counted on both sides.
    for first in (2, largest):
        period = int(np.lcm(first, second)) // second
        if 2 * period < 256:
            np.testing.assert_allclose(weights[first - 1, 1 : 1 + period].mean(), 1, atol=1e-4)


@given(st.integers(1, 60))
def test_a_multiple_of_the_first_step_leaves_no_trace(first: int) -> None:
    assert (bin_weights(first * 2, 60, 16, 0.3)[first - 1] == 1).all()
    assert (bin_weights(1, 60, 16, 0.3)[0] == 1).all()


@pytest.mark.parametrize(("noise", "first"), [(1.2, 1), (2.0, 1), (2.0, 2)])
def test_noise_beyond_a_step_leaves_no_trace_of_it(noise: float, first: int) -> None:
    """Bins of half a level, as `nadjpeg` has them; noise of that size has blurred the multiples away."""
    np.testing.assert_allclose(bin_weights(0.5, 4, 32, noise)[first - 1], 1, atol=0.02)
