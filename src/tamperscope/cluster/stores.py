"""A file system as a collection sees it, and the one of this machine."""

import os
import posixpath
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pyarrow import fs

from tamperscope.errors import UnreadableFile
from tamperscope.io.decode import read_file
from tamperscope.io.paths import clipped, display, remove, write_whole

__all__ = ["Found", "Local", "Store", "patiently", "reason", "unreadable"]

_TRIES = 3

_T = TypeVar("_T")


@dataclass(frozen=True)
class Found:
    """What a folder holds: a file with what tells whether it changed, if known, or a folder."""

    path: str
    folder: bool
    identity: str | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


class Store(ABC):
    """A file system. Paths are absolute, with slashes."""

    arrow: Any  # the same as a file system of pyarrow, which reads Parquet from it

    @abstractmethod
    def uri(self, path: str) -> str:
        """Return the name by which `locate` finds the file again."""

    def beside(self, folder: str, name: str) -> str:
        """Return the path of what a table in a folder calls by that name.

        Raises:
            InvalidParameter: it would lie above the store.

        """
        return posixpath.normpath(f"{folder}/{name}")

    @abstractmethod
    def look(self, path: str) -> Found | None:
        """Return what lies there, if anything does.

        Raises:
            UnreadableFile: it may not be looked at.

        """

    @abstractmethod
    def inside(self, folder: str) -> Iterator[Found]:
        """Yield what a folder holds, in no order; links to folders are not followed.

        Raises:
            UnreadableFile: it cannot be listed.

        """

    @abstractmethod
    def read(self, path: str, limit: int) -> tuple[bytes, str | None]:
        """Return a file's bytes and its identity.

        Raises:
            UnreadableFile: it cannot be read, or changed meanwhile. TooLarge: it has more bytes than that.

        """

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """Open a file to be read piece by piece.

        Raises:
            UnreadableFile: it cannot be read.

        """

    @abstractmethod
    def write(self, path: str, content: bytes) -> None:
        """Write a file that is whole or not there.

        Raises:
            OutputError: it cannot be written.

        """

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file of ours, if it is there.

        Raises:
            OutputError: it cannot be removed.

        """


class Local(Store):
    """The files of this machine, and what is mounted there."""

    def __init__(self) -> None:
        self.arrow = fs.LocalFileSystem()

    def uri(self, path: str) -> str:
        """Return the name by which `locate` finds the file again."""
        return Path(path).as_uri()

    def look(self, path: str) -> Found | None:
        """Return what lies there, if anything does."""
        try:
            return _found(path, Path(path).stat())
        except (FileNotFoundError, NotADirectoryError):
            # A broken link is there as well: reading it will tell.
            return Found(path, folder=False) if os.path.lexists(path) else None
        except (OSError, ValueError) as error:
            raise unreadable(error, path) from error

    def inside(self, folder: str) -> Iterator[Found]:
        """Yield what a folder holds."""
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    yield _scanned(entry)
        except OSError as error:
            raise unreadable(error, folder) from error

    def read(self, path: str, limit: int) -> tuple[bytes, str | None]:
        """Return a file's bytes and its identity."""
        found = self.look(path)  # before it is read: what changes later is found to be changed
        return read_file(Path(path), limit), found.identity if found else None

    def open(self, path: str) -> BinaryIO:
        """Open a file to be read piece by piece."""
        try:
            return Path(path).open("rb")
        except OSError as error:
            raise unreadable(error, path) from error

    def write(self, path: str, content: bytes) -> None:
        """Write a file that is whole or not there."""
        write_whole(Path(path), content)

    def remove(self, path: str) -> None:
        """Remove a file of ours, if it is there."""
        remove(Path(path))


def _scanned(entry: "os.DirEntry[str]") -> Found:
    path = Path(entry.path).as_posix()
    if entry.is_dir(follow_symlinks=False):
        return Found(path, folder=True)
    try:
        found = entry.stat()
    except OSError:
        return Found(path, folder=False)
    return Found(path, folder=False) if stat.S_ISDIR(found.st_mode) else _found(path, found)


def _found(path: str, status: os.stat_result) -> Found:
    if stat.S_ISDIR(status.st_mode):
        return Found(path, folder=True)
    return Found(path, folder=False, identity=f"{status.st_size}@{status.st_mtime_ns}")


def unreadable(error: Exception, source: str) -> UnreadableFile:
    """Return what to say of a file or folder that a file system does not give."""
    if isinstance(error, FileNotFoundError):
        return UnreadableFile("no such file", "check the name", display(source))
    if isinstance(error, PermissionError):
        return UnreadableFile("permission denied", "ask for the right to read it", display(source))
    return UnreadableFile(
        f"cannot be read ({reason(error)})", "check the name, the rights, and the way there", display(source)
    )


def reason(error: Exception) -> str:
    """Return what an error says, on one line."""
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return clipped(display(told or type(error).__name__), 300)


def patiently(action: Callable[[], _T], passing: type[Exception]) -> _T:
    """Return what an action gives, tried again if need be: a run of days must outlive a moment of no network.

    Raises:
        Exception: of the kind that may be ``passing``, once it was met too often; others at once.

    """
    for attempt in range(_TRIES - 1):
        try:
            return action()
        except passing:
            time.sleep(4**attempt)
    return action()
