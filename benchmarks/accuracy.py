"""Mean pixel AUC of our classical detectors beside pyIFD's on the same files; see README.md.

Usage: accuracy.py ROOT [DATASET [SPLIT]] [DETECTOR...]
"""

import os
import sys
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import tamperscope
from tamperscope.datasets import Dataset, open_dataset, select
from tamperscope.errors import MissingEvidence
from tamperscope.metrics._base import mean
from tamperscope.metrics._ranking import Ranking
from tamperscope.types import Sample

PEERS = {"dct": "DCT", "adjpeg": "ADQ2", "nadjpeg": "NADQ", "ela": "ELA", "blk": "BLK", "noi": "NOI1"}


def peer(name: str, path: Path) -> NDArray[Any]:
    """Return pyIFD's map for the same paper."""
    warnings.simplefilter("ignore")
    from pyIFD.ADQ2 import getJmap
    from pyIFD.BLK import GetBlockGrid
    from pyIFD.DCT import DCT
    from pyIFD.ELA import ELA
    from pyIFD.NADQ import NADQ
    from pyIFD.NOI1 import GetNoiseMap

    function = {
        "dct": DCT,
        "adjpeg": lambda file: getJmap(file)[0],
        "nadjpeg": NADQ,
        "ela": ELA,
        "blk": lambda file: GetBlockGrid(file)[0],
        "noi": GetNoiseMap,
    }[name]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # it writes a file of a fixed name
        found = np.asarray(function(str(path)), np.float32)
        os.chdir("/")
    return found


def judge(sample: Sample, dataset: Dataset, name: str) -> tuple[float, float]:
    """Return our area and the peer's; NaN where one of them cannot be had."""
    photo = tamperscope.load(sample.image)
    truth = dataset.mask(sample, (photo.height, photo.width))
    try:
        ours = tamperscope.detector(name).localize(photo).heatmap
    except MissingEvidence:
        return np.nan, np.nan
    theirs = cv2.resize(peer(name, sample.image), ours.shape[::-1], interpolation=cv2.INTER_NEAREST)
    theirs = cv2.normalize(theirs, None, 0, 1, cv2.NORM_MINMAX)  # a ranking needs [0, 1]; AUC does not change
    curves = [Ranking.of(heatmap, truth).curve for heatmap in (ours, theirs)]
    return tuple(np.nan if curve is None else curve.auc for curve in curves)  # type: ignore[return-value]


def main() -> None:
    given = [word for word in sys.argv[1:] if word not in PEERS]
    chosen = [word for word in sys.argv[1:] if word in PEERS] or list(PEERS)
    root, name, split = Path(given[0]).resolve(), *given[1:], *("casia1", "test")[len(given) - 1 :]
    dataset = open_dataset(name, root)
    samples = [sample for sample in select(dataset.samples(), split) if sample.manipulated]
    rng = np.random.default_rng(0)
    with ProcessPoolExecutor(2) as pool:
        for detector in chosen:
            task = partial(judge, dataset=dataset, name=detector)
            found = np.array(list(pool.map(task, samples, chunksize=8)))
            found = found[~np.isnan(found).any(axis=1)]
            if not len(found):
                print(f"{name} {split}, {detector}: not applicable")
                continue
            weights = rng.multinomial(len(found), np.full(len(found), 1 / len(found)), 2000).astype(float)
            gaps = np.quantile(mean(found[:, 0] - found[:, 1], weights), [0.025, 0.975])
            ours, theirs = found.mean(axis=0)
            print(
                f"{name} {split}, n {len(found)}: {detector} {ours:.4f}, "
                f"pyIFD {PEERS[detector]} {theirs:.4f}, "
                f"difference [{gaps[0]:.3f}, {gaps[1]:.3f}]",
                flush=True,
            )


if __name__ == "__main__":
    main()
