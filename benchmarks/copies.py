"""The two logistic regressions of `detectors/_copies.py`, fitted to train photographs; see README.md.

Usage: copies.py ROOT [WEIGHTS]

ROOT is a folder with a manifest.csv. Copies are those of its data sets, and some made of its pristine
photographs. What is fitted: whether something that occurs twice was copied, and which of the two is the copy.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict, cross_val_score

from tamperscope import plugins
from tamperscope.detectors._copies import alike
from tamperscope.detectors.fusion import Fusion
from tamperscope.forge.make import forge
from tamperscope.forge.recipe import PRESETS
from tamperscope.io.decode import decode
from tamperscope.training.data import Photographs, open_splits
from tamperscope.types import Photo

_MOST = 120  # photographs of a data set, manipulated and pristine each
_SIZE = (640, 800)  # pixels of what copies are made in
_HELD = 0.7  # share of a part that is manipulated, so that it is the copy; at most the rest of its source
_RECIPE = replace(PRESETS["wild"], pristine=0, kinds={"copy_move": 1}, develop=0, caption=0)

Bools = NDArray[np.bool_]


@dataclass
class Found:
    """Figures of pairs, and whether they hold a copy.

    Of those that do, by how much the first side looks more manipulated, and its noise is more unlike the
    photo's, and whether it is the copy.
    """

    figures: list[list[float]]
    copied: list[bool]
    leads: list[list[float]]
    first: list[bool]


def photographs(train: Photographs, rng: np.random.Generator) -> Iterator[tuple[str, Photo, Bools]]:
    """Yield where they are from, and their truth."""
    groups = defaultdict(list)
    for sample in train.samples:
        groups[train.dataset.source(sample), sample.manipulated].append(sample)
    for (source, manipulated), samples in sorted(groups.items()):
        for place in rng.permutation(len(samples))[:_MOST]:
            photo, truth = train.read(samples[place], 64)
            if photo.height * photo.width < 4_000_000:
                yield f"{source} {'manipulated' if manipulated else 'pristine'}", photo, truth
            if not manipulated and source != "casia1":  # whose photographs are small
                low = [max(0, length - most) // 8 for length, most in zip(truth.shape, _SIZE, strict=True)]
                corner = [8 * int(rng.integers(most + 1)) for most in low]
                part = np.s_[corner[0] : corner[0] + _SIZE[0], corner[1] : corner[1] + _SIZE[1]]
                made = forge(np.ascontiguousarray(photo.pixels[part]), [], _RECIPE, rng)
                if made.kind:
                    yield f"{source} copied", decode(made.encode()), made.mask


def main() -> None:
    weights = sys.argv[2] if len(sys.argv) > 2 else ""
    detector = plugins.build("detectors", "fusion", weights=weights, threads=1)
    assert isinstance(detector, Fusion)
    root = Path(sys.argv[1])
    train = open_splits(str(root / "manifest.csv"), root, 0, ("train",))["train"]
    found, names = Found([], [], [], []), []
    seen: dict[str, list[bool]] = defaultdict(list)
    for name, photo, truth in photographs(train, np.random.default_rng(0)):
        unlike = detector.unlike(photo.pixels)
        pairs = alike(photo, detector.judge(photo).logits, unlike, detector.copies)
        small = cv2.resize(truth.astype(np.uint8), pairs[0].part.shape[::-1]) > 0 if pairs else truth
        seen[name].append(bool(pairs))
        for pair in pairs:
            held = [float(small[mask].mean()) for mask in (pair.part, pair.counterpart)]
            found.figures.append(pair.figures)
            found.copied.append(max(held) > _HELD)
            names.append(name)
            if max(held) > _HELD and min(held) < 1 - _HELD:
                found.leads.append(pair.lead)
                found.first.append(held[0] > held[1])
    figures, copied = np.array(found.figures), np.array(found.copied)
    model = LogisticRegression(C=10, max_iter=1000)
    guessed = cross_val_predict(model, figures, copied, cv=5, method="predict_proba")[:, 1]
    model.fit(figures, copied)
    print("points, likeness, contrast, noise:", model.coef_[0].round(2), "none:", model.intercept_.round(2))
    leads, first = np.array(found.leads), np.array(found.first)
    side = LogisticRegression(C=10, fit_intercept=False)
    right = cross_val_score(side, leads, first, cv=5).mean()
    side.fit(leads, first)
    print("side: contrast, noise:", side.coef_[0].round(2), f"right in {right:.1%} of {len(first)}")
    for name, any_pair in seen.items():
        own = np.array(names) == name
        parts = [guessed[own & (copied == truth)] for truth in (True, False)]
        said = ", ".join(f"{np.median(part):.2f} (n {part.size})" if part.size else "-" for part in parts)
        print(
            f"{name} (n {len(any_pair)}): pairs in {np.mean(any_pair):.1%}; median if copied, if not: {said}"
        )


if __name__ == "__main__":
    main()
