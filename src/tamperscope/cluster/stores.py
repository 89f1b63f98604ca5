"""The file systems that collections lie on: local folders, object stores, and whatever fsspec knows.

A store knows its files by paths with slashes. A URI names store and path: local files as ``file://`` with
percent escapes, so that any name can be told; all others as ``scheme://bucket/key``, the key as it is.
"""

import os
import re
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import unquote_to_bytes

import pyarrow as pa
from pyarrow import fs

from tamperscope.errors import InvalidParameter, OutputError, TamperscopeError, UnreadableFile
from tamperscope.io.decode import changed, read_file, too_many_bytes
from tamperscope.io.paths import clipped, display, remove, write_whole

__all__ = ["Found", "Store", "locate"]

_OBJECT_STORES = frozenset(["s3", "gs", "gcs", "abfs", "abfss"])  # pyarrow's own; fsspec has the others
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]+")
_TRIES = 3  # to write to a remote store: a run of days must outlive a moment of no network


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
        return Path(path).as_uri()

    def look(self, path: str) -> Found | None:
        try:
            return _found(path, Path(path).stat())
        except (FileNotFoundError, NotADirectoryError):
            # A broken link is there as well: reading it will tell.
            return Found(path, folder=False) if os.path.lexists(path) else None
        except (OSError, ValueError) as error:
            raise _unreadable(error, path) from error

    def inside(self, folder: str) -> Iterator[Found]:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    yield _scanned(entry)
        except OSError as error:
            raise _unreadable(error, folder) from error

    def read(self, path: str, limit: int) -> tuple[bytes, str | None]:
        found = self.look(path)  # before it is read: what changes later is found to be changed
        return read_file(Path(path), limit), found.identity if found else None

    def open(self, path: str) -> BinaryIO:
        try:
            return Path(path).open("rb")
        except OSError as error:
            raise _unreadable(error, path) from error

    def write(self, path: str, content: bytes) -> None:
        write_whole(Path(path), content)

    def remove(self, path: str) -> None:
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


class Remote(Store):
    """Files beyond this machine, whose URIs are a prefix and their paths."""

    def __init__(self, prefix: str, base: str) -> None:
        self.prefix, self.base = prefix, base.rstrip("/")

    def uri(self, path: str) -> str:
        return self.prefix + path[len(self.base) :]

    def look(self, path: str) -> Found | None:
        with self._reading(path):
            return self._look(path)

    def inside(self, folder: str) -> Iterator[Found]:
        with self._reading(folder):
            yield from self._list(folder)

    def read(self, path: str, limit: int) -> tuple[bytes, str | None]:
        with self._reading(path):
            found, size = self._measure(path)
            if size > limit:
                raise too_many_bytes(size, limit)
            with self.open(path) as file:
                data = file.read(size + 1)
        if len(data) != size:
            raise changed()
        return data, found

    def open(self, path: str) -> BinaryIO:
        with self._reading(path):
            return self._open(path)

    def write(self, path: str, content: bytes) -> None:
        for attempt in range(_TRIES):
            try:
                return self._write(path, content)
            except Exception as error:  # each file system has errors of its own
                if attempt == _TRIES - 1:
                    raise OutputError(
                        f"cannot be written ({_reason(error)})",
                        "check the rights, the space and the network",
                        display(self.uri(path)),
                    ) from error
                time.sleep(4**attempt)
        return None

    def remove(self, path: str) -> None:
        try:
            with suppress(FileNotFoundError):
                self._remove(path)
        except Exception as error:
            raise OutputError(
                f"cannot be removed ({_reason(error)})", "check the rights", display(self.uri(path))
            ) from error

    @contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        try:
            yield
        except TamperscopeError:
            raise
        except Exception as error:  # as above
            raise _unreadable(error, self.uri(path)) from error

    @abstractmethod
    def _look(self, path: str) -> Found | None: ...

    @abstractmethod
    def _list(self, folder: str) -> Iterator[Found]: ...

    @abstractmethod
    def _measure(self, path: str) -> tuple[str, int]:
        """Return a file's identity and size."""

    @abstractmethod
    def _open(self, path: str) -> BinaryIO: ...

    @abstractmethod
    def _write(self, path: str, content: bytes) -> None: ...

    @abstractmethod
    def _remove(self, path: str) -> None: ...


class Objects(Remote):
    """An object store that pyarrow knows; what is put there appears at once and whole."""

    def __init__(self, prefix: str, base: str, arrow: Any) -> None:
        super().__init__(prefix, base)
        self.arrow = arrow

    def _look(self, path: str) -> Found | None:
        info = self.arrow.get_file_info(path)
        return None if info.type == fs.FileType.NotFound else _described(info)

    def _list(self, folder: str) -> Iterator[Found]:
        return map(_described, self.arrow.get_file_info(fs.FileSelector(folder)))

    def _measure(self, path: str) -> tuple[str, int]:
        info = self.arrow.get_file_info(path)
        if info.type != fs.FileType.File:
            raise FileNotFoundError(path)
        return _mark(info), info.size

    def _open(self, path: str) -> BinaryIO:
        return cast(BinaryIO, self.arrow.open_input_file(path))

    def _write(self, path: str, content: bytes) -> None:
        with self.arrow.open_output_stream(path) as file:
            file.write(content)

    def _remove(self, path: str) -> None:
        self.arrow.delete_file(path)


