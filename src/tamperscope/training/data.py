"""Photographs as a stream of patches: the same for the same seed, wherever a training is taken up again."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from tamperscope.datasets import open_dataset, select
from tamperscope.datasets._base import Dataset
from tamperscope.errors import InvalidParameter, TamperscopeError
from tamperscope.forge.launder import launder
from tamperscope.forge.make import draw_part, forge
from tamperscope.forge.recipe import Recipe, load_recipes
from tamperscope.io.decode import decode
from tamperscope.io.encode import encode_jpeg
from tamperscope.networks._base import Sight
from tamperscope.signal.history import History, history
from tamperscope.signal.windows import mirrored, whole
from tamperscope.training.config import Training
from tamperscope.training.patches import draw_patches, turn
from tamperscope.types import Photo, Sample

__all__ = [
    "HOST",
    "TRIES",
    "VALIDATION",
    "Item",
    "Labelled",
    "Patches",
    "Photographs",
    "collate",
    "draw_one",
    "open_splits",
    "resaved",
    "saved_like",
]

HOST = (448, 576)  # pixels of a photograph that is forged, at most
VALIDATION = 2**32 - 1  # stands for the epoch that validation has
TRIES = 8  # other photographs in place of one that cannot be used

Item = dict[str, Any]
_T = TypeVar("_T")

_UNKNOWN = History(np.zeros((0, 0), np.uint8), np.zeros((8, 8), np.float32), stored=False)


def open_splits(
    data: str,
    photos: Path | None,
    seed: int,
    splits: Sequence[str] = ("train", "val"),
    optional: Sequence[str] = (),
) -> "dict[str, Photographs]":
    """Return the photographs of splits of ``data``: a manifest, its folder, or a data set in ``photos``.

    Those that are ``optional`` are left out where it has none.

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
    there = {sample.split or split for sample in samples for split in optional}
    wanted = [*splits, *(split for split in optional if split in there)]
    return {split: Photographs(dataset, select(samples, split, seed=seed)) for split in wanted}


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

    def by_source(self) -> "dict[str, Photographs]":
        """Return those of each data set."""
        of = self.dataset.source
        return {
            name: Photographs(self.dataset, [sample for sample in self.samples if of(sample) == name])
            for name in self.sources
        }

    def of(self, *, manipulated: bool) -> list[Sample]:
        """Return those of a class."""
        return [sample for sample in self.samples if sample.manipulated == manipulated]

    def read(self, sample: Sample, least: int) -> tuple[Photo, NDArray[np.bool_]]:
        """Return a photograph and the truth.

        Raises:
            TamperscopeError: one of them cannot be read, a side of the photograph is below ``least``, or its
                mask marks nothing though it is manipulated.

        """
        photo = decode(sample.image)
        if min(photo.height, photo.width) < least:
            raise TamperscopeError(f"it has fewer than {least} pixels a side", "", sample.name)
        return photo, self.dataset.truth(sample, (photo.height, photo.width))


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
        self.least = sight.least or sight.side
        self.pools = [photographs.of(manipulated=manipulated) for manipulated in (False, True)]
        self.sources = list(photographs.sources)
        self.hosts = [self.pools[0]]
        if training.evenly:
            each = (one.of(manipulated=False) for one in photographs.by_source().values())
            self.hosts = [pool for pool in each if pool]
        self.recipes = load_recipes(training.recipe)

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
                photo, mask = self._photograph(rng)
            except TamperscopeError as error:
                skipped.append(str(error))
            else:
                return {**self._cut(photo, mask, rng), "skipped": skipped}
        return {**self._nothing(skipped), "failed": True}

    def _validation(self, index: int, rng: np.random.Generator) -> Item:
        try:
            photo, mask = self.photographs.read(self.photographs.samples[index], self.least)
        except TamperscopeError as error:
            return self._nothing([str(error)])
        source = self.photographs.dataset.source(self.photographs.samples[index])
        item = self._cut(resaved(photo, self.training, self.recipes, rng), mask, rng)
        return {**item, "source": self.sources.index(source), "skipped": []}

    def _photograph(self, rng: np.random.Generator) -> tuple[Photo, NDArray[np.bool_]]:
        forged = rng.random() < self.training.forged and bool(self.pools[0])
        manipulated = not forged and rng.random() < self.training.manipulated
        if not self.pools[manipulated]:
            manipulated = not manipulated
        if not forged:
            return self._real(manipulated, rng)
        photo, donor = (self.photographs.read(self._host(rng), self.least)[0] for _ in range(2))
        recipe, side = draw_one(self.recipes, rng), self.sight.side
        most = (max(HOST[0], 7 * side // 4), max(HOST[1], 9 * side // 4))
        made = forge(draw_part(photo.pixels, most, rng), [draw_part(donor.pixels, most, rng)], recipe, rng)
        if min(made.mask.shape) < self.least:
            raise TamperscopeError("a forged photograph became too small")
        return decode(made.encode()), made.mask

    def _real(self, manipulated: bool, rng: np.random.Generator) -> tuple[Photo, NDArray[np.bool_]]:
        """Return a photograph of the data, with what may have happened to it since."""
        training = self.training
        photo, mask = self.photographs.read(draw_one(self.pools[manipulated], rng), self.least)
        # Of what was not asked for nothing is drawn: a seed goes on to mean what it meant without these.
        if training.alike and self.pools[True] and not manipulated and rng.random() < training.alike:
            photo = saved_like(photo, self.photographs.read(draw_one(self.pools[True], rng), 1)[0])
        if training.laundered and rng.random() < training.laundered:
            pixels, mask, _ = launder(photo.pixels, mask, rng)
            if min(mask.shape) < self.least:
                raise TamperscopeError("a photograph that was passed on became too small")
            return decode(draw_one(self.recipes, rng).last_saving(rng).encode(pixels)), mask
        return resaved(photo, training, self.recipes, rng), mask

    def _host(self, rng: np.random.Generator) -> Sample:
        """Draw a pristine photograph to be forged."""
        return draw_one(draw_one(self.hosts, rng), rng)

    def _cut(self, photo: Photo, mask: NDArray[np.bool_], rng: np.random.Generator) -> Item:
        training, side = self.training, self.sight.side
        count = training.validation if self.epoch == VALIDATION else training.per_photo
        context = whole(photo.pixels, self.sight.context)
        plane = photo.pixels
        if min(plane.shape[:2]) < side:
            plane, mask = mirrored(plane, side), mirrored(mask, side)
        places, labels = draw_patches(mask, side, count, training.positive, training.least_share, rng)
        known = history(photo).mirrored(side) if self.sight.history else _UNKNOWN
        pixels, masks, histories = [], [], []
        for row, column in places:
            how = (int(rng.integers(4)), bool(rng.integers(2))) if training.turns else (0, False)
            window = np.s_[row : row + side, column : column + side]
            pixels.append(turn(plane[window], *how))
            masks.append(turn(mask[window], *how))
            histories.append(known.window(row, column, side, side).turned(*how))
        return {
            "pixels": np.stack(pixels),
            "mask": np.stack(masks),
            "label": labels,
            "context": context,
            "levels": np.stack([one.levels for one in histories]),
            "table": np.stack([one.table for one in histories]),
            "stored": np.array([one.stored for one in histories]),
        }

    def _nothing(self, skipped: list[str]) -> Item:
        side = self.sight.side
        return {
            "pixels": np.empty((0, side, side, 3), np.uint8),
            "mask": np.empty((0, side, side), bool),
            "label": np.empty(0, bool),
            "context": np.zeros((self.sight.context, self.sight.context, 3), np.uint8),
            "levels": np.empty((0, *[side * self.sight.history] * 2), np.uint8),
            "table": np.empty((0, 8, 8), np.float32),
            "stored": np.empty(0, bool),
            "skipped": skipped,
        }


def collate(items: Sequence[Item]) -> Item:
    """Join items to tensors: ``pixels`` (n, 3, side, side) in [0, 1], ``mask`` and ``label`` int64.

    ``photo`` (n) tells which of the items a patch is of, ``context`` (items, 3, ., .) holds those, and
    ``source`` (items) tells in validation which of the data sets they are from, in alphabetical order. The
    channels of ``pixels`` lie together in memory, which convolutions on a processor like better.
    """

    def joined(key: str) -> Tensor:
        return torch.from_numpy(np.concatenate([item[key] for item in items]))

    return {
        "pixels": _scaled(joined("pixels").permute(0, 3, 1, 2)),
        "context": torch.from_numpy(np.stack([item["context"] for item in items])).permute(0, 3, 1, 2) / 255,
        **{key: joined(key) for key in ("levels", "table", "stored") if key in items[0]},
        "mask": joined("mask").long(),
        "label": joined("label").long(),
        "photo": torch.arange(len(items)).repeat_interleave(
            torch.tensor([len(item["label"]) for item in items])
        ),
        "source": torch.tensor([item.get("source", 0) for item in items]),
        "failed": any(item.get("failed") for item in items),
        "skipped": [problem for item in items for problem in item["skipped"]],
    }


def _scaled(pixels: Tensor) -> Tensor:
    """Return pixels in [0, 1]; error levels are scaled already."""
    return pixels if pixels.is_floating_point() else pixels.float() / 255


def resaved(photo: Photo, training: Training, recipes: Sequence[Recipe], rng: np.random.Generator) -> Photo:
    """Save a photograph once more, or not: as often as the training says, as one of the recipes does."""
    recipe = draw_one(recipes, rng)
    if rng.random() >= training.resaved:
        return photo
    saving = recipe.jpeg(rng)
    return decode(saving.encode(photo.pixels))


def saved_like(photo: Photo, other: Photo) -> Photo:
    """Return a photo saved with another one's quantisation tables, or as it is if the other is no JPEG."""
    if other.jpeg is None:
        return photo
    return decode(encode_jpeg(photo.pixels, other.jpeg.tables, other.jpeg.subsampling))


def draw_one(pool: Sequence[_T], rng: np.random.Generator) -> _T:
    """Draw one of a pool, each with the same chance."""
    return pool[int(rng.integers(len(pool)))]
