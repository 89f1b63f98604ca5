"""Masks in all the ways that they are stored."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dataset_trees import SHAPE, ellipse
from photos import Image, encode, opencv
from tamperscope.datasets._groups import group_by_source
from tamperscope.datasets._masks import read_mask
from tamperscope.errors import BadMask

GREY = ellipse().astype(np.uint8) * 255


def palette() -> bytes:
    picture = Image.fromarray(ellipse().astype(np.uint8), "L").convert("P")
    picture.putpalette([0, 0, 0, 255, 255, 255] + [0] * 762)
    return encode(picture)


def coloured(colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.where(ellipse()[..., None], colour, 0).astype(np.uint8)


@pytest.mark.parametrize(
    "data",
    [
        encode(GREY),
        encode(GREY, mode="1"),
        encode(GREY, mode="RGB"),
        encode(GREY, mode="RGBA"),
        encode(np.dstack([GREY, GREY, GREY, np.full(SHAPE, 1, np.uint8)])),
        palette(),
        encode(coloured((255, 0, 0))),
        encode(coloured((0, 0, 200))),
        opencv(ellipse().astype(np.uint16) * 65535, ".png"),
        encode(ellipse().astype(np.int32) * 255, "TIFF"),
        encode(GREY, "JPEG", quality=100),
        encode(GREY, "BMP"),
    ],
    ids=["grey", "bits", "rgb", "rgba", "clear", "palette", "red", "blue", "16 bits", "int32", "jpeg", "bmp"],
)
def test_the_truth_is_read_from_any_mode(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mask"
    path.write_bytes(data)
    np.testing.assert_array_equal(read_mask(path, SHAPE), ellipse())
    np.testing.assert_array_equal(read_mask(path, SHAPE, inverted=True), ~ellipse())


def test_groups_are_linked_through_others() -> None:
    links = [("a", ["1", "2"]), ("b", ["2", "3"]), ("c", ["3"]), ("d", ["4"]), ("e", ["5", "1"])]
    found = group_by_source(links)
    assert found["a"] == found["b"] == found["c"] == found["e"] != found["d"]


def test_masks_of_ones_are_not_taken_for_empty(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(encode(ellipse().astype(np.uint8)))
    with pytest.raises(BadMask, match="its brightest value is 1 of 255; multiply it by 255"):
        read_mask(path, SHAPE)
