"""Photographs to train on, forged by the tests, and a training that ends in a second."""

import csv
from pathlib import Path

import torch

from forging import write_photos
from tamperscope import plugins
from tamperscope.forge.batch import forge_all
from tamperscope.forge.recipe import load_recipe
from tamperscope.networks._base import Sight
from tamperscope.training.config import Training

__all__ = ["EVERY", "TINY", "made_batch", "write_set"]

# Minutes here; "narrow" and "small" are the same code, and ManTra-Net has tests of its own.
_LARGE = {"VGG-16", "ResNet-50", "WCBnet", "WCBnet_2", "WCBnet_3", "WCBnet_4", "ManTraNet"}
_ABLATIONS = {"no history", "no noise", "no comparison"}  # of fusion: the same code, too

EVERY = [
    (name, variant)
    for name in plugins.names("networks")
    for variant in plugins.load("networks", name).variants
    if variant not in _LARGE | _ABLATIONS
]

TINY = Training(
    variant="LSTM-64h", epochs=2, epoch_steps=2, batch=4, per_photo=2, validation=4, learning_rate=3e-3
)


def made_batch(sight: Sight, photos: int = 2) -> dict[str, torch.Tensor]:
    """Random patches, of random photographs by turns, always the same."""
    count = 16 if sight.side == 64 else 2
    chance = torch.Generator().manual_seed(0)
    return {
        "pixels": torch.rand(count, 3, sight.side, sight.side, generator=chance) * 0.2 + 0.4,
        "context": torch.rand(photos, 3, sight.context, sight.context, generator=chance),
        "photo": torch.arange(count) % photos,
        "levels": torch.randint(0, 21, (count, *[sight.side * sight.history] * 2), generator=chance),
        "table": torch.randint(1, 60, (count, 8, 8), generator=chance).float(),
        "stored": torch.arange(count) % 2 == 0,
    }


def write_set(folder: Path, splits: tuple[str, ...] = ("train", "val", "test"), name: str = "made") -> Path:
    """Write a forged set of 18 photographs that are in these splits by turns; return its folder."""
    hosts = sorted(write_photos(folder / "photos", 6).iterdir())
    forge_all(hosts, folder / "set", 18, seed=1, recipe=load_recipe("aligned"), size=128)
    table = folder / "set" / "manifest.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(sorted(rows, key=lambda row: row["label"])):
        row["dataset"], row["split"] = name, splits[number % len(splits)]  # leaks and all: it only has to run
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / "set"
