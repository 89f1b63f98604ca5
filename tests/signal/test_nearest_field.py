import numpy as np
import pytest

from tamperscope.signal.nearest_field import affine_misfit, nearest_field


def test_a_copied_part_points_to_its_source() -> None:
    rng = np.random.default_rng(0)
    features = rng.random((1, 90, 120, 4)).astype(np.float32)
    features[0, 50:80, 70:110] = features[0, 10:40, 20:60]
    field = nearest_field(features, (1.0,), 16, 6, np.random.default_rng(1))
    inside = np.s_[52:78, 72:108]
    assert ((field.rows[inside] == -40) & (field.columns[inside] == -50)).mean() > 0.95


def test_an_enlarged_copy_is_followed_by_features_of_its_size() -> None:
    rng = np.random.default_rng(0)
    features = rng.random((2, 100, 160, 4)).astype(np.float32)
    rows, columns = np.mgrid[:60, :60]
    features[1, 30 + rows, 90 + columns] = features[0, 20 + rows // 2, 10 + columns // 2]  # twice the size
    field = nearest_field(features, (1.0, 2.0), 16, 8, np.random.default_rng(1))
    rows, columns = np.mgrid[22:48, 12:38]  # inside the source
    wrong = np.hypot(
        rows + field.rows[rows, columns] - (30.5 + 2 * (rows - 20)),
        columns + field.columns[rows, columns] - (90.5 + 2 * (columns - 10)),
    )
    assert (wrong < 1).mean() > 0.9


def test_offsets_stay_inside_and_keep_their_distance() -> None:
    features = np.random.default_rng(0).random((2, 40, 50, 3)).astype(np.float32)
    field = nearest_field(features, (1.0, 1.5), 12, 4, np.random.default_rng(2))
    rows, columns = np.mgrid[:40, :50]
    assert ((rows + field.rows >= 0) & (rows + field.rows < 40)).all()
    assert ((columns + field.columns >= 0) & (columns + field.columns < 50)).all()
    assert (field.rows**2 + field.columns**2 >= 144).mean() > 0.99  # a first draw that is too near may remain


def test_the_misfit_is_that_of_least_squares() -> None:
    values = np.random.default_rng(0).normal(0, 9, (31, 37)).astype(np.float32)
    radius, row, column = 4, 15, 20
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    inside = rows**2 + columns**2 <= radius**2
    design = np.stack([np.ones(inside.sum()), rows[inside], columns[inside]], axis=1)
    patch = values[row - radius : row + radius + 1, column - radius : column + radius + 1][inside]
    _, residual, _, _ = np.linalg.lstsq(design, patch, rcond=None)
    assert affine_misfit(values, radius)[row, column] == pytest.approx(residual[0], rel=1e-3)


def test_linear_offsets_fit_perfectly() -> None:
    rows, columns = np.mgrid[:60, :80].astype(np.float32)
    misfit = affine_misfit((200 + 0.3 * rows - 0.2 * columns).astype(np.float32), 6)
    assert misfit[8:-8, 8:-8].max() < 0.5
