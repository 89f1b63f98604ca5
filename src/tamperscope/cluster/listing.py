"""Which photos a collection has: folders, patterns and manifests, as a stream that is never held whole."""

import csv
import glob
import io
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pyarrow as pa
from pyarrow import parquet

from tamperscope.cluster.places import locate
from tamperscope.cluster.stores import Found, Store
from tamperscope.errors import CorruptFile, TamperscopeError, UnreadableFile
from tamperscope.io.paths import EVIDENCE, OWNER, PICTURES, RECORD, display
from tamperscope.scanning.find import SUFFIXES

__all__ = ["Entry", "find"]

_MANIFESTS = (".csv", ".parquet")
_COLUMNS = ("uri", "path", "image")  # the first that a manifest has
_NAMES = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
_AT_ONCE = 4096  # rows of a Parquet manifest
_MAP = re.compile(r"/maps/([0-9a-f]{2})/\1[0-9a-f]{62}/[^/]+$")  # of a run like this one


@dataclass(frozen=True)
class Entry:
    """A photo that was listed; its identity is none where listing does not tell it."""

    uri: str
    identity: str | None = None


def find(given: Iterable[str]) -> Iterator[Entry | TamperscopeError]:
    """Yield the photos that the URIs name, in no order and perhaps twice; an error for what names none.

    A URI is a photo, a folder, which is searched with those below it, a pattern, or a manifest. In folders,
    photos are told by their suffix, and hidden files are passed over.
    """
    for uri in given:
        found = False
        try:
            for entry in _expand(uri):
                found = True
                yield entry
        except TamperscopeError as error:
            yield error.at(display(uri))
            continue
        if not found:
            yield UnreadableFile("no photograph found", "check the name", display(uri))


def _expand(uri: str) -> Iterator[Entry | TamperscopeError]:
    if not uri:  # it would be the current folder
        raise UnreadableFile("an empty path", "check the variable that it came from")
    store, path = locate(uri)
    there = store.look(path)
    if there:
        yield from _take(store, there)
    elif glob.has_magic(path):
        parts = path.split("/")
        fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
        for found in _match(store, "/".join(parts[:fixed]), parts[fixed:]):
            yield from _take_or_tell(store, found)
    else:
        raise UnreadableFile("no such file or folder", "check the name")


def _take_or_tell(store: Store, found: Found | TamperscopeError) -> Iterator[Entry | TamperscopeError]:
    """Yield what one of several gives; what is wrong with it does not end the others."""
    if isinstance(found, TamperscopeError):
        yield found
        return
    try:
        yield from _take(store, found)
    except TamperscopeError as error:
        yield error


def _take(store: Store, found: Found) -> Iterator[Entry | TamperscopeError]:
    if found.folder:
        yield from _walk(store, found.path)
    elif found.name.lower().endswith(_MANIFESTS):
        yield from _read_manifest(store, found.path)
    else:
        yield Entry(store.uri(found.path), found.identity)


def _walk(store: Store, top: str) -> Iterator[Entry | TamperscopeError]:
    folders = [top]
    while folders:
        for found in _visible(store, folders.pop()):
            if isinstance(found, TamperscopeError):  # the other folders can be read, perhaps
                yield found
            elif found.folder:
                folders.append(found.path)
            elif _is_photo(store, found):
                yield Entry(store.uri(found.path), found.identity)


def _is_photo(store: Store, found: Found) -> bool:
    if posixpath.splitext(found.name)[1].lower() not in SUFFIXES or _MAP.search(found.path):
        return False
    if not found.name.endswith((*PICTURES, EVIDENCE)):
        return True
    # Pictures that a scan wrote, or was writing, have one of these beside.
    beside = (_looked(store, f"{posixpath.dirname(found.path)}/{name}") for name in (RECORD, OWNER))
    return not any(isinstance(there, Found) for there in beside)


