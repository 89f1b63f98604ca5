"""Which files a scan reads, and which folder each result goes to."""

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tamperscope.errors import TamperscopeError, UnreadableFile
from tamperscope.io.decode import sniff
from tamperscope.io.paths import display

__all__ = ["Task", "find_photos", "plan_tasks"]

# In folders, a file is taken for a photo by its name or by its content; files named one by one always are.
_SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".apng",
        ".tif",
        ".tiff",
        ".webp",
        ".avif",
        ".heic",
        ".heif",
        ".bmp",
        ".dib",
        ".gif",
    ]
)


@dataclass(frozen=True)
class Task:
    """One file to scan, and the name of its folder under the output folder."""

    path: Path
    folder: str


def find_photos(
    paths: Iterable[str | os.PathLike[str]], *, recursive: bool = False, ignore: Path | None = None
) -> Iterator[Path | TamperscopeError]:
    """Yield the files that the paths, folders and glob patterns name; an error for one that names none.

    ``ignore`` is a folder that is passed over, such as the one that the results go to.
    """
    seen = set()
    for given in paths:
        found = False
        for path in _expand(Path(given), recursive, ignore):
            found = True
            if path not in seen:
                seen.add(path)
                yield path
        if not found:
            deeper = "" if recursive else ", or use --recursive to look into its folders"
            yield UnreadableFile("no photograph found", f"check the name{deeper}", display(given))


def _expand(given: Path, recursive: bool, ignore: Path | None) -> Iterator[Path]:
    if given.is_dir():
        yield from _walk(given, recursive, ignore)
    elif not os.path.lexists(given) and glob.has_magic(str(given)):
        matches = glob.glob(str(given), recursive=True)  # noqa: PTH207  absolute patterns too
        if "**" in given.parts:  # it follows links, also in circles: the shortest way to a file counts
            by_file = {os.path.realpath(match): match for match in sorted(matches, key=len, reverse=True)}
            matches = list(by_file.values())
        for match in sorted(matches):
            if Path(match).is_dir():
                yield from _walk(Path(match), recursive, ignore)
            else:
                yield Path(match)
    else:
        yield given  # also what does not exist: reading it tells why


def _walk(folder: Path, recursive: bool, ignore: Path | None) -> Iterator[Path]:
    """Yield the photos in a folder, sorted; symbolic links to folders are not followed."""
    for root, below, names in os.walk(folder):
        here = Path(root)
        below[:] = sorted(
            name
            for name in below
            if recursive and name[0] != "." and not (ignore and _same(here / name, ignore))
        )
        for name in sorted(names):
            if name[0] != "." and _is_photo(here / name):
                yield here / name


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _is_photo(path: Path) -> bool:
    if path.suffix.lower() in _SUFFIXES:
        return True
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return bool(sniff(file.read(64)))
    except (OSError, TamperscopeError):
        return False


def plan_tasks(paths: list[Path], limit: int) -> list[Task]:
    """Give every path its own folder name: its stem, with the file's digest where stems repeat.

    ``limit`` is the size in bytes above which a file is not read, because scanning it fails anyway.
    """
    stems = [path.stem if path.stem.strip(". ") else "photo" for path in paths]
    repeated = Counter(stem.casefold() for stem in stems)  # some file systems ignore case
    used: Counter[str] = Counter()
    tasks = []
    for path, stem in zip(paths, stems, strict=True):
        name = stem
        if repeated[stem.casefold()] > 1:
            name = f"{stem}-{_short_digest(path, limit)}"
            used[name.casefold()] += 1
            if used[name.casefold()] > 1:  # the same photo under the same name, in another folder
                name = f"{name}-{used[name.casefold()]}"
        tasks.append(Task(path, name))
    return tasks


def _short_digest(path: Path, limit: int) -> str:
    try:
        if not path.is_file() or path.stat().st_size > limit:
            return "unread"
        return hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    except OSError:
        return "unread"
