"""How quiet a detector is on parts of pristine camera files, as they are and saved again.

Usage: alarms.py ROOT DETECTOR[,DETECTOR...]

ROOT is a folder with a manifest.csv; the pristine test photographs of `native` in it are cut, without loss,
into parts of about a megapixel: what a whole photo hides among much else, a part of it may be accused for.
Needs jpegtran (Debian's libjpeg-turbo-progs).
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from tamperscope import plugins
from tamperscope.evaluation.perturb import parse_perturbations
from tamperscope.io.decode import decode
from tamperscope.training.data import open_splits
from tamperscope.types import Photo

_SIDE, _GRID = 1024, 16  # pixels of a part, about, and of what JPEG stores together
_TOOL = shutil.which("jpegtran") or sys.exit("there is no jpegtran: install libjpeg-turbo-progs")
_SAVED = parse_perturbations(["jpeg:85"])


def parts(path: Path) -> Iterator[Photo]:
    """Return the parts of a JPEG; each is a file of its own, with the coefficients that it had."""
    photo = decode(path)
    rows, columns = (
        [*(length * place // count // _GRID * _GRID for place in range(count)), length]
        for length in (photo.height, photo.width)
        for count in [max(1, round(length / _SIDE))]
    )
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "part.jpg"
        for (top, bottom), (left, right) in product(pairwise(rows), pairwise(columns)):
            where = f"{right - left}x{bottom - top}+{left}+{top}"
            subprocess.run([_TOOL, "-copy", "none", "-crop", where, "-outfile", made, path], check=True)
            yield decode(made)


def again(photo: Photo) -> Iterator[tuple[str, Photo]]:
    """Return a photo as it is, and saved once more."""
    yield "as it is", photo
    nothing = np.zeros((photo.height, photo.width), bool)
    for saving in _SAVED:
        yield saving.name, decode(saving.apply(photo, nothing, 0)[0])


def main() -> None:
    root, names = Path(sys.argv[1]), sys.argv[2].split(",")
    test = open_splits(str(root / "manifest.csv"), root, 0, ("test",))["test"]
    files = [one.image for one in test.by_source()["native"].of(manipulated=False)]
    for name in names:
        detector = plugins.build("detectors", name)
        card = detector.own_card
        found: dict[str, list[tuple[float, float]]] = {}
        for done, path in enumerate(files):
            if sys.stderr.isatty():
                print(f"\r{name} {done}/{len(files)}", end="", file=sys.stderr)
            for photo in parts(path):
                for how, version in again(photo):
                    said = detector.localize(version)
                    area = float((said.heatmap >= card.threshold).mean())
                    found.setdefault(how, []).append((said.score or 0.0, area))
        for how, values in found.items():
            scores, areas = np.array(values).T
            doubted = (scores >= (card.doubt or card.threshold)) & (scores < card.threshold)
            print(
                f"{name}, {len(values)} parts, {how}: {(scores >= card.threshold).mean():.1%} accused, "
                f"{doubted.mean():.1%} doubted, {areas.mean():.2%} marked"
            )


if __name__ == "__main__":
    main()
