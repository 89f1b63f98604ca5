"""Whether a detector tells manipulated photographs from pristine ones, or how each class was saved.

Usage: histories.py ROOT DETECTOR[,DETECTOR...]

ROOT is a folder with a manifest.csv; its CASIA 1 test photographs are judged in three ways. "raw": as they
are. "equalized": all saved once more, as `tamperscope evaluate --equalize` does it. "alike": the pristine are
first saved with the tables of manipulated ones, and then all once more. What a detector loses by that, it
had read from the saving before the last.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from tamperscope import plugins
from tamperscope.datasets import open_dataset
from tamperscope.evaluation.perturb import equalize, random
from tamperscope.evaluation.run import QUALITIES
from tamperscope.io.decode import decode
from tamperscope.training.wholes import saved_like
from tamperscope.types import Photo

_SEED = 0
_ACCUSED = 0.5  # the score above which a photograph is called manipulated


def versions(photo: Photo, manipulated: bool, others: list[Photo]) -> dict[str, Photo]:
    """Return a photograph in the three ways."""
    truth = np.zeros((photo.height, photo.width), bool)
    first = (
        photo if manipulated else saved_like(photo, others[random(photo, _SEED + 1).integers(len(others))])
    )
    return {
        "raw": photo,
        **{
            how: decode(equalize(one, truth, _SEED, QUALITIES)[0])
            for how, one in (("equalized", photo), ("alike", first))
        },
    }


def main() -> None:
    root, names = Path(sys.argv[1]), sys.argv[2].split(",")
    samples = [
        one
        for one in open_dataset("manifest", root).samples()
        if one.split == "test" and one.image.relative_to(root).parts[0] == "casia1"
    ]
    others = [decode(one.image) for one in samples if one.manipulated]
    labels = np.array([one.manipulated for one in samples])
    print(f"{labels.sum()} manipulated, {(~labels).sum()} pristine")
    for name in names:
        detector = plugins.build("detectors", name)
        scores: dict[str, list[float]] = {}
        for done, one in enumerate(samples):
            if sys.stderr.isatty():
                print(f"\r{name} {done}/{len(samples)}", end="", file=sys.stderr)
            for how, photo in versions(decode(one.image), one.manipulated, others).items():
                scores.setdefault(how, []).append(detector.localize(photo).score or 0.0)
        for how, found in scores.items():
            accused = np.array(found) >= _ACCUSED
            right, wrong = accused[labels].mean(), accused[~labels].mean()
            balanced = (right + 1 - wrong) / 2
            print(
                f"{name} {how}: AUC {roc_auc_score(labels, found):.3f}, balanced accuracy {balanced:.3f} "
                f"(accused: {right:.3f} of the manipulated, {wrong:.3f} of the pristine)"
            )


if __name__ == "__main__":
    main()
