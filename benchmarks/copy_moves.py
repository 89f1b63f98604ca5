"""F1 of `patchmatch` on forged copy-moves, of the part and its source together; see README.md.

Usage: copy_moves.py PHOTOS [COUNT]
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import tamperscope
from tamperscope.forge.make import forge
from tamperscope.forge.recipe import Recipe

# Neither turned nor resized, so that the source is the copy's mask, moved back.
PLAIN = Recipe(
    pristine=0,
    kinds={"copy_move": 1},
    area=(0.02, 0.15),
    turn=0,
    scale=0,
    flip=0,
    off_grid=0,
    launder=0,
    touch_up=0,
)
RECIPES = {"plain": PLAIN, "35% touched up": replace(PLAIN, touch_up=0.35)}


def judge(index: int, photos: list[Path], recipe: Recipe) -> float:
    """Return the F1 at the card's threshold of one forgery, NaN if none could be made."""
    rng = np.random.default_rng([7, index])
    pixels = tamperscope.load(photos[index % len(photos)]).pixels[:384, :512]
    made = forge(np.ascontiguousarray(pixels), [], recipe, rng)
    if not made.kind:
        return np.nan
    edit = made.parameters["edit"]
    down, right = (edit["origin"][axis] - edit["corner"][axis] for axis in (0, 1))
    rows, columns = np.nonzero(made.mask)
    rows, columns = rows + down, columns + right
    inside = (rows >= 0) & (rows < made.mask.shape[0]) & (columns >= 0) & (columns < made.mask.shape[1])
    truth = made.mask.copy()
    truth[rows[inside], columns[inside]] = True
    detector = tamperscope.detector("patchmatch")
    mask = detector.localize(tamperscope.load(made.encode())).mask(detector.card.threshold)
    return float(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))


def main() -> None:
    photos = sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_file())
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    for name, recipe in RECIPES.items():
        with ProcessPoolExecutor(2) as pool:
            found = np.array(list(pool.map(partial(judge, photos=photos, recipe=recipe), range(count))))
        print(f"{name}: {summary(found)}", flush=True)


def summary(found: NDArray[np.float64]) -> str:
    found = found[~np.isnan(found)]
    means = np.random.default_rng(0).choice(found, (2000, found.size)).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    missed = np.mean(found < 0.1)
    return f"n {found.size}: F1@card {found.mean():.3f} [{low:.3f}, {high:.3f}], missed {missed:.2f}"


if __name__ == "__main__":
    main()