def _match(store: Store, folder: str, parts: list[str]) -> Iterator[Found | TamperscopeError]:
    """Yield what lies in a folder under names that match the parts of a pattern, one a level."""
    first, rest = parts[0], parts[1:]
    if first == "**" and not rest:
        yield Found(folder, folder=True)
    elif first == "**":  # any number of levels, or none
        yield from _match(store, folder, rest)
        for found in _visible(store, folder):
            if isinstance(found, Found) and found.folder:  # what cannot be read is told by the level above
                yield from _match(store, found.path, parts)
    elif glob.has_magic(first):
        for found in _visible(store, folder):
            if isinstance(found, TamperscopeError) or fnmatchcase(found.name, first):
                yield from _follow(store, found, rest)
    elif there := _looked(store, f"{folder}/{first}"):
        yield from _follow(store, there, rest)


def _follow(
    store: Store, found: Found | TamperscopeError, rest: list[str]
) -> Iterator[Found | TamperscopeError]:
    if isinstance(found, TamperscopeError) or not rest:
        yield found
    elif found.folder:
        yield from _match(store, found.path, rest)


def _looked(store: Store, path: str) -> Found | TamperscopeError | None:
    try:
        return store.look(path)
    except TamperscopeError as error:
        return error


def _visible(store: Store, folder: str) -> Iterator[Found | TamperscopeError]:
    """Yield what a folder holds, or last why it cannot be read."""
    try:
        for found in store.inside(folder or "/"):
            if not found.name.startswith("."):
                yield found
    except TamperscopeError as error:
        yield error


def _read_manifest(store: Store, path: str) -> Iterator[Entry | TamperscopeError]:
    """Yield the entries of a table, which are relative to its folder unless they say otherwise."""
    folder = posixpath.dirname(path)
    texts = _parquet_column if path.lower().endswith(".parquet") else _csv_column
    try:
        for number, text in enumerate(texts(store, path), 1):
            if not text:
                problem = f"row {number} names no photo"
                yield CorruptFile(problem, "mend the manifest", display(store.uri(path)))
            else:
                yield _named(text, store, folder, f"{display(store.uri(path))}, row {number}")
    except TamperscopeError:
        raise
    except Exception as error:  # a server may break off, and each library says so by errors of its own
        raise CorruptFile(
            f"cannot be read as a manifest ({display(str(error))})", "mend it", display(store.uri(path))
        ) from error


def _named(text: str, store: Store, folder: str, row: str) -> Entry | TamperscopeError:
    """Return the photo of a manifest's row, or why there is none: the other rows may name some."""
    try:
        if "://" in text or posixpath.isabs(text):
            store, path = locate(text)
        else:
            path = store.beside(folder, text)
    except TamperscopeError as error:
        return error.at(row)
    return Entry(store.uri(path))


def _csv_column(store: Store, path: str) -> Iterator[str]:
    # Bytes that are no text stay what they are: a local file may have such a name.
    with io.TextIOWrapper(
        store.open(path), encoding="utf-8-sig", errors="surrogateescape", newline=""
    ) as file:
        rows = csv.DictReader(file, restval="")
        column = _column(rows.fieldnames or ())
        while True:
            try:
                row = next(rows, None)
            except csv.Error:  # too long a field, or a zero byte, in this row
                yield ""
                continue
            if row is None:
                return
            yield row[column]


def _parquet_column(store: Store, path: str) -> Iterator[str]:
    with store.open(path) as file:
        table = parquet.ParquetFile(file)
        column = _column(table.schema_arrow.names)
        kind = table.schema_arrow.field(column).type
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not any(told(plain) for told in _NAMES):
            raise ValueError(f"its column {column} holds {kind}, no names")
        for batch in table.iter_batches(batch_size=_AT_ONCE, columns=[column]):
            for value in batch.column(0).cast(plain).cast(pa.large_binary()).to_pylist():
                yield os.fsdecode(value or b"")


def _column(names: Iterable[str]) -> str:
    there = set(names)
    for name in _COLUMNS:
        if name in there:
            return name
    raise ValueError(f"no column {', '.join(_COLUMNS[:-1])} or {_COLUMNS[-1]}")
