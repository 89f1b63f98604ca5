import numpy as np
import pytest

from tamperscope.signal.periodicity import find_pattern


def counts_after(first: int, second: int, seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.int_]]:
    """Counts of absolute values that were quantised by a first step, if it is above 0, and a second one."""
    values = np.random.default_rng(seed).laplace(0, 40, 60_000)
    if first:
        values = np.rint(values / first) * first + np.random.default_rng(seed + 1).normal(0, 0.4, values.size)
    return np.bincount(np.abs(np.rint(values / second)).astype(int))


@pytest.mark.parametrize(("first", "second"), [(5, 3), (7, 2), (9, 4), (11, 3), (3, 2), (6, 4)])
def test_the_period_is_the_first_step_over_the_common_divisor(first: int, second: int) -> None:
    pattern = find_pattern(counts_after(first, second))
    assert pattern.weights.size == first // np.gcd(first, second)
    assert pattern.strength > 20
    assert pattern.weights.mean() == pytest.approx(1, abs=0.05)


def test_bins_that_no_multiple_reaches_weigh_nothing() -> None:
    weights = find_pattern(counts_after(7, 2)).weights  # 7, 14, 21, ... end in bins 3.5, 7, 10.5, ...
    assert weights[0] > 1.5
    assert (weights[[1, 2, 5, 6]] < 0.15).all()


@pytest.mark.parametrize("second", [1, 2, 5])
def test_one_quantisation_has_no_pattern(second: int) -> None:
    assert find_pattern(counts_after(0, second)).weights.std() < 0.1


@pytest.mark.parametrize("counts", [[], [5], [5, 1], [0, 0, 0], [9, 9, 9, 9]])
def test_short_histograms_have_none(counts: list[int]) -> None:
    assert find_pattern(np.array(counts, int)).weights.std() == 0
