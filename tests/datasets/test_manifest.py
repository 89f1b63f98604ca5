"""Manifests, good and bad."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from dataset_trees import TREES, write_manifest
from tamperscope import plugins
from tamperscope.datasets import open_dataset
from tamperscope.errors import UnknownPlugin, WrongLayout

ROW = {"dataset": "mine", "label": "1", "image": "a.jpg", "mask": "a_mask.png"}


def test_parquet_gives_the_same_samples(tmp_path: Path) -> None:
    TREES["manifest"](tmp_path)
    expected = open_dataset("mine", tmp_path).samples()
    pq.write_table(pyarrow.csv.read_csv(tmp_path / "manifest.csv"), tmp_path / "manifest.parquet")
    (tmp_path / "manifest.csv").unlink()
    assert open_dataset("mine", tmp_path).samples() == expected
    assert open_dataset("manifest", tmp_path / "manifest.parquet").samples() == expected


def test_parquet_may_hold_numbers_booleans_and_nothing(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {**ROW, "label": True, "kind": None, "group": 7, "split": None, "extra": 1.5},
        {**ROW, "label": False, "kind": None, "group": 7, "split": None, "extra": None, "image": "b.jpg"},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "manifest.parquet")
    samples = open_dataset("mine", tmp_path).samples()
    assert [(one.manipulated, one.group) for one in samples] == [(True, "7"), (False, "7")]


def test_a_registered_data_set_may_lie_in_a_manifest(tmp_path: Path) -> None:
    write_manifest(tmp_path, [{**ROW, "dataset": "casia1"}, {**ROW, "image": "other.jpg"}])
    (sample,) = open_dataset("casia1", tmp_path).samples()
    assert sample.name == "a.jpg"
    with pytest.raises(UnknownPlugin):
        open_dataset("casia", tmp_path)


def test_all_rows_are_read_unless_a_data_set_is_named(tmp_path: Path) -> None:
    write_manifest(tmp_path, [ROW, {**ROW, "dataset": "other", "image": "b.jpg"}])
    assert len(open_dataset("manifest", tmp_path).samples()) == 2
    assert len(plugins.build("datasets", "manifest", root=tmp_path, dataset="other").samples()) == 1


def test_what_is_empty_has_a_meaning(tmp_path: Path) -> None:
    write_manifest(tmp_path, [ROW])
    (sample,) = open_dataset("mine", tmp_path).samples()
    assert (sample.group, sample.kind, sample.split, sample.original) == ("a.jpg", "", None, None)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"label": "yes"}, "line 3: label is 'yes' instead of 1"),
        ({"split": "training"}, "line 3: split is 'training'"),
        ({"image": ""}, "line 3: image is empty"),
        ({"image": "../a.jpg"}, "line 3: ../a.jpg leads out of the photographs' folder"),
        ({"mask": "/etc/passwd"}, "line 3: /etc/passwd leads out"),
        ({}, "line 3: a.jpg stands in line 2 already"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, change: dict[str, str], problem: str) -> None:
    path = write_manifest(tmp_path, [ROW, {**ROW, "image": "b.jpg", **(change or ROW)}])
    with pytest.raises(WrongLayout) as caught:
        open_dataset("mine", tmp_path).samples()
    assert str(caught.value).startswith(f"{path}: {problem}")


def test_missing_columns_are_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("dataset,image\nmine,a.jpg\n")
    with pytest.raises(WrongLayout, match="column split, label, kind, group is missing"):
        open_dataset("mine", tmp_path)


@pytest.mark.parametrize("name", ["manifest.csv", "manifest.parquet"])
def test_nonsense_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe\x00 not a table")
    with pytest.raises(WrongLayout, match="cannot be read as"):
        open_dataset("mine", tmp_path)


def test_a_data_set_without_rows_is_an_error(tmp_path: Path) -> None:
    write_manifest(tmp_path, [ROW])
    with pytest.raises(WrongLayout, match="no row of data set 'other'"):
        plugins.build("datasets", "manifest", root=tmp_path, dataset="other").samples()