def _described(info: Any) -> Found:
    folder = info.type == fs.FileType.Directory
    return Found(info.path, folder, None if folder else _mark(info))


def _mark(info: Any) -> str:
    """Return the identity of an object: lists and single answers differ in fractions of its second."""
    return f"{info.size}@{int(info.mtime.timestamp()) if info.mtime else ''}"


class Foreign(Remote):
    """Whatever fsspec knows; a file is written beside its place and moved there, if moving is known."""

    def __init__(self, prefix: str, base: str, system: Any) -> None:
        super().__init__(prefix, base)
        import fsspec

        self.system = system
        # fsspec's own is a copy under names that it takes for patterns: so do object stores, which need none.
        self._renames = type(system).mv is not fsspec.AbstractFileSystem.mv
        self.arrow = fs.PyFileSystem(fs.FSSpecHandler(system))

    def _look(self, path: str) -> Found | None:
        try:
            return _told(self.system.info(path))
        except FileNotFoundError:
            return None

    def _list(self, folder: str) -> Iterator[Found]:
        listed = map(_told, self.system.ls(folder, detail=True))
        return (found for found in listed if found.path.rstrip("/") != folder.rstrip("/"))

    def _measure(self, path: str) -> tuple[str, int]:
        entry = self.system.info(path)
        if entry["type"] == "directory":
            raise FileNotFoundError(path)
        return _etag(entry), int(entry["size"])

    def _open(self, path: str) -> BinaryIO:
        return cast(BinaryIO, self.system.open(path, "rb"))

    def _write(self, path: str, content: bytes) -> None:
        folder, _, name = path.rpartition("/")
        self.system.makedirs(folder, exist_ok=True)
        if self._renames:
            draft = f"{folder}/.{name}.{os.getpid()}.part"
            self.system.pipe_file(draft, content)
            self.system.mv(draft, path)
        else:
            self.system.pipe_file(path, content)

    def _remove(self, path: str) -> None:
        self.system.rm_file(path)


def _told(entry: dict[str, Any]) -> Found:
    folder = entry["type"] == "directory"
    return Found(entry["name"], folder, None if folder else _etag(entry))


def _etag(entry: dict[str, Any]) -> str:
    """Return the identity of a file: its size, and the best of what its file system tells."""
    names = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created")
    value = next((entry[name] for name in names if entry.get(name)), "")
    if isinstance(value, datetime):
        value = value.timestamp()
    return f"{entry['size']}@{int(value) if isinstance(value, float) else value}"


def locate(uri: str) -> tuple[Store, str]:
    """Return the store of a URI or local path, and the path in it.

    Raises:
        InvalidParameter: no file system is known for it, or it cannot be reached.

    """
    scheme, mark, rest = uri.partition("://")
    if not mark or not _SCHEME.fullmatch(scheme):
        return _local(), Path(os.path.abspath(uri)).as_posix()  # noqa: PTH100  ".." goes, links stay
    if scheme.lower() == "file":
        path = os.fsdecode(unquote_to_bytes("/" + rest.partition("/")[2]))
        return _local(), Path(os.path.abspath(path)).as_posix()  # noqa: PTH100  as above
    host, _, path = rest.partition("/")
    store = _connect(scheme.lower(), host)
    return store, f"{store.base}/{path}".rstrip("/")


@lru_cache(maxsize=1)
def _local() -> Local:
    return Local()


@lru_cache(maxsize=64)
def _connect(scheme: str, host: str) -> Remote:
    prefix = f"{scheme}://{host}"
    if ":" in host.rpartition("@")[0]:  # it would stand in every row
        raise InvalidParameter(
            "a password in a URI", "give it as the store's own tools take it: environment or configuration"
        )
    try:
        if scheme in _OBJECT_STORES:
            return _objects(scheme, prefix)
        import fsspec

        # Its cache of listings would grow with the collection.
        system, base = fsspec.core.url_to_fs(f"{prefix}/", use_listings_cache=False)
    except (ImportError, ValueError, OSError, pa.ArrowException) as error:
        raise InvalidParameter(
            f"{prefix} cannot be reached ({_reason(error)})", "check the name, the rights and the network"
        ) from error
    return Foreign(prefix, base, system)


def _objects(scheme: str, prefix: str) -> Objects:
    if scheme == "s3":
        with suppress(pa.ArrowInvalid):  # of pyarrow before 19, which takes three requests for what one does
            system, base = fs.FileSystem.from_uri(f"{prefix}?allow_delayed_open=true")
            return Objects(prefix, base, system)
    system, base = fs.FileSystem.from_uri(prefix)
    return Objects(prefix, base, system)


def _unreadable(error: Exception, source: str) -> UnreadableFile:
    if isinstance(error, FileNotFoundError):
        return UnreadableFile("no such file", "check the name", display(source))
    if isinstance(error, PermissionError):
        return UnreadableFile("permission denied", "ask for the right to read it", display(source))
    return UnreadableFile(
        f"cannot be read ({_reason(error)})", "check the name, the rights, and the way there", display(source)
    )


def _reason(error: Exception) -> str:
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return clipped(display(told or type(error).__name__), 300)
