"""Savings: tables, grids and formats are what they are said to be."""

import inspect
import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL.JpegPresets import presets

from photos import crop
from tamperscope.forge.history import FAMILIES, Saving
from tamperscope.io.decode import decode
from tamperscope.io.jpeg import standard_table


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("quality", [20, 35, 50, 75, 92])
def test_files_hold_the_family_s_tables(family: str, quality: float) -> None:
    jpeg = decode(Saving(family, quality, "4:4:4").encode(crop(48, 64))).jpeg
    assert jpeg
    luma, chroma = FAMILIES[family](quality)
    np.testing.assert_array_equal(jpeg.tables[0], luma)
    np.testing.assert_array_equal(jpeg.tables[1], chroma)
    assert jpeg.standard_tables == (family == "standard")


@pytest.mark.parametrize("family", ["standard", "camera"])
def test_better_quality_never_has_coarser_steps(family: str) -> None:
    tables = [FAMILIES[family](quality)[0].astype(int) for quality in range(1, 101)]
    assert all((later <= earlier).all() for earlier, later in pairwise(tables))
    assert (tables[-1] <= 4).all()


def cameras() -> list[np.ndarray]:
    path = Path(inspect.getfile(Saving)).with_name("cameras.json")
    return [np.array(one["luma"]).reshape(8, 8) for one in json.loads(path.read_text())]


def photoshop() -> list[np.ndarray]:
    known: Any = presets
    return [np.array(one["quantization"][0]).reshape(8, 8) for one in known.values()]


@pytest.mark.parametrize(
    ("family", "own", "near", "far"),
    [
        ("found", cameras, range(85, 96), range(1, 60)),
        ("editor", photoshop, [*range(50, 55), *range(67, 74), *range(83, 93)], [*range(1, 42), 80, 98]),
    ],
)
def test_tables_that_were_found_are_as_they_are_near_their_quality_and_scaled_elsewhere(
    family: str, own: Callable[[], list[np.ndarray]], near: Iterable[int], far: Iterable[int]
) -> None:
    found = {quality: FAMILIES[family](quality)[0].astype(int) for quality in range(1, 101)}
    as_they_are = {quality for quality, table in found.items() if any((table == one).all() for one in own())}
    assert set(near) <= as_they_are
    assert not as_they_are & set(far)
    for quality, table in found.items():
        assert abs(np.log(table.sum() / standard_table(quality).sum())) < 0.4
    assert len({table.tobytes() for table in found.values()}) > 60
    assert (found[100] <= 4).all()


def test_an_editor_s_tables_are_those_that_real_files_of_photoshop_hold() -> None:
    luma, chroma = FAMILIES["editor"](88)  # "medium" of the dialogue, 4 of 12
    assert luma[0].tolist() == [12, 8, 8, 12, 17, 21, 24, 17]
    assert chroma[0].tolist() == [13, 11, 13, 16, 20, 20, 17, 17]


@pytest.mark.parametrize("family", ["editor", "camera", "found"])
def test_other_families_are_no_multiples_of_the_standard(family: str) -> None:
    standard = [standard_table(quality) for quality in range(1, 101)]
    for quality in (60, 80, 95):
        assert not any(np.array_equal(FAMILIES[family](quality)[0], table) for table in standard)


@pytest.mark.parametrize("offset", [(0, 0), (3, 0), (0, 5), (7, 1)])
def test_wear_leaves_its_grid_where_it_was_asked_for(offset: tuple[int, int]) -> None:
    worn = Saving("standard", 20).wear(crop(96, 128), offset).astype(int)
    assert worn.shape == (96, 128, 3)
    for axis in (0, 1):
        steps = np.abs(np.diff(worn, axis=axis)).sum(axis=(1 - axis, 2))
        strength = [steps[(start - 1) % 8 :: 8].mean() for start in range(8)]
        assert int(np.argmax(strength)) == offset[axis]


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
def test_files_have_the_subsampling(subsampling: str) -> None:
    jpeg = decode(Saving("camera", 80, subsampling).encode(crop(48, 64))).jpeg
    assert jpeg
    assert jpeg.subsampling == subsampling


def test_png_keeps_every_pixel() -> None:
    saving = Saving()
    assert (saving.suffix, saving.record) == (".png", {"format": "PNG"})
    np.testing.assert_array_equal(decode(saving.encode(crop(9, 7))).pixels, crop(9, 7))
    assert saving.wear(crop(9, 7)) is not None
