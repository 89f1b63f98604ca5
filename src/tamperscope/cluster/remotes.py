"""File systems beyond this machine: object stores that pyarrow knows, and whatever fsspec knows."""

import os
import posixpath
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, BinaryIO, cast

from pyarrow import fs

from tamperscope.cluster.stores import Found, Store, patiently, reason, unreadable
from tamperscope.errors import InvalidParameter, OutputError, TamperscopeError
from tamperscope.io.decode import changed, too_many_bytes
from tamperscope.io.paths import display

__all__ = ["Foreign", "Objects", "Remote"]


class Remote(Store):
    """Files beyond this machine, whose URIs are a prefix and their paths."""

    def __init__(self, prefix: str, base: str) -> None:
        self.prefix, self.base = prefix, base.rstrip("/")

    def uri(self, path: str) -> str:
        """Return the name by which `locate` finds the file again."""
        return self.prefix + path[len(self.base) :]

    def beside(self, folder: str, name: str) -> str:
        """Return a path below the store's base; names without dots stand as they are."""
        path = f"{folder}/{name}"
        if not {".", ".."}.intersection(name.split("/")):
            return path
        below = posixpath.normpath(path[len(self.base) :].lstrip("/"))
        if below.startswith(".."):
            raise InvalidParameter("a name that leads out of its store", "mend it")
        return f"{self.base}/{below}"

    def look(self, path: str) -> Found | None:
        """Return what lies there, if anything does."""
        with self._reading(path):
            return self._look(path)

    def inside(self, folder: str) -> Iterator[Found]:
        """Yield what a folder holds."""
        with self._reading(folder):
            yield from self._list(folder)

    def read(self, path: str, limit: int) -> tuple[bytes, str | None]:
        """Return a file's bytes and its identity."""
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
        """Open a file to be read piece by piece."""
        with self._reading(path):
            return self._open(path)

    def write(self, path: str, content: bytes) -> None:
        """Write a file that is whole or not there."""
        try:
            patiently(lambda: self._write(path, content), Exception)  # each file system has errors of its own
        except Exception as error:
            raise OutputError(
                f"cannot be written ({reason(error)})",
                "check the rights, the space and the network",
                display(self.uri(path)),
            ) from error

    def remove(self, path: str) -> None:
        """Remove a file of ours, if it is there."""
        try:
            with suppress(FileNotFoundError):
                self._remove(path)
        except Exception as error:
            raise OutputError(
                f"cannot be removed ({reason(error)})", "check the rights", display(self.uri(path))
            ) from error

    @contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        try:
            yield
        except TamperscopeError:
            raise
        except Exception as error:  # as above
            raise unreadable(error, self.uri(path)) from error

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


# What file systems call that which changes with a file, those that tell most first.
_MARKS = (
    *("ETag", "etag", "md5Hash", "Content-MD5", "Digest", "sha", "mtime", "LastModified", "last_modified"),
    *("Last-Modified", "modificationTime", "modify", "updated", "created"),
)


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
            return _told(self.system.info(path), listed=False)
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


def _told(entry: dict[str, Any], *, listed: bool = True) -> Found:
    folder = entry["type"] == "directory"
    mark = "" if folder else _etag(entry)
    # A list that tells less than it might be asked for a single file says nothing of changes.
    known = entry.get("size") is not None and not (listed and mark.endswith("@"))
    return Found(entry["name"], folder, mark if mark and known else None)


def _etag(entry: dict[str, Any]) -> str:
    """Return the identity of a file: its size, and the best of what its file system tells."""
    value = next((entry[name] for name in _MARKS if entry.get(name)), "")
    if isinstance(value, datetime):
        value = value.timestamp()
    return f"{entry.get('size')}@{int(value) if isinstance(value, float) else value}"
