"""The tables of a collection: one row a photo, in Parquet files that are whole or not there."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import dataset, parquet

from tamperscope import __version__
from tamperscope.cluster.stores import Store
from tamperscope.errors import CorruptFile, UnreadableFile
from tamperscope.io.paths import clipped, display

__all__ = ["FAILURES", "RESULTS", "Index", "Keys", "Seen", "encode", "keys", "part_name", "read_index"]

_ABOUT = {b"tamperscope": __version__.encode(), b"schema_version": b"1"}

RESULTS = pa.schema(
    [
        pa.field("uri", pa.string(), nullable=False),
        pa.field("identity", pa.string()),  # size and time of change, or the like: resuming compares it
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("format", pa.string(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),  # of the first detector, as the score is
        pa.field("score", pa.float64()),
        pa.field("top", pa.float64()),  # the highest score of all detectors, whether any of which could judge
        pa.field("judged", pa.bool_()),
        pa.field("record", pa.string(), nullable=False),  # JSON, as in result.json
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
    ],
    metadata=_ABOUT,
)
FAILURES = pa.schema(
    [
        pa.field("uri", pa.string(), nullable=False),
        pa.field("error", pa.string(), nullable=False),
        pa.field("problem", pa.string(), nullable=False),
        pa.field("remedy", pa.string(), nullable=False),
        pa.field("attempted", pa.timestamp("ms", tz="UTC"), nullable=False),
    ],
    metadata=_ABOUT,
)

_BYTES = 16  # of a URI's digest: two of ten million are the same with a probability of 1e-25

Keys = NDArray[np.bytes_]


def encode(rows: list[dict[str, Any]], schema: Any) -> bytes:
    """Return the rows as a Parquet file."""
    return _file(pa.Table.from_pylist(rows, schema=schema))


def _file(table: Any) -> bytes:
    stream = pa.BufferOutputStream()
    parquet.write_table(table, stream, compression="zstd")
    content: bytes = stream.getvalue().to_pybytes()
    return content


def part_name(run: str, uris: Sequence[str]) -> str:
    """Return the name of a batch's file, the same when the run tries it again."""
    return f"part-{hashlib.sha256(chr(0).join((run, *uris)).encode()).hexdigest()[:24]}.parquet"


def keys(uris: Iterable[str]) -> Keys:
    """Return a digest of each URI, by which tables are searched: 16 bytes each instead of a text."""
    digests = [hashlib.blake2b(uri.encode(), digest_size=_BYTES).digest() for uri in uris]
    return np.array(digests, dtype=f"S{_BYTES}")


def _mark(identity: str | None) -> int:
    return int.from_bytes(hashlib.blake2b((identity or "").encode(), digest_size=8).digest(), "little")


