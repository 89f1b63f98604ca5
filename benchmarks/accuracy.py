"""Mean pixel AUC of the classical detectors on a folder in the layout of the shared data; see README.md.

Stands in until `tamperscope evaluate` exists. Usage: accuracy.py ROOT [DATASET [SPLIT]] [--peers]
"""

import csv
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

import tamperscope
from tamperscope.errors import MissingEvidence

Row = dict[str, str]


def ours(name: str, path: Path) -> tuple[NDArray[Any], float, bool]:
    """Return heatmap, share of the photo marked, and whether it is accused."""
    detector = tamperscope.detector(name)
    found = detector.localize(tamperscope.load(path))
    threshold = detector.card.threshold
    return found.heatmap, float(found.mask(threshold).mean()), (found.score or 0) >= threshold


def peer(name: str, path: Path) -> tuple[NDArray[Any], float, bool]:
    """Return pyIFD's map for the same paper, enlarged to the photo's size."""
    warnings.simplefilter("ignore")
    from pyIFD.ADQ2 import getJmap
    from pyIFD.ELA import ELA
    from pyIFD.NOI1 import GetNoiseMap

    function = {"adjpeg": lambda file: getJmap(file)[0], "ela": ELA, "noi": GetNoiseMap}[name]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # it writes a file of a fixed name
        found = function(str(path))
        os.chdir("/")
    size = Image.open(path).size
    return cv2.resize(np.asarray(found, np.float32), size, interpolation=cv2.INTER_NEAREST), np.nan, False


def judge(
    localize: Callable[[Path], tuple[NDArray[Any], float, bool]], root: Path, row: Row
) -> tuple[float | None, float, bool] | None:
    """Return AUC (None for a pristine photo), marked share, accused; None if not applicable."""
    try:
        heatmap, marked, accused = localize(root / row["image"])
    except MissingEvidence:
        return None
    if row["label"] == "0":
        return None, marked, accused
    mask = np.asarray(Image.open(root / row["mask"]).convert("L")) > 127
    return float(roc_auc_score(mask.ravel(), heatmap.ravel())), marked, accused


def report(label: str, results: list[Any]) -> None:
    judged = [result for result in results if result]
    line = f"{label}: n {len(judged)}, not applicable {len(results) - len(judged)}"
    areas = np.array([auc for auc, _, _ in judged if auc is not None])
    if areas.size:
        rng = np.random.default_rng(0)
        means = rng.choice(areas, (2000, areas.size)).mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        line += f", mean pixel AUC {areas.mean():.4f} [{low:.3f}, {high:.3f}]"
    if judged:
        line += f", marked area {np.mean([area for _, area, _ in judged]):.4f}"
        line += f", accused {np.mean([accused for _, _, accused in judged]):.3f}"
    print(line, flush=True)


def main() -> None:
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    root, dataset, split = Path(words[0]).resolve(), *(words[1:] + ["casia1", "test"][len(words) - 1 :])
    with (root / "manifest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if (row["dataset"], row["split"]) == (dataset, split)]
    sources = {"ours": ours, **({"pyIFD": peer} if "--peers" in sys.argv else {})}
    groups = sorted({(row["label"], row["kind"]) for row in rows} | {("1", "")})
    with ProcessPoolExecutor(2) as pool:
        for name in ("adjpeg", "ela", "noi"):
            for whose, function in sources.items():
                task = partial(judge, partial(function, name), root)
                results = list(pool.map(task, rows, chunksize=8))
                for label, kind in groups:
                    chosen = [
                        result
                        for row, result in zip(rows, results, strict=True)
                        if row["label"] == label and kind in ("", row["kind"])
                    ]
                    if chosen and (whose == "ours" or label == "1"):
                        title = "pristine" if label == "0" else kind or "all manipulated"
                        report(f"{dataset} {split}, {name} ({whose}), {title}", chosen)


if __name__ == "__main__":
    main()
