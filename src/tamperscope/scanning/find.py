"""Which files a scan reads."""

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from tamperscope.errors import TamperscopeError, UnreadableFile
from tamperscope.io.decode import sniff
from tamperscope.io.paths import EVIDENCE, OWNER, PICTURES, RECORD, display, one_line

__all__ = ["SUFFIXES", "Task", "find_photos", "plan_tasks"]

# In folders, a file is taken for a photo by its name or by its content; files named one by one are, whatever
# they are called, but for what a scan wrote.
SUFFIXES = frozenset(
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
        # What is not read is said to be so, rather than passed over.
        ".psd",
        ".psb",
        ".jp2",
        ".j2k",
        ".jxl",
        ".dng",
        ".cr2",
        ".cr3",
        ".nef",
        ".arw",
        ".raf",
        ".orf",
        ".rw2",
    ]
)


@dataclass(frozen=True)
class Task:
    """One file to scan; ``ambiguous`` if another file of the scan has the same stem.

    In the record it is called what it was ``called`` by whoever sent it, or by its path.
    """

    path: Path
    ambiguous: bool = False
    called: str = ""

    @property
    def name(self) -> str:
        """The photo's name for people, on one line."""
        return one_line(self.called) if self.called else display(self.path)


def find_photos(
    paths: Iterable[str | os.PathLike[str]],
    *,
    recursive: bool = False,
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[Path | TamperscopeError]:
    """Yield the files that the paths, folders and glob patterns name; an error for one that names none.

    Pictures that a scan wrote are passed over; so are hidden photos and folders, and links to folders. Of all
    these ``note`` is told.
    """
    seen = set()
    for path_or_uri in paths:
        given = _given(os.fspath(path_or_uri))
        if isinstance(given, TamperscopeError):
            yield given
            continue
        found, written = False, 0
        for path in _expand(given, recursive, note):
            if isinstance(path, TamperscopeError):
                found = True
                yield path
            elif _is_output(path):
                written += 1
            else:
                found = True
                if path not in seen:
                    seen.add(path)
                    yield path
        if not found:
            yield _nothing(given, written, recursive)
        elif written:
            note(f"{display(given)}: {written} picture{'s' * (written > 1)} of a scan passed over")


def _given(text: str) -> Path | TamperscopeError:
    """Return the path that is meant, or why none can be."""
    if text.startswith("file://"):  # as tables of scans with --engine call photos
        text = os.fsdecode(unquote_to_bytes(urlsplit(text).path))
    if not text:  # Path("") would be the current folder
        return UnreadableFile("an empty path", "check the variable that it came from")
    if "://" in text and not _exists(Path(text)):  # a Path would lose one of the strokes
        return UnreadableFile("an address, no file", "fetch it first, or scan with --engine", display(text))
    return Path(text)


def _nothing(given: Path, written: int, recursive: bool) -> TamperscopeError:
    """Return why a path names nothing to scan, but so many pictures that a scan has written."""
    if written:
        return UnreadableFile(
            "nothing but what a scan wrote", "copy it elsewhere to have it scanned", display(given)
        )
    deeper = "" if recursive else ", or use --recursive to look into its folders"
    return UnreadableFile("no photograph found", f"check the name{deeper}", display(given))


def _expand(given: Path, recursive: bool, note: Callable[[str], None]) -> Iterator[Path | TamperscopeError]:
    if _is_folder(given):
        yield from _walk(given, recursive, note)
    elif not _exists(given) and glob.has_magic(str(given)):
        matches = glob.glob(str(given), recursive=True)  # noqa: PTH207  absolute patterns too
        if "**" in given.parts:  # it follows links, also in circles: the shortest way to a file counts
            by_file = {os.path.realpath(match): match for match in sorted(matches, key=len, reverse=True)}
            matches = [match for match in by_file.values() if not _is_folder(Path(match))]
        for match in sorted(matches):
            if _is_folder(Path(match)):
                yield from _walk(Path(match), recursive, note)
            else:
                yield Path(match)
    else:
        yield given  # also what does not exist or may not be seen: reading it tells why


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name too long, a parent that may not be entered
        return False


def _exists(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except (OSError, ValueError):
        return False


def _walk(folder: Path, recursive: bool, note: Callable[[str], None]) -> Iterator[Path | TamperscopeError]:
    """Yield the photos in a folder, sorted; symbolic links to folders are not followed."""
    unread: list[OSError] = []
    passed = Counter[str]()
    for root, below, names in os.walk(folder, onerror=unread.append):
        here = Path(root)
        if recursive:
            passed["hidden"] += sum(name[0] == "." for name in below)
            passed["linked"] += sum(name[0] != "." and (here / name).is_symlink() for name in below)
        below[:] = sorted(name for name in below if recursive and name[0] != ".")
        for name in sorted(names):
            if _is_photo(here / name):
                if name[0] == ".":
                    passed["hidden"] += 1
                else:
                    yield here / name
    if any(passed.values()):
        note(
            f"{display(folder)}: {passed['hidden']} hidden photos or folders and {passed['linked']} links to "
            "folders were passed over; name them to have them scanned"
        )
    for error in unread:
        yield UnreadableFile(
            f"the folder cannot be read ({error.strerror})",
            "ask for the right to read it",
            display(error.filename or folder),
        )


def _is_output(path: Path) -> bool:
    """Tell whether a file is a picture that a scan wrote."""
    ours = path.name.endswith((*PICTURES, EVIDENCE))
    return ours and any((path.parent / name).is_file() for name in (RECORD, OWNER))


def _is_photo(path: Path) -> bool:
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return bool(sniff(file.read(64)))
    except (OSError, TamperscopeError):
        return False


def plan_tasks(paths: list[Path]) -> list[Task]:
    """Mark the files whose stems repeat; some file systems do not tell upper from lower case."""
    repeated = Counter(path.stem.casefold() for path in paths)
    return [Task(path, repeated[path.stem.casefold()] > 1) for path in paths]
