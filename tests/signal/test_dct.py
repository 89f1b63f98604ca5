import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.fft import dctn, idctn

import photos
from tamperscope.signal.dct import MATRIX, ZIGZAG, block_dct, block_idct


def plane(rows: int = 3, columns: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-128, 127, (8 * rows, 8 * columns)).astype(np.float32)


@pytest.mark.parametrize("frequencies", [1, 3, 8])
def test_the_transform_is_scipys(frequencies: int) -> None:
    values = plane()
    found = block_dct(values, frequencies)
    for row in range(3):
        for column in range(5):
            block = values[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            expected = dctn(block, norm="ortho")[:frequencies, :frequencies]
            np.testing.assert_allclose(found[row, column], expected, atol=1e-3)


def test_the_inverse_is_scipys() -> None:
    coefficients = plane().reshape(3, 5, 8, 8)
    found = block_idct(coefficients)
    expected = idctn(coefficients[1, 2], norm="ortho")
    np.testing.assert_allclose(found[8:16, 16:24], expected, atol=1e-3)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_there_and_back(height: int, width: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    whole = values[: height // 8 * 8, : width // 8 * 8]
    np.testing.assert_allclose(block_idct(block_dct(values)), whole, atol=1e-5)


def test_the_basis_is_orthonormal() -> None:
    np.testing.assert_allclose(MATRIX @ MATRIX.T, np.eye(8), atol=1e-6)


def test_zigzag_is_jpegs() -> None:
    # A table in a file is in zigzag order: let Pillow write one whose entries count up.
    rising = photos.encode(photos.crop(8, 8), "JPEG", "L", qtables=[list(range(1, 65))])
    stored = rising[rising.index(b"\xff\xdb") + 5 :][:64]
    in_order = np.frombuffer(stored, np.uint8)
    table = np.zeros(64, int)
    table[ZIGZAG] = in_order
    from PIL import Image

    assert list(table) == list(Image.open(photos.BytesIO(rising)).quantization[0])  # type: ignore[attr-defined]
    assert sorted(ZIGZAG) == list(range(64))
    assert list(ZIGZAG[:6]) == [0, 1, 8, 16, 9, 2]