class Seen:
    """Which URIs a run has listed: sorted arrays, each at least twice as long as the next."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def new(self, asked: Keys) -> NDArray[np.bool_]:
        """Tell which keys are new, and remember them."""
        fresh = np.zeros(len(asked), bool)
        fresh[np.unique(asked, return_index=True)[1]] = True
        for run in self._runs:
            fresh &= _find(run, asked) < 0
        added = np.sort(asked[fresh])
        while self._runs and len(self._runs[-1]) <= 2 * len(added):
            added = np.sort(np.concatenate([self._runs.pop(), added]))
        self._runs.append(added)
        return fresh


def _find(among: Keys, asked: Keys) -> NDArray[np.intp]:
    """Return the place of each key in a sorted array, -1 where it is not."""
    if not len(among):
        return np.full(len(asked), -1)
    places = np.minimum(np.searchsorted(among, asked), len(among) - 1)
    return np.where(among[places] == asked, places, -1)


@dataclass(eq=False)
class Index:
    """In which file of a table each photo's row is; some thirty bytes a row.

    ``marks`` are digests of identities, ``flags`` tell whether any detector could judge the photo, ``tops``
    are the highest scores, not a number where there is none.
    """

    store: Store
    folder: str
    parts: list[str] = field(default_factory=list)
    keys: Keys = field(default_factory=lambda: keys([]))
    marks: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    numbers: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    flags: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    tops: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def find(self, asked: Keys) -> NDArray[np.intp]:
        """Return the row of each key, -1 where there is none."""
        return _find(self.keys, asked)

    def same(self, row: int, identity: str | None) -> bool:
        """Tell whether a row is of a file of that identity."""
        return bool(self.marks[row] == np.uint64(_mark(identity)))

    def drop(self, rows: Iterable[int]) -> None:
        """Take rows out of the table, whose files are written anew or removed.

        Raises:
            OutputError, UnreadableFile, CorruptFile: a file cannot be read, written or removed.

        """
        gone: dict[int, list[int]] = {}
        for row in rows:
            gone.setdefault(int(self.numbers[row]), []).append(row)
        for number, of_part in gone.items():
            self._cut(self.parts[number], self.keys[of_part])

    def _cut(self, path: str, gone: Keys) -> None:
        if self.store.look(path) is None:  # nothing of it was left
            return
        with _opening(self.store, path):
            table = parquet.read_table(path, filesystem=self.store.arrow)
        kept = table.filter(~np.isin(keys(table["uri"].to_pylist()), gone))
        if kept.num_rows:
            self.store.write(path, _file(kept))
        else:
            self.store.remove(path)


@contextmanager
def _opening(store: Store, path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise CorruptFile(
            f"a table of the results cannot be read ({clipped(display(str(error)), 300)})",
            "remove the damaged file: its photos are then scanned again",
            display(store.uri(path)),
        ) from error


def read_index(store: Store, folder: str, schema: Any) -> Index:
    """Return where the rows of a table are; rows that another row repeats are taken out of it.

    A killed run may leave such rows in one case only: a worker that outlived it wrote what the next run
    did as well.

    Raises:
        UnreadableFile, CorruptFile: the table cannot be read. OutputError: nor mended.

    """
    try:
        paths = [found.path for found in store.inside(folder) if found.name.endswith(".parquet")]
    except UnreadableFile:
        if store.look(folder) is None:
            return Index(store, folder)
        raise
    if not paths:
        return Index(store, folder)
    with _opening(store, folder):
        index = _load(Index(store, folder, parts=sorted(paths)), schema)
    repeated = np.flatnonzero(index.keys[1:] == index.keys[:-1]) + 1
    index.drop(repeated.tolist())
    return _without(index, repeated)


def _load(index: Index, schema: Any) -> Index:
    numbers = {path: number for number, path in enumerate(index.parts)}
    wanted = [name for name in ("uri", "identity", "judged", "top") if name in schema.names]
    found = dataset.dataset(index.parts, schema=schema, filesystem=index.store.arrow, format="parquet")
    pieces = []
    for batch in found.to_batches(columns=[*wanted, "__filename"]):
        columns = {name: batch.column(name).to_pylist() for name in batch.schema.names}
        nothing = [None] * batch.num_rows  # failures have neither
        pieces.append(
            (
                keys(columns["uri"]),
                np.array([_mark(identity) for identity in columns.get("identity", nothing)], np.uint64),
                np.array([numbers[name] for name in columns["__filename"]], np.uint32),
                np.array([judged is not False for judged in columns.get("judged", nothing)], bool),
                np.array(columns.get("top", nothing), np.float64),
            )
        )
    joined = [np.concatenate(column) for column in zip(*pieces, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    index.keys, index.marks, index.numbers, index.flags, index.tops = (column[order] for column in joined)
    return index


def _without(index: Index, rows: NDArray[np.intp]) -> Index:
    for name in ("keys", "marks", "numbers", "flags", "tops"):
        setattr(index, name, np.delete(getattr(index, name), rows))
    return index
