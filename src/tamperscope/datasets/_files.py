"""Looks for photographs and masks in a data set's folders."""

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["by_stem", "find_folder", "group_by_source", "name_below", "numbered", "pictures"]

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
    """Return the first folder that is there: several spellings of one place are in use."""
    return next((root / name for name in names if (root / name).is_dir()), None)


def name_below(root: Path, path: Path) -> str:
    """Return the path below the root, with forward slashes."""
    return path.relative_to(root).as_posix()


def numbered(path: Path) -> str:
    """Return the first number in a file's name; its stem if there is none."""
    found = re.search(r"\d+", path.stem)
    return found[0] if found else path.stem


def group_by_source(members: Iterable[tuple[str, Iterable[str]]]) -> dict[str, str]:
    """Return each member's group: members that share a source, or are linked by others that do, are in one.

    >>> group_by_source([("a", ["x"]), ("b", ["x", "y"]), ("c", ["y"]), ("d", ["z"])])
    {'a': 'x', 'b': 'x', 'c': 'x', 'd': 'z'}
    """
    parent: dict[str, str] = {}

    def root(source: str) -> str:
        while parent.setdefault(source, source) != source:
            parent[source] = parent[parent[source]]
            source = parent[source]
        return source

    known = [(name, list(sources)) for name, sources in members]
    for _, sources in known:
        for source in sources[1:]:
            first, second = sorted((root(sources[0]), root(source)))
            parent[second] = first
    return {name: root(sources[0]) for name, sources in known}
