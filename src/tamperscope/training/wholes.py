"""Whole photographs as a stream of error levels and labels, for networks that never see a mask."""

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset as TorchDataset

from tamperscope.errors import TamperscopeError
from tamperscope.forge.make import draw_part, forge, twins
from tamperscope.forge.recipe import load_recipes
from tamperscope.io.decode import decode
from tamperscope.networks._base import Sight
from tamperscope.signal.error_level import grid_levels, grid_windows, whole_levels
from tamperscope.training.config import Training
from tamperscope.training.data import (
    HOST,
    TRIES,
    VALIDATION,
    Item,
    Labelled,
    draw_one,
    resaved,
    saved_like,
)
from tamperscope.types import Photo

__all__ = ["Wholes", "comparable"]

_Told = tuple[NDArray[np.uint8], bool]  # pixels, and whether they are manipulated


class Wholes(TorchDataset[Item]):
    """Item *i* is one photograph, or two `twins`; which, only seed, epoch and *i* decide.

    It holds ``pixels`` (n, side, side, 3), signed error levels in [-1, 1], and ``label`` (n), and the other
    entries of `training.data.Patches`, empty. Of the data set nothing but files and labels comes here, so
    that masks cannot be learned from; those of photographs that are forged here are thrown away.
    """

    def __init__(self, labelled: Sequence[Labelled], training: Training, epoch: int, sight: Sight) -> None:
        self.labelled, self.training, self.epoch, self.sight = labelled, training, epoch, sight
        hosts = defaultdict(list)  # to be forged
        for one in labelled:
            if not one.manipulated:
                hosts[one.source if training.evenly else ""].append(one.path)
        self.hosts = list(hosts.values())
        real = comparable(labelled)
        self.pools = [[one.path for one in real if one.manipulated == wanted] for wanted in (False, True)]
        self.recipes = load_recipes(training.recipe)

    @classmethod
    def of_each(cls, labelled: Sequence[Labelled], training: Training, sight: Sight) -> "Wholes":
        """Return every `comparable` photograph in turn, always the same, unturned."""
        return cls(comparable(labelled), training, VALIDATION, sight)

    def __len__(self) -> int:
        if self.epoch == VALIDATION:
            return len(self.labelled)
        return self.training.epoch_steps * self.training.batch // (1 + self.training.twins)

    def __getitem__(self, index: int) -> Item:
        rng = np.random.default_rng([self.training.seed, self.epoch, index])
        skipped: list[str] = []
        for _ in range(1 if self.epoch == VALIDATION else TRIES):
            try:
                photographs = self._photographs(index, rng)
            except TamperscopeError as error:
                skipped.append(str(error))
            else:
                return self._item(photographs, skipped, rng)
        return {**self._item([], skipped, rng), "failed": self.epoch != VALIDATION}

    def _photographs(self, index: int, rng: np.random.Generator) -> list[_Told]:
        if self.epoch == VALIDATION:
            one = self.labelled[index]
            return [(self._saved(decode(one.path), rng), one.manipulated)]
        manipulated = bool(rng.random() < self.training.manipulated)
        if self.hosts and rng.random() < self.training.forged:
            return self._forged(manipulated, rng)
        if self.training.twins and all(self.pools):
            return self._drawn_pair(rng)
        if not self.pools[manipulated]:
            manipulated = not manipulated
        photo = decode(draw_one(self.pools[manipulated], rng))
        return [(self._saved(photo, rng), manipulated)]

    def _drawn_pair(self, rng: np.random.Generator) -> list[_Told]:
        """Draw one of each class; the pristine one is first saved as the manipulated one was.

        Else the saving before the last would tell them apart: it can be seen in the pixels.
        """
        pristine, manipulated = (decode(draw_one(pool, rng)) for pool in self.pools)
        return [
            (self._saved(photo, deepcopy(rng)), label)
            for photo, label in ((saved_like(pristine, manipulated), False), (manipulated, True))
        ]

    def _forged(self, manipulated: bool, rng: np.random.Generator) -> list[_Told]:
        """Forge a photograph; both classes come from here: had one another history, that would be learned."""
        recipe = draw_one(self.recipes, rng)
        photos = [decode(draw_one(draw_one(self.hosts, rng), rng)).pixels for _ in range(2)]
        # As much as a window shows, so that it shows the manipulation.
        most = (self.sight.side,) * 2 if self.sight.grid else HOST
        host, donor = (draw_part(pixels, most, rng) for pixels in photos)
        if not self.training.twins:
            forgery = forge(host, [donor], replace(recipe, pristine=float(not manipulated)), rng)
            return [(decode(forgery.encode()).pixels, bool(forgery.kind))]
        return [
            # Each by the same draws, so that their last saving is the same as well.
            (self._saved(decode(one.encode()), deepcopy(rng)), bool(one.kind))
            for one in twins(host, [donor], recipe, rng)
        ]

    def _saved(self, photo: Photo, rng: np.random.Generator) -> NDArray[np.uint8]:
        return resaved(photo, self.training, self.recipes, rng).pixels

    def _item(self, photographs: list[_Told], skipped: list[str], rng: np.random.Generator) -> Item:
        side = self.sight.side
        seen, labels = [np.empty((0, side, side, 3), np.float32)], [np.empty(0, bool)]
        for pixels, manipulated in photographs:
            windows = self._seen(pixels, deepcopy(rng))
            seen.append(windows)
            labels.append(np.full(len(windows), manipulated))
        levels = np.concatenate(seen)
        return {
            "pixels": levels,
            "mask": np.zeros((len(levels), 1, 1), bool),
            "label": np.concatenate(labels),
            "context": np.zeros((0, 0, 3), np.uint8),
            "skipped": skipped,
        }

    def _seen(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
        """Return a photograph's error levels (n, side, side, 3): one window in training, else all of them."""
        quality, side = self.sight.levels, self.sight.side
        if not self.sight.grid:
            windows = whole_levels(pixels, quality, side)[None]
        elif self.epoch == VALIDATION:
            windows = np.stack([window for _, window in grid_windows(pixels, quality, side)])
        else:
            windows = draw_part(grid_levels(pixels, quality, side), (side, side), rng)[None]
        if self.epoch != VALIDATION and self.training.turns:
            windows = windows[:, :: rng.choice((1, -1)), :: rng.choice((1, -1))]
        return windows


def comparable(labelled: Sequence[Labelled]) -> list[Labelled]:
    """Return the photographs of data sets that have both classes; all, if none has.

    The others differ from the rest of their class by more than the manipulation: size, camera, motifs.
    """
    pristine, manipulated = (
        {one.source for one in labelled if one.manipulated == wanted} for wanted in (False, True)
    )
    return [one for one in labelled if one.source in pristine & manipulated] or list(labelled)
