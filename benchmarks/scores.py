"""Whether a statistic of a detector's map could tell manipulated from pristine photos; see README.md.

Usage: scores.py ROOT DATASET [SPLIT]. Both classes are equalized first, by `tamperscope evaluate`'s rule.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tamperscope
from tamperscope.datasets import open_dataset, select
from tamperscope.evaluation.perturb import equalize
from tamperscope.metrics._ranking import Ranking

STATISTICS: dict[str, Callable[..., Any]] = {
    "maximum": np.max,
    "mean": np.mean,
    "spread": np.std,
    "95th percentile": lambda heat: np.quantile(heat, 0.95),
    "95th percentile less median": lambda heat: np.quantile(heat, 0.95) - np.median(heat),
}


def main() -> None:
    root, name, split = Path(sys.argv[1]), sys.argv[2], (sys.argv[3:] or ["train"])[0]
    dataset = open_dataset(name, root)
    samples = select(dataset.samples(), split)
    labels = np.array([sample.manipulated for sample in samples])
    for detector in ("ela", "noi"):
        maps = []
        for sample in samples:
            photo = tamperscope.load(sample.image)
            data, _ = equalize(photo, np.zeros((photo.height, photo.width), bool), 0, (70, 95))
            heat = tamperscope.detector(detector).localize(tamperscope.load(data)).heatmap
            maps.append([function(heat) for function in STATISTICS.values()])
        for title, values in zip(STATISTICS, np.array(maps, np.float32).T, strict=True):
            curve = Ranking.of(values[None], labels[None]).curve
            assert curve
            print(
                f"{name} {split}, n {labels.size}, {detector}, {title}: image AUC {curve.auc:.3f}", flush=True
            )


if __name__ == "__main__":
    main()
