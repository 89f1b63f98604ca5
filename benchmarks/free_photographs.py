"""Gather photographs under free licences from packages of Debian, as trainings of decision 024 used them.

Usage: free_photographs.py PACKAGES OUT [TERMS...]

With TERMS, only those under them: `public-domain CC0 CC0-1.0` gives those of decision 025.
`free_photographs.csv` beside this file lists each photograph by its SHA-256, with the package that holds it,
its terms and its split. PACKAGES is a folder with those packages, as `apt-get download` leaves them there;
OUT is made, with the photographs and a manifest.csv. Large ones of `train` are cut without loss into parts of
about 1.4 megapixels, of which every other is left out where there are many: they would be read for a crop
each time. Needs dpkg-deb and jpegtran (Debian's dpkg and libjpeg-turbo-progs).
"""

import csv
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from itertools import product
from pathlib import Path

from PIL import Image

_LIST = Path(__file__).with_suffix(".csv")
_LARGE, _ACROSS, _DOWN, _GRID = 2_000_000, 1400, 1000, 16  # pixels: of a whole, of parts, of what JPEG stores
_MANY = 6  # parts
_UNPACK, _CUT = (shutil.which(tool) or "" for tool in ("dpkg-deb", "jpegtran"))


def found(packages: Path, wanted: set[str]) -> Iterator[tuple[str, Path]]:
    """Yield the digest and the file of each of those photographs; the file is gone at the next."""
    for package in sorted(packages.glob("*.deb")):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([_UNPACK, "-x", package, folder], check=True)
            for path in sorted(Path(folder).rglob("*")):
                if path.suffix.lower() not in (".jpg", ".jpeg") or not path.is_file():
                    continue
                digest = sha256(path.read_bytes()).hexdigest()
                if digest in wanted:
                    wanted.remove(digest)
                    yield digest, path


def parts(path: Path, stem: Path) -> Iterator[Path]:
    """Write the parts of a large photograph, and yield their files."""
    with Image.open(path) as photo:
        width, height = photo.size
    across, down = max(1, round(width / _ACROSS)), max(1, round(height / _DOWN))
    for row, column in product(range(down), range(across)):
        if (row + column) % 2 and across * down > _MANY:
            continue
        left, right, top, bottom = (
            length * place // count // _GRID * _GRID
            for length, count, first in ((width, across, column), (height, down, row))
            for place in (first, first + 1)
        )
        made = stem.with_name(f"{stem.name}-{row}{column}.jpg")
        where = f"{right - left}x{bottom - top}+{left}+{top}"
        subprocess.run([_CUT, "-crop", where, "-outfile", made, path], check=True)
        yield made


def main() -> None:
    packages, out = map(Path, sys.argv[1:3])
    terms = sys.argv[3:]
    if not (_UNPACK and _CUT):
        sys.exit("there is no dpkg-deb or no jpegtran: install dpkg and libjpeg-turbo-progs")
    with _LIST.open(newline="") as lines:
        known = {
            line["sha256"]: line for line in csv.DictReader(lines) if not terms or line["terms"] in terms
        }
    out.mkdir()
    rows = []
    missing = set(known)
    for digest, path in found(packages, missing):
        line = known[digest]
        stem = out / f"{line['package']}-{Path(line['name']).stem}"
        with Image.open(path) as photo:
            large = photo.width * photo.height >= _LARGE and line["split"] == "train"
        made = list(parts(path, stem)) if large else [Path(shutil.copy(path, f"{stem}.jpg"))]
        rows += [("debian", line["split"], 0, "", stem.name, one.name, "", "") for one in made]
    with (out / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["dataset", "split", "label", "kind", "group", "image", "mask", "original"])
        writer.writerows(sorted(rows))
    print(f"{len(rows)} photographs and parts in {out}")
    if missing:
        lacking = sorted({known[digest]["package"] for digest in missing})
        sys.exit(f"{len(missing)} photographs are missing, of {', '.join(lacking)}")


if __name__ == "__main__":
    main()
