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
from tamperscope.report.json import detection
from tamperscope.training.data import open_splits
from tamperscope.types import Photo

_SIDE, _GRID = 1024, 16  # pixels of a part, about, and of what JPEG stores together
(_SAVING,) = parse_perturbations(["jpeg:85"])


def parts(path: Path, tool: str) -> Iterator[Photo]:
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
            subprocess.run([tool, "-copy", "none", "-crop", where, "-outfile", made, path], check=True)
            yield decode(made)


def again(photo: Photo) -> Photo:
    """Return a photo saved once more."""
    nothing = np.zeros((photo.height, photo.width), bool)
    return decode(_SAVING.apply(photo, nothing, 0)[0])


def main() -> None:
    tool = shutil.which("jpegtran")
    if tool is None:
        sys.exit("there is no jpegtran: install libjpeg-turbo-progs")
    root, names = Path(sys.argv[1]), sys.argv[2].split(",")
    test = open_splits(str(root / "manifest.csv"), root, 0, ("test",))["test"]
    files = [one.image for one in test.by_source()["native"].of(manipulated=False)]
    for name in names:
        detector = plugins.build("detectors", name)
        card = detector.own_card
        found: dict[str, list[tuple[str, float]]] = {"as it is": [], _SAVING.name: []}
        for done, path in enumerate(files):
            if sys.stderr.isatty():
                print(f"\r{name} {done}/{len(files)}", end="", file=sys.stderr)
            for photo in parts(path, tool):
                for told, version in zip(found.values(), (photo, again(photo)), strict=True):
                    said = detector.localize(version)
                    verdict = detection(said, card.threshold, (), card.doubt)["verdict"]
                    told.append((verdict, float(said.mask(card.threshold).mean())))
        for how, told in found.items():
            verdicts, areas = zip(*told, strict=True)
            accused, doubted = (verdicts.count(one) / len(told) for one in ("manipulated", "cannot tell"))
            print(
                f"{name}, {len(told)} parts, {how}: {accused:.1%} accused, {doubted:.1%} doubted, "
                f"{np.mean(areas):.2%} marked"
            )


if __name__ == "__main__":
    main()
