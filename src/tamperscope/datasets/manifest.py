"""Any set of photographs that a table describes: one row an image, as CSV or Parquet."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tamperscope.datasets._base import Dataset, Source
from tamperscope.datasets._splits import SPLITS
from tamperscope.errors import WrongLayout
from tamperscope.io.paths import display
from tamperscope.plugins import option
from tamperscope.types import Sample

__all__ = ["COLUMNS", "Manifest"]

COLUMNS = ("dataset", "split", "label", "kind", "group", "image", "mask", "original")

Row = dict[str, Any]


@dataclass(frozen=True)
class Manifest(Dataset):
    """Reads `manifest.csv` or `manifest.parquet`; paths in it are relative to its folder, or to `photos`."""

    card = Source(
        title="A manifest of your own",
        paper="none: ours",
        url="docs/guide/datasets.md",
        terms="those of the photographs",
        layout="manifest.csv or manifest.parquet, with the columns " + ", ".join(COLUMNS),
        faults=(
            "masks are taken as they are, white where manipulated, also those of a published set whose own "
            "reader would mend them",
        ),
    )

    dataset: str = option("", "only the rows of this data set; all if empty")
    photos: Path | None = option(None, "folder that paths are relative to; the manifest's if none")

    def lists(self, name: str) -> bool:
        """Tell whether there is a manifest that has rows of the named data set."""
        return self._file is not None and any(row["dataset"] == name for _, row in self._rows)

    def source(self, sample: Sample) -> str:
        """Return what the sample's row says."""
        return self._sources[sample.name]

    @cached_property
    def _sources(self) -> dict[str, str]:
        return {row["image"]: row["dataset"] for _, row in self._rows}

    @cached_property
    def _file(self) -> Path | None:
        if self.root.is_file() and self.root.suffix.lower() in (".csv", ".parquet"):
            return self.root
        places = (self.root / "manifest.csv", self.root / "manifest.parquet")
        return next((path for path in places if path.is_file()), None)

    @cached_property
    def _rows(self) -> list[tuple[str, Row]]:
        """The rows, each with where it stands."""
        path = self._file
        if path is None:
            raise self.wrong("it holds no manifest")
        rows = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
        if missing := [name for name in COLUMNS[:6] if rows and name not in rows[0][1]]:
            raise _bad(path, "header", f"column {', '.join(missing)} is missing")
        return rows

    def _samples(self) -> Iterator[Sample]:
        seen: dict[str, str] = {}
        for place, row in self._rows:
            if self.dataset and row["dataset"] != self.dataset:
                continue
            sample = self._sample(place, row)
            if sample.name in seen:
                raise self._wrong_row(place, f"{sample.name} stands in {seen[sample.name]} already")
            seen[sample.name] = place
            yield sample
        if self.dataset and not seen:
            raise self.wrong(f"the manifest has no row of data set {self.dataset!r}")

    def _sample(self, place: str, row: Row) -> Sample:
        label, split = row["label"], row["split"] or None
        if label not in ("0", "1"):
            raise self._wrong_row(place, f"label is {label!r} instead of 1 (manipulated) or 0 (pristine)")
        if split not in (None, *SPLITS):
            raise self._wrong_row(place, f"split is {split!r} instead of {', '.join(SPLITS)} or nothing")
        image = self._path(place, row["image"])
        if image is None:
            raise self._wrong_row(place, "image is empty")
        return Sample(
            name=row["image"],
            image=image,
            manipulated=label == "1",
            group=row["group"] or row["image"],
            mask=self._path(place, row.get("mask")),
            kind=row["kind"],
            split=split,
            original=self._path(place, row.get("original")),
        )

    def _path(self, place: str, text: str | None) -> Path | None:
        if not text:
            return None
        assert self._file is not None  # noqa: S101  there are rows
        folder, text = self.photos or self._file.parent, text.replace("\\", "/")  # of a table made on Windows
        if Path(text).is_absolute() or ".." in Path(text).parts:
            raise self._wrong_row(place, f"{text} leads out of the photographs' folder")
        return folder / text

    def _wrong_row(self, place: str, problem: str) -> WrongLayout:
        assert self._file is not None  # noqa: S101  there are rows
        return _bad(self._file, place, problem)


def _bad(path: Path, place: str, problem: str) -> WrongLayout:
    return WrongLayout(f"{place}: {problem}", "mend the manifest (docs/guide/datasets.md)", display(path))


def _read_csv(path: Path) -> list[tuple[str, Row]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="", strict=True)
            return [(f"line {reader.line_num}", row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _bad(path, "file", f"cannot be read as CSV ({error})") from error


def _read_parquet(path: Path) -> list[tuple[str, Row]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise WrongLayout(
            "reading Parquet needs pyarrow", "pip install 'tamperscope[evaluation]'", display(path)
        ) from error
    try:
        rows = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise _bad(path, "file", f"cannot be read as Parquet ({error})") from error
    return [
        (f"row {index}", {key: "" if value is None else _text(value) for key, value in row.items()})
        for index, row in enumerate(rows, 1)
    ]


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
