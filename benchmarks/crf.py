"""The CRF's time at 1 and 12 megapixels, and beside pydensecrf where both work on the same pixels.

python benchmarks/crf.py
"""

import sys
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import tamperscope  # noqa: E402
from photos import encode, scene  # noqa: E402
from tamperscope.refine.crf import Crf  # noqa: E402
from tamperscope.types import Localization  # noqa: E402

_SIZES = {"0.1 MP": (312, 420), "1 MP": (1000, 1000), "12 MP": (3000, 4000)}
_ROUNDS = 3


def heat(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return a hot place and noise."""
    rows, columns = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    noise = cv2.resize(np.random.default_rng(0).random((60, 80)), shape[::-1])
    return np.asarray(0.8 * np.exp(-5 * (rows**2 + columns**2)) + 0.2 * noise, np.float32)


def peer(crf: Crf, pixels: NDArray[np.uint8], odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities that pydensecrf gives."""
    from pydensecrf.densecrf import DenseCRF2D

    height, width = odds.shape
    model = DenseCRF2D(width, height, 2)
    model.setUnaryEnergy(np.stack([np.zeros(odds.size), -odds.ravel()]).astype(np.float32))
    model.addPairwiseGaussian(sxy=crf.width, compat=crf.smoothness)
    model.addPairwiseBilateral(sxy=crf.near, srgb=crf.alike, rgbim=pixels, compat=crf.appearance)
    return np.asarray(np.array(model.inference(crf.iterations))[1].reshape(odds.shape), np.float32)


def main() -> None:
    crf = Crf()
    for label, shape in _SIZES.items():
        pixels = np.ascontiguousarray(cv2.resize(scene(), shape[::-1], interpolation=cv2.INTER_CUBIC))
        photo, found = tamperscope.load(encode(pixels)), Localization(heat(shape), None)
        times = []
        for _ in range(_ROUNDS):
            started = time.perf_counter()
            refined = crf.refine(photo, found, 0.5).heatmap
            times.append(time.perf_counter() - started)
        line = f"{label}: {min(times):.2f} s"
        if pixels[..., 0].size <= crf.size:
            try:
                odds = np.asarray(logit(np.clip(found.heatmap, 1e-3, 1 - 1e-3)), np.float32)
                started = time.perf_counter()
                theirs = peer(crf, pixels, odds)
            except ImportError:
                line += ", pydensecrf is not installed"
            else:
                seconds = time.perf_counter() - started
                gap = float(np.abs(refined - theirs).mean())
                line += f", {seconds / min(times):.1f} times as fast as pydensecrf, mean difference {gap:.4f}"
        print(line)


if __name__ == "__main__":
    main()
