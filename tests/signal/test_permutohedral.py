import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tamperscope.signal.permutohedral import Lattice, _enclosing


def exact(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """The weights (n, n) that the lattice approximates."""
    squares = ((points[:, None].astype(np.float64) - points[None]) ** 2).sum(axis=-1)
    weights = np.exp(-squares / 2)
    norm = 1 / np.sqrt(weights.sum(axis=1))
    found: NDArray[np.float64] = norm[:, None] * weights * norm
    return found


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_it_agrees_with_all_pairs(dimensions: int) -> None:
    rng = np.random.default_rng(dimensions)
    points = (rng.random((1500, dimensions)) * 2.5).astype(np.float32)
    lattice, weights = Lattice(points), exact(points)
    for values in (points[:, 0] > 1, np.sin(3 * points[:, -1]), rng.random(1500)):
        given = np.asarray(values, np.float32)
        assert np.abs(lattice @ given - weights @ given).mean() < 0.01
        assert np.abs(weights @ given - given).mean() > 0.1  # else the test would prove nothing


@given(st.integers(0, 9999), st.integers(1, 5))
def test_weights_are_shares_and_point_to_the_point(seed: int, dimensions: int) -> None:
    points = np.random.default_rng(seed).normal(0, 3, (20, dimensions)).astype(np.float32)
    simplices, weights = _enclosing(points)
    assert weights.min() > -1e-6
    assert np.allclose(weights.sum(axis=1), 1)
    # Barycentric coordinates bring the point back: equal points only have equal means of their vertices.
    middle = (weights[:, :, None] * simplices).sum(axis=1)
    far = np.abs(points[:, None] - points).sum(axis=-1)
    near = np.abs(middle[:, None] - middle).sum(axis=-1)
    assert np.corrcoef(far.ravel(), near.ravel())[0, 1] > 0.8
    assert np.unique(simplices.reshape(-1, dimensions), axis=0).shape[0] > dimensions


@given(st.integers(0, 9999))
def test_it_is_symmetric(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lattice = Lattice(rng.normal(0, 2, (40, 5)).astype(np.float32))
    one, other = rng.normal(size=(2, 40)).astype(np.float32)
    assert np.isclose(one @ (lattice @ other), other @ (lattice @ one), rtol=1e-3, atol=1e-4)


def test_points_far_apart_do_not_hear_of_each_other() -> None:
    points = np.array([[0, 0], [100, 0], [0, 100]], np.float32)
    assert Lattice(points) @ np.array([1, 0, 0], np.float32) == pytest.approx([1, 0, 0], abs=1e-6)
