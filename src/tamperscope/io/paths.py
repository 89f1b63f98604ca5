"""File names as people and JSON can read them, and files that are whole or not there."""

import errno
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tamperscope.errors import OutputError

__all__ = [
    "EVIDENCE",
    "JUDGED",
    "OWNER",
    "PICTURES",
    "RECORD",
    "alone",
    "clipped",
    "display",
    "few",
    "hold",
    "make_folder",
    "one_line",
    "remove",
    "unwritable",
    "write_whole",
]

_LOCKLESS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)  # some file systems have no locks
_NOTES = 20  # of a photo, at most
RECORD = "result.json"  # of one photo
OWNER = ".owner"  # whose folder it is while the record is not there
EVIDENCE = "evidence.png"  # all overlays on one sheet
JUDGED = ".judged.png"  # of detectors that cannot judge all of the photo
PICTURES = (".heatmap.png", ".mask.png", ".overlay.png", ".heatmap.npy", JUDGED)  # behind the detector's name

# Control characters, and those that reorder or hide text: a name must not forge a line of output.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def display(path: str | os.PathLike[str]) -> str:
    r"""Return the path as valid text on one line; other bytes are written as escapes.

    >>> display("a\nb.jpg")
    'a\\nb.jpg'
    """
    return one_line(os.fsencode(path).decode("utf-8", "backslashreplace"))


def one_line(text: str) -> str:
    r"""Return text that is no path with what would forge or hide a line written as escapes.

    >>> one_line("a\nb")
    'a\\nb'
    """
    return _UNSAFE.sub(lambda match: _escaped(match[0]), text)


def _escaped(letter: str) -> str:
    r"""Return what stands for a letter: "\x80" and on stand for bytes that are no letters."""
    return f"\\u{ord(letter):04x}" if letter >= "\x80" else letter.encode("unicode_escape").decode()


def clipped(text: str, most: int) -> str:
    """Return at most so many letters of a text.

    >>> clipped("a long text", 7)
    'a long…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or the next run after a crash, sees all of it or nothing.

    Raises:
        OutputError: the folder cannot be made or written, or the disk is full.

    """
    draft = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        Path(draft).chmod(0o666 & ~umask)  # mkstemp's 0600 would hide results from their owner's group
        Path(draft).replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        if draft:
            Path(draft).unlink(missing_ok=True)


def few(notes: Iterable[str]) -> tuple[str, ...]:
    """Return each once, and not as many as a damaged file can bring about."""
    found = list(dict.fromkeys(notes))
    left = len(found) - _NOTES
    return (*found[:_NOTES], *([f"and {left} more like these"] if left > 0 else []))


@contextmanager
def hold(out: Path, work: str) -> Iterator[None]:
    """Keep other processes from the same work into the same folder; the system lets go if this one dies.

    Raises:
        OutputError: another one is at it, or the folder cannot be written.

    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    lock = out / ".lock"
    try:
        out.mkdir(parents=True, exist_ok=True)
        # A file of that name may be somebody else's: it is neither emptied nor, unless empty, removed.
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise unwritable(lock, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = False
        except OSError as error:
            taken = error.errno not in _LOCKLESS
        if taken or not _still(descriptor, lock):
            raise OutputError(f"another {work} writes to it now", "wait for it", display(out))
        try:
            yield
        finally:
            if not os.fstat(descriptor).st_size:
                lock.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _still(descriptor: int, lock: Path) -> bool:
    """Tell whether a file that was opened lies there still: another process may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), lock.stat())
    except OSError:
        return False


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process writes to a folder; the system lets go if this one dies."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except (ImportError, OSError):  # Windows has no such lock; that there is no folder, writing will tell
        yield
        return
    try:
        with suppress(OSError):  # some file systems have none either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def make_folder(parent: Path) -> str:
    """Make a folder of a new name, readable to those whom the parent admits.

    Raises:
        OutputError: it cannot be made.

    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        name = tempfile.mkdtemp(prefix=".", suffix=".part", dir=parent)
        Path(name).chmod(parent.stat().st_mode & 0o777)
    except OSError as error:
        raise unwritable(parent, error) from error
    return name


def remove(path: Path) -> None:
    """Remove a file of ours, if it is there.

    Raises:
        OutputError: it cannot be removed.

    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: str | os.PathLike[str], error: OSError) -> OutputError:
    """Return what to tell of a file or folder that could not be written."""
    remedies = {
        errno.EISDIR: "a folder has that name: give that of a file",
        errno.EEXIST: "a file has that name: give that of a folder",
        errno.ENOTDIR: "a file is where a folder should be: give another place",
        errno.EACCES: "allow it, or give another place",
        errno.EROFS: "give another place",
        errno.ENAMETOOLONG: "give a shorter name",
    }
    return OutputError(
        f"cannot be written ({error.strerror or error})",
        remedies.get(error.errno or 0, "free space, or give another place"),
        display(path),
    )
