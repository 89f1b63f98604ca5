"""Small collections of photos, an engine without processes, and what a run wrote."""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pyarrow import dataset

import photos
from tamperscope.cluster.engines import Engine
from tamperscope.cluster.places import locate
from tamperscope.cluster.work import Batch, Done

__all__ = ["ODD", "Here", "table", "tiny", "uris", "write_photos"]

ODD = "odd %20 ü \n'" + os.fsdecode(b"\xff") + ".jpg"  # no valid UTF-8 either


@cache
def tiny(index: int = 0) -> bytes:
    """A JPEG of 48x64 pixels, another one for each index."""
    return photos.encode(photos.crop(48 + index, 64)[index:], "JPEG", quality=85)


def write_photos(folder: Path, count: int = 10) -> Path:
    """Make a folder of photos, but for those that it has."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        path = folder / f"{index:04}.jpg"
        if not path.exists():
            path.write_bytes(tiny(index % 50))
    return folder


class Here(Engine):
    """Runs batches one after the other in this process; batches with a photo named so are lost."""

    def __init__(self, deadly: str = "") -> None:
        self.deadly = deadly
        self.batches: list[Batch] = []

    def run(self, work: Callable[[Batch], Done], batches: Iterable[Batch]) -> Iterator[Done]:
        for batch in batches:
            self.batches.append(batch)
            done = work(batch)
            killed = self.deadly and any(self.deadly in uri for uri in batch.uris)
            yield Done(batch, lost=True) if killed else done

    @property
    def worked(self) -> list[str]:
        return [uri for batch in self.batches for uri in batch.uris]


def table(out: str | Path, name: str = "results") -> list[dict[str, Any]]:
    """The rows of a table, sorted by URI."""
    store, path = locate(str(out))
    there = store.inside(f"{path}/{name}") if store.look(f"{path}/{name}") else ()
    parts = [found.path for found in there if found.name.endswith(".parquet")]  # a killed run leaves drafts
    if not parts:
        return []
    rows: list[dict[str, Any]] = dataset.dataset(parts, filesystem=store.arrow).to_table().to_pylist()
    return sorted(rows, key=lambda row: row["uri"])


def uris(out: str | Path, name: str = "results") -> list[str]:
    return [row["uri"] for row in table(out, name)]
