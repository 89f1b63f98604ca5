"""Photographs forged per second, by recipe; usage: forging.py PHOTOS [COUNT]; see README.md."""

import cProfile
import io
import pstats
import sys
import tempfile
import time
from pathlib import Path

from tamperscope.forge.batch import forge_all
from tamperscope.forge.recipe import PRESETS
from tamperscope.scanning.find import find_photos


def main() -> None:
    photos = [path for path in find_photos([sys.argv[1]], recursive=True) if isinstance(path, Path)]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    print(f"{len(photos)} photographs, {count} forgeries of 512x512 for each recipe")
    for name, recipe in PRESETS.items():
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                forge_all(photos, Path(folder, "out"), count, recipe=recipe, workers=workers)
                print(f"{name}, {workers} workers: {count / (time.perf_counter() - started):.1f} a second")
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as folder:
        profile.runcall(forge_all, photos, Path(folder, "out"), count)
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(8)
    print(text.getvalue())


if __name__ == "__main__":
    main()
