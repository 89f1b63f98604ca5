"""The command line as a user meets it: wall time, peak memory, and what a second worker brings."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tamperscope.demo import make


def measure(*arguments: str) -> tuple[float, int]:
    """Return seconds and the peak resident MiB of the largest process so far."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "tamperscope", "scan", *arguments], check=True, stdout=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - started
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


def many(folder: Path, forged: Path) -> Path:
    """Make 330 different JPEG files of 384x256."""
    source = np.asarray(Image.open(forged))
    rng = np.random.default_rng(0)
    for index in range(330):
        x, y = rng.integers(0, source.shape[1] - 384), rng.integers(0, source.shape[0] - 256)
        cv2.imwrite(str(folder / f"{index:03}.jpg"), source[y : y + 256, x : x + 384])
    return folder


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        forged, _ = make(folder)
        large = folder / "12mp.jpg"
        tiles = np.tile(np.asarray(Image.open(forged)), (8, 7, 1))[:3000, :4000]
        cv2.imwrite(str(large), tiles, [cv2.IMWRITE_JPEG_QUALITY, 92])
        for label, options in (("", []), (", pictures written", ["--out", f"{name}/out"])):
            seconds, memory = measure(str(large), *options)
            print(f"12 MP JPEG{label}: {seconds:.2f} s, {memory} MiB")
        (folder / "many").mkdir()
        photos = sys.argv[1] if len(sys.argv) > 1 else str(many(folder / "many", forged))
        one, two = (min(measure("-r", photos, "--workers", w)[0] for _ in range(3)) for w in ("1", "2"))
        print(f"{photos}: {one:.2f} s with one worker, {two:.2f} s with two: {one / two:.2f} times the speed")


if __name__ == "__main__":
    main()
