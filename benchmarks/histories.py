"""Whether a detector tells manipulated photographs from pristine ones, or how each class was saved.

Usage: histories.py ROOT DETECTOR[,DETECTOR...]

ROOT is a folder with a manifest.csv; its CASIA 1 test photographs are judged in three ways. "raw": as they
are. "equalized": all saved once more, as `tamperscope evaluate --equalize` does it. "alike": the pristine are
first saved with the tables of manipulated ones, and then all once more. What a detector loses by that, it
had read from the saving before the last. Photographs are accused at the card's threshold, and for learned
detectors also where the network itself says one half, before its score was calibrated.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from tamperscope import plugins
from tamperscope.detectors._base import Detector
from tamperscope.detectors._learned import Learned
from tamperscope.evaluation.perturb import equalize, random
from tamperscope.evaluation.run import QUALITIES
from tamperscope.io.decode import decode
from tamperscope.training.data import open_splits, saved_like
from tamperscope.types import Photo

_SEED = 0


def versions(photo: Photo, manipulated: bool, others: list[Photo]) -> dict[str, Photo]:
    """Return a photograph in the three ways; a manipulated one is the same in the last two."""
    found = {"raw": photo, "equalized": again(photo)}
    if manipulated:
        return {**found, "alike": found["equalized"]}
    other = others[random(photo, _SEED + 1).integers(len(others))]
    return {**found, "alike": again(saved_like(photo, other))}


def again(photo: Photo) -> Photo:
    """Return a photograph as `--equalize` saves it."""
    nothing = np.zeros((photo.height, photo.width), bool)
    return decode(equalize(photo, nothing, _SEED, QUALITIES)[0])


def main() -> None:
    root, names = Path(sys.argv[1]), sys.argv[2].split(",")
    test = open_splits(str(root / "manifest.csv"), root, 0, ("test",))["test"]
    samples = test.by_source()["casia1"].samples
    others = [decode(one.image) for one in samples if one.manipulated]
    labels = np.array([one.manipulated for one in samples])
    print(f"{labels.sum()} manipulated, {(~labels).sum()} pristine")
    for name in names:
        detector = plugins.build("detectors", name)
        scores: dict[str, list[float]] = {}
        for done, one in enumerate(samples):
            if sys.stderr.isatty():
                print(f"\r{name} {done}/{len(samples)}", end="", file=sys.stderr)
            photos = versions(decode(one.image), one.manipulated, others)
            found = {id(photo): detector.localize(photo).score or 0.0 for photo in photos.values()}
            for how, photo in photos.items():
                scores.setdefault(how, []).append(found[id(photo)])
        for how, values in scores.items():
            print(f"{name} {how}: AUC {roc_auc_score(labels, values):.3f}")
            for where, threshold in thresholds(detector).items():
                accused = np.array(values) >= threshold
                right, wrong = accused[labels].mean(), accused[~labels].mean()
                print(
                    f"  {where}: balanced accuracy {(right + 1 - wrong) / 2:.3f} "
                    f"(accused: {right:.3f} of the manipulated, {wrong:.3f} of the pristine)"
                )


def thresholds(detector: Detector) -> dict[str, float]:
    """Return the scores from which on photographs are accused."""
    found = {"at the threshold": detector.own_card.threshold}
    line = detector.line if isinstance(detector, Learned) else None
    return {**found, "at one half": float(expit(line[1]))} if line else found


if __name__ == "__main__":
    main()
