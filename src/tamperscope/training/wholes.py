"""Whole photographs as a stream of error levels and labels, for networks that never see a mask."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset as TorchDataset

from tamperscope.errors import TamperscopeError
from tamperscope.forge.recipe import load_recipes
from tamperscope.io.decode import decode
from tamperscope.networks._base import Sight
from tamperscope.signal.error_level import whole_levels
from tamperscope.training.config import Training
from tamperscope.training.data import TRIES, VALIDATION, Item, Labelled, draw_one, forge_one, resaved

__all__ = ["Wholes", "comparable"]


class Wholes(TorchDataset[Item]):
    """Item *i* is one photograph; which, only seed, epoch and *i* decide.

    It holds ``pixels`` (1, side, side, 3), signed error levels in [-1, 1], and ``label`` (1), and the other
    entries of `training.data.Patches`, empty. Of the data set nothing but files and labels comes here, so
    that masks cannot be learned from; those of photographs that are forged here are thrown away.
    """

    def __init__(self, labelled: Sequence[Labelled], training: Training, epoch: int, sight: Sight) -> None:
        self.labelled, self.training, self.epoch, self.sight = labelled, training, epoch, sight
        self.pristine = [one.path for one in labelled if not one.manipulated]  # to be forged
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
        return self.training.epoch_steps * self.training.batch

    def __getitem__(self, index: int) -> Item:
        rng = np.random.default_rng([self.training.seed, self.epoch, index])
        skipped: list[str] = []
        for _ in range(1 if self.epoch == VALIDATION else TRIES):
            try:
                pixels, manipulated = self._photograph(index, rng)
            except TamperscopeError as error:
                skipped.append(str(error))
            else:
                return self._item([(pixels, manipulated)], skipped, rng)
        return {**self._item([], skipped, rng), "failed": self.epoch != VALIDATION}

    def _photograph(self, index: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], bool]:
        if self.epoch == VALIDATION:
            one = self.labelled[index]
            return resaved(decode(one.path), self.training, self.recipes, rng).pixels, one.manipulated
        manipulated = bool(rng.random() < self.training.manipulated)
        if self.pristine and rng.random() < self.training.forged:
            # Both classes come from here: had one another history, size or share, that would be learned.
            recipe = replace(draw_one(self.recipes, rng), pristine=float(not manipulated))
            host, donor = (decode(draw_one(self.pristine, rng)) for _ in range(2))
            forgery = forge_one(host.pixels, donor.pixels, recipe, rng)
            return decode(forgery.encode()).pixels, bool(forgery.kind)
        if not self.pools[manipulated]:
            manipulated = not manipulated
        photo = decode(draw_one(self.pools[manipulated], rng))
        return resaved(photo, self.training, self.recipes, rng).pixels, manipulated

    def _item(
        self, photographs: list[tuple[NDArray[np.uint8], bool]], skipped: list[str], rng: np.random.Generator
    ) -> Item:
        side, count = self.sight.side, len(photographs)
        levels = np.empty((count, side, side, 3), np.float32)
        for place, (pixels, _) in enumerate(photographs):
            found = whole_levels(pixels, self.sight.levels, side)
            if self.epoch != VALIDATION and self.training.turns:
                found = found[:: rng.choice((1, -1)), :: rng.choice((1, -1))]
            levels[place] = found
        return {
            "pixels": levels,
            "mask": np.zeros((count, 1, 1), bool),
            "label": np.array([manipulated for _, manipulated in photographs], bool),
            "context": np.zeros((0, 0, 3), np.uint8),
            "skipped": skipped,
        }


def comparable(labelled: Sequence[Labelled]) -> list[Labelled]:
    """Return the photographs of data sets that have both classes; all, if none has.

    The others differ from the rest of their class by more than the manipulation: size, camera, motifs.
    """
    pristine, manipulated = (
        {one.source for one in labelled if one.manipulated == wanted} for wanted in (False, True)
    )
    return [one for one in labelled if one.source in pristine & manipulated] or list(labelled)
