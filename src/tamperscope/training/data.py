"""Photographs as a stream of patches: the same for the same seed, wherever a training is taken up again."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from tamperscope.datasets import open_dataset, select
from tamperscope.datasets._base import Dataset
from tamperscope.errors import InvalidParameter, TamperscopeError
from tamperscope.forge.history import draw_saving
from tamperscope.forge.make import Forgery, forge
from tamperscope.forge.recipe import Recipe, load_recipe
from tamperscope.io.decode import decode
from tamperscope.networks._base import Sight
from tamperscope.signal.windows import whole
from tamperscope.training.config import Training
from tamperscope.training.patches import draw_patches, turned
from tamperscope.types import Sample

__all__ = [
    "TRIES",
    "VALIDATION",
    "Item",
    "Labelled",
    "Patches",
    "Photographs",
    "collate",
    "forge_one",
    "open_splits",
    "resaved",
]

_HOST = (384, 512)  # pixels of a photograph that is forged, at most
VALIDATION = 2**32 - 1  # stands for the epoch that validation has
TRIES = 8  # other photographs in place of one that cannot be used

Item = dict[str, Any]


def open_splits(
    data: str, photos: Path | None, seed: int, splits: Sequence[str] = ("train", "val")
) -> "dict[str, Photographs]":
    """Return the photographs of splits of ``data``: a manifest, its folder, or a data set in ``photos``.

    Raises:
        InvalidParameter: a data set was named, and not where it lies.
        WrongLayout, UnknownPlugin: it cannot be had, or has no such split.

    """
    # With photographs given, a name is a data set's, whatever folders lie around here.
    if Path(data).suffix.lower() in (".csv", ".parquet") or (photos is None and Path(data).is_dir()):
        dataset = open_dataset("manifest", Path(data), **({"photos": photos} if photos else {}))
    elif photos is None:
        raise InvalidParameter(f"--data {data!r} is no manifest", "say with --photos where the data set lies")
    else:
        dataset = open_dataset(data, photos)
    samples = dataset.samples()
    return {split: Photographs(dataset, select(samples, split, seed=seed)) for split in splits}


class Labelled(NamedTuple):
    """A photograph of which no mask is known; ``source`` is its data set."""

    path: Path
    manipulated: bool
    source: str = ""


@dataclass(frozen=True)
class Photographs:
    """The samples of a split, with the data set that reads their masks."""

    dataset: Dataset
    samples: Sequence[Sample]

    @property
    def labelled(self) -> "list[Labelled]":
        """The photographs' files, whether they are manipulated, and whence they come: no more than that."""
        return [Labelled(one.image, one.manipulated, self.dataset.source(one)) for one in self.samples]

    @property
    def sources(self) -> dict[str, tuple[int, int]]:
        """How many pristine and manipulated photographs come from each data set."""
        found = Counter((self.dataset.source(sample), sample.manipulated) for sample in self.samples)
        return {name: (found[name, False], found[name, True]) for name in sorted({name for name, _ in found})}

    def of(self, *, manipulated: bool) -> list[Sample]:
        """Return those of a class."""
        return [sample for sample in self.samples if sample.manipulated == manipulated]

    def read(self, sample: Sample, side: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return pixels and truth.

        Raises:
            TamperscopeError: one of them cannot be read, or the photograph is smaller than ``side``.

        """
        photo = decode(sample.image)
        if min(photo.height, photo.width) < side:
            raise TamperscopeError(f"it is smaller than a patch of {side} pixels", "", sample.name)
        return photo.pixels, self.dataset.mask(sample, (photo.height, photo.width))


class Patches(TorchDataset[Item]):
    """Item *i* is ``per_photo`` patches of one photograph; which, only seed, epoch and *i* decide.

    An item holds ``pixels`` (n, side, side, 3) uint8, ``mask`` (n, side, side), ``label`` (n) and
    ``context``, the whole photograph as `Sight` has it; and ``skipped``, the problems met on the way;
    ``failed`` if nothing but problems were met. None is raised: a process that reads photographs could only
    hand on its traceback.
    """

    def __init__(
        self,
        photographs: Photographs,
        training: Training,
        epoch: int,
        sight: Sight = Sight(),  # noqa: B008
    ) -> None:
        self.photographs, self.training, self.epoch, self.sight = photographs, training, epoch, sight
        self.pools = [photographs.of(manipulated=manipulated) for manipulated in (False, True)]
        self.recipe = load_recipe(training.recipe)

    @classmethod
    def of_each(cls, photographs: Photographs, training: Training, sight: Sight = Sight()) -> "Patches":  # noqa: B008
        """Return patches of every photograph in turn, always the same, unforged and unturned."""
        return cls(photographs, replace(training, forged=0.0, turns=False), VALIDATION, sight)

    def __len__(self) -> int:
        if self.epoch == VALIDATION:
            return len(self.photographs.samples)
        return max(1, self.training.epoch_steps * self.training.batch // self.training.per_photo)

    def __getitem__(self, index: int) -> Item:
        rng = np.random.default_rng([self.training.seed, self.epoch, index])
        if self.epoch == VALIDATION:
            return self._validation(index, rng)
        skipped: list[str] = []
        for _ in range(TRIES):
            try:
                pixels, mask = self._photograph(rng)
            except TamperscopeError as error:
                skipped.append(str(error))
            else:
                return {**self._cut(pixels, mask, rng), "skipped": skipped}
        return {**self._nothing(skipped), "failed": True}

    def _validation(self, index: int, rng: np.random.Generator) -> Item:
        try:
            pixels, mask = self.photographs.read(self.photographs.samples[index], self.sight.side)
        except TamperscopeError as error:
            return self._nothing([str(error)])
        return {**self._cut(resaved(pixels, self.training, self.recipe, rng), mask, rng), "skipped": []}

    def _photograph(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        forged = rng.random() < self.training.forged and bool(self.pools[0])
        manipulated = not forged and rng.random() < self.training.manipulated
        if not self.pools[manipulated]:
            manipulated = not manipulated
        pixels, mask = self.photographs.read(_draw(self.pools[manipulated], rng), self.sight.side)
        if not forged:
            return resaved(pixels, self.training, self.recipe, rng), mask
        donor, _ = self.photographs.read(_draw(self.pools[0], rng), self.sight.side)
        made = forge_one(pixels, donor, self.recipe, rng)
        if min(made.mask.shape) < self.sight.side:
            raise TamperscopeError("a forged photograph became smaller than a patch")
        return decode(made.encode()).pixels, made.mask

    def _cut(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_], rng: np.random.Generator) -> Item:
        training, side = self.training, self.sight.side
        count = training.validation if self.epoch == VALIDATION else training.per_photo
        places, labels = draw_patches(mask, side, count, training.positive, training.least_share, rng)
        found = []
        for row, column in places:
            window = np.s_[row : row + side, column : column + side]
            part = pixels[window], mask[window]
            found.append(turned(*part, rng) if training.turns else part)
        return {
            "pixels": np.stack([part for part, _ in found]),
            "mask": np.stack([part for _, part in found]),
            "label": labels,
            "context": whole(pixels, self.sight.context),
        }

    def _nothing(self, skipped: list[str]) -> Item:
        side = self.sight.side
        return {
            "pixels": np.empty((0, side, side, 3), np.uint8),
            "mask": np.empty((0, side, side), bool),
            "label": np.empty(0, bool),
            "context": np.zeros((self.sight.context, self.sight.context, 3), np.uint8),
            "skipped": skipped,
        }


def collate(items: Sequence[Item]) -> Item:
    """Join items to tensors: ``pixels`` (n, 3, side, side) in [0, 1], ``mask`` and ``label`` int64.

    ``photo`` (n) tells which of the items a patch is of, and ``context`` (items, 3, ., .) holds those. The
    channels of ``pixels`` lie together in memory, which convolutions on a processor like better.
    """

    def joined(key: str) -> Tensor:
        return torch.from_numpy(np.concatenate([item[key] for item in items]))

    return {
        "pixels": _scaled(joined("pixels").permute(0, 3, 1, 2)),
        "context": torch.from_numpy(np.stack([item["context"] for item in items])).permute(0, 3, 1, 2) / 255,
        "mask": joined("mask").long(),
        "label": joined("label").long(),
        "photo": torch.arange(len(items)).repeat_interleave(
            torch.tensor([len(item["label"]) for item in items])
        ),
        "failed": any(item.get("failed") for item in items),
        "skipped": [problem for item in items for problem in item["skipped"]],
    }


def _scaled(pixels: Tensor) -> Tensor:
    """Return pixels in [0, 1]; error levels are scaled already."""
    return pixels if pixels.is_floating_point() else pixels.float() / 255


def resaved(
    pixels: NDArray[np.uint8], training: Training, recipe: Recipe, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Save a photograph once more, or not: as often as the training says."""
    if rng.random() >= training.resaved:
        return pixels
    return draw_saving(rng, recipe.final_quality, recipe.families, recipe.subsamplings).wear(pixels)


def forge_one(
    pixels: NDArray[np.uint8], donor: NDArray[np.uint8], recipe: Recipe, rng: np.random.Generator
) -> Forgery:
    """Forge a photograph, or a part of a large one, with what another gives.

    Raises:
        TamperscopeError: the recipe does not suit them.

    """
    return forge(_window(pixels, rng), [_window(donor, rng)], recipe, rng)


def _draw(samples: Sequence[Sample], rng: np.random.Generator) -> Sample:
    return samples[int(rng.integers(len(samples)))]


def _window(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a part of a large photograph, on its grid."""
    corner = [
        8 * int(rng.integers(max(0, length - wanted) // 8 + 1))
        for length, wanted in zip(pixels.shape, _HOST, strict=False)
    ]
    return np.ascontiguousarray(pixels[corner[0] : corner[0] + _HOST[0], corner[1] : corner[1] + _HOST[1]])
