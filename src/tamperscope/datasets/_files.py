"""Looks for photographs and masks in a data set's folders."""

import re
from collections.abc import Sequence
from pathlib import Path

from tamperscope.io.paths import display

__all__ = ["by_stem", "find_folder", "name_below", "numbered", "pictures"]

_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"}


def pictures(folder: Path, *, recursive: bool = False) -> list[Path]:
    """Return the picture files in a folder by their suffix, sorted; hidden ones are left out."""
    found = folder.rglob("*") if recursive else folder.glob("*")
    return sorted(
        path for path in found if path.suffix.lower() in _SUFFIXES and path.name[0] != "." and path.is_file()
    )


def by_stem(folder: Path, ending: str = "", *, recursive: bool = False) -> dict[str, Path]:
    """Return the pictures by their name without suffix and without ``ending``, in lower case.

    Files that do not end so are left out.
    """
    return {
        path.stem.lower().removesuffix(ending): path
        for path in pictures(folder, recursive=recursive)
        if path.stem.lower().endswith(ending)
    }


def find_folder(root: Path, *names: str) -> Path | None:
    """Return the first folder that is there, in upper or lower case: several spellings are in use."""
    return next((found for name in names if (found := _below(root, Path(name).parts))), None)


def _below(folder: Path, names: Sequence[str]) -> Path | None:
    for name in names:
        alike = [path for path in folder.glob("*") if path.name.lower() == name.lower() and path.is_dir()]
        if not alike:
            return None
        folder = min(alike)
    return folder


def name_below(root: Path, path: Path) -> str:
    """Return the path below the root, with forward slashes, as valid text."""
    return display(path.relative_to(root).as_posix())


def numbered(path: Path) -> str:
    """Return the first number in a file's name; its stem if there is none."""
    found = re.search(r"\d+", path.stem)
    return found[0] if found else path.stem
