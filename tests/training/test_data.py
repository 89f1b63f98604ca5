import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tamperscope.errors import BadMask
from tamperscope.io.decode import decode
from tamperscope.networks._base import Sight
from tamperscope.training.config import Training
from tamperscope.training.data import Patches, Photographs, open_splits, saved_like
from training_made import write_set

SIGHT = Sight(side=128, least=64, history=True)
REAL = Training(variant="", epochs=1, epoch_steps=8, batch=1, per_photo=1, forged=0.0, turns=False)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Photographs:
    return open_splits(str(write_set(tmp_path_factory.mktemp("data"))), None, 0)["train"]


def test_what_is_passed_on_keeps_its_mask_in_place(tmp_path: Path) -> None:
    """White where it is manipulated, black elsewhere: whatever happens to it, both still fit."""
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["dataset", "kind", "group", "image", "mask", "label", "split"])
        for number in range(4):
            mask = np.zeros((240, 288), np.uint8)
            mask[60 + 20 * number : 150 + 20 * number, 70:220] = 255
            Image.fromarray(mask).convert("RGB").save(tmp_path / f"{number}.png")
            Image.fromarray(mask).save(tmp_path / f"{number}-mask.png")
            writer.writerow(["white", "", "", f"{number}.png", f"{number}-mask.png", 1, "train"])
    white = open_splits(str(tmp_path), None, 0, ("train",))["train"]
    options = replace(REAL, laundered=1.0, manipulated=1.0, epoch_steps=12)
    items = [
        item for item in map(Patches(white, options, 0, SIGHT).__getitem__, range(12)) if len(item["mask"])
    ]
    assert len(items) > 8
    for item in items:
        assert ((item["pixels"][..., 1] > 127) == item["mask"]).mean() > 0.97
    assert {bool(item["stored"][0]) for item in items} == {True, False}  # JPEG and PNG


def test_what_marks_nothing_is_no_manipulated_photograph(tmp_path: Path) -> None:
    found = open_splits(str(write_set(tmp_path)), None, 0)["train"]
    sample = found.of(manipulated=True)[0]
    assert sample.mask
    with Image.open(sample.mask) as mask:
        size = mask.size
    Image.new("L", size).save(sample.mask)
    with pytest.raises(BadMask, match="marks nothing"):
        found.read(sample, 1)


def test_pristine_photographs_may_be_saved_as_the_manipulated_ones_are(photographs: Photographs) -> None:
    of_manipulated = {
        decode(sample.image).jpeg.tables[0].tobytes()  # type: ignore[union-attr]
        for sample in photographs.of(manipulated=True)
    }

    def tables(alike: float, manipulated: float) -> set[bytes]:
        items = Patches(photographs, replace(REAL, alike=alike, manipulated=manipulated), 0, SIGHT)
        found = [items[place] for place in range(len(items))]
        assert all(item["mask"].any() == bool(manipulated) for item in found)
        return {item["table"].astype(np.uint16).tobytes() for item in found}

    assert tables(1.0, 0.0) <= of_manipulated
    assert not tables(0.0, 0.0) <= of_manipulated
    assert tables(1.0, 1.0) <= of_manipulated


def test_without_tables_a_photograph_is_left_as_it_is(photographs: Photographs, tmp_path: Path) -> None:
    photo = decode(photographs.samples[0].image)
    Image.fromarray(photo.pixels).save(tmp_path / "lossless.png")
    assert saved_like(photo, decode(tmp_path / "lossless.png")) is photo
