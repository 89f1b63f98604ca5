import csv
import io
import os
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet

from collections_made import ODD, tiny
from tamperscope.cluster.listing import Entry, find
from tamperscope.cluster.places import locate
from tamperscope.cluster.stores import Local
from tamperscope.errors import TamperscopeError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "b.jpg",
        "a.PNG",
        "deep/c.tif",
        "deep/deeper/d.jpg",
        "notes.txt",
        ".hidden.jpg",
        ".git/e.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tiny())
    (tmp_path / "loop").symlink_to(tmp_path)
    return tmp_path


def names(root: Path, *given: str) -> list[str]:
    found = [entry for entry in find(str(root / name) for name in given) if isinstance(entry, Entry)]
    return sorted(str(Path(locate(entry.uri)[1]).relative_to(root)) for entry in found)


def problems(*given: str | Path) -> list[str]:
    return [str(entry) for entry in find(map(str, given)) if isinstance(entry, TamperscopeError)]


def test_folders_are_searched_by_suffix_without_what_is_hidden(tree: Path) -> None:
    assert names(tree, "") == ["a.PNG", "b.jpg", "deep/c.tif", "deep/deeper/d.jpg"]
    assert names(tree, "notes.txt", ".hidden.jpg") == [".hidden.jpg", "notes.txt"], "by name, anything"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["b.jpg"]),
        ("**/*.jpg", ["b.jpg", "deep/deeper/d.jpg"]),
        ("**/deeper/d.*", ["deep/deeper/d.jpg"]),
        ("dee*", ["deep/c.tif", "deep/deeper/d.jpg"]),
        ("*/c.tif", ["deep/c.tif"]),
        ("deep/**", ["deep/c.tif", "deep/deeper/d.jpg"]),
        ("[ab].*", ["a.PNG", "b.jpg"]),
        ("?/x/c.tif", []),
    ],
)
def test_patterns(tree: Path, pattern: str, expected: list[str]) -> None:
    assert names(tree, pattern) == expected


def test_a_file_with_the_name_of_a_pattern_is_itself(tree: Path) -> None:
    (tree / "x[1].jpg").write_bytes(tiny())
    assert names(tree, "x[1].jpg") == ["x[1].jpg"]


def test_listed_photos_carry_what_tells_whether_they_changed(tree: Path) -> None:
    (before,) = find([str(tree / "b.jpg")])
    (tree / "b.jpg").write_bytes(tiny(1))
    (after,) = find([str(tree / "b.jpg")])
    assert isinstance(before, Entry)
    assert isinstance(after, Entry)
    assert before.uri == after.uri == (tree / "b.jpg").as_uri()
    assert before.identity != after.identity


def test_results_of_scans_are_no_photos(tree: Path) -> None:
    maps = tree / "out" / "maps" / "ab" / ("ab" + 62 * "0")
    maps.mkdir(parents=True)
    (maps / "ela.mask.png").write_bytes(tiny())
    for name in ("deep/ela.mask.png", "deep/result.json"):
        (tree / name).write_bytes(tiny())
    (tree / "d.overlay.png").write_bytes(tiny())
    assert [name for name in names(tree, "") if name.endswith(".png")] == ["d.overlay.png"]


@pytest.mark.parametrize("column", ["uri", "path", "image"])
def test_manifests_name_photos_relative_to_their_folder(tree: Path, column: str) -> None:
    rows = ["deep/c.tif", str(tree / "b.jpg"), (tree / "a.PNG").as_uri(), "deep/../deep/deeper/d.jpg"]
    (tree / "list.csv").write_text(f"n,{column}\n" + "".join(f"1,{row}\n" for row in rows))
    parquet.write_table(pa.table({column: rows, "n": [1] * 4}), tree / "list.parquet")
    expected = ["a.PNG", "b.jpg", "deep/c.tif", "deep/deeper/d.jpg"]
    assert names(tree, "list.csv") == names(tree, "list.parquet") == expected


def test_a_row_that_names_no_file_system_does_not_end_a_manifest(tree: Path) -> None:
    odd = (
        "nowhere://x/y.jpg",
        "github://a/b.jpg",
        "dir://x/y.jpg",
        "nowhere://a\x1b[2J/x",
        "s3://K:a/b@c/d.jpg",
    )
    (tree / "m.csv").write_text("uri\n" + "".join(f"{row}\n" for row in odd) + "a.jpg\n")
    *errors, entry = find([str(tree / "m.csv")])
    assert [f"m.csv, row {row}:" in str(error) for row, error in enumerate(errors, 1)] == 5 * [True]
    assert "\x1b" not in str(errors[3])
    assert "a password in a URI" in str(errors[4])
    assert entry == Entry((tree / "a.jpg").as_uri())


def test_a_row_that_cannot_be_read_costs_itself_alone(tree: Path) -> None:
    long = b"x" * (csv.field_size_limit() + 1)
    rows = [b"b.jpg", b"o\xe9.jpg", b'"x"y.jpg', long, b"a.PNG"]
    (tree / "m.csv").write_bytes(b"uri\n" + b"\n".join(rows) + b"\n")
    assert names(tree, "m.csv") == sorted(["b.jpg", os.fsdecode(b"o\xe9.jpg"), "xy.jpg", "a.PNG"])
    assert ["row 4 names no photo" in text for text in problems(tree / "m.csv")] == [True]


def test_a_server_that_breaks_off_does_not_end_the_others(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _: object) -> int:
            raise RuntimeError("payload is not completed")  # of a library's own kind

    monkeypatch.setattr(Local, "open", lambda *_: io.BufferedReader(Broken()))
    (tree / "m.csv").write_text("uri\n")
    (problem,) = problems(tree / "m.csv")
    assert "cannot be read as a manifest (payload is not completed)" in problem


def test_columns_of_parquet_hold_names_or_are_refused(tree: Path) -> None:
    bytes_of_names = pa.array([b"b.jpg", b"a.PNG", None])
    for kind, column in (
        ("binary", bytes_of_names),
        ("text", bytes_of_names.cast(pa.large_string())),
        ("dictionary", bytes_of_names.cast(pa.string()).dictionary_encode()),
    ):
        parquet.write_table(pa.table({"image": column}), tree / f"{kind}.parquet")
        assert names(tree, f"{kind}.parquet") == ["a.PNG", "b.jpg"], kind
        assert "row 3 names no photo" in problems(tree / f"{kind}.parquet")[0]
    pictures = pa.array([{"bytes": b"x" * 100, "path": "b.jpg"}])
    parquet.write_table(pa.table({"image": pictures}), tree / "pictures.parquet")
    assert "its column image holds struct" in problems(tree / "pictures.parquet")[0]


def test_one_folder_or_manifest_of_a_pattern_does_not_end_the_others(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, text in enumerate(("uri\n../b.jpg\n", "nothing\nx\n", "uri\n../a.PNG\n")):
        (tree / str(number)).mkdir()
        (tree / str(number) / "list.csv").write_text(text)
    assert names(tree, "?/*.csv") == ["a.PNG", "b.jpg"]
    assert ["no column uri" in text for text in problems(tree / "?/*.csv")] == [True]
    scandir = os.scandir

    def barred(path: str) -> Any:
        if str(path).endswith("deeper"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", barred)
    assert names(tree, "**/*.[jPt][pNi]*") == names(tree, "") == ["a.PNG", "b.jpg", "deep/c.tif"]
    for pattern in ("**/*.jpg", "deep/*/*.jpg", ""):
        assert ["permission denied" in text for text in problems(tree / pattern)] == [True], pattern


def test_manifests_that_say_too_little_or_nothing_readable(tree: Path) -> None:
    (tree / "1.csv").write_text("path\nb.jpg\n''\n".replace("''", '""'))
    (tree / "2.csv").write_text("name\nb.jpg\n")
    (tree / "3.parquet").write_bytes(b"")
    (tree / "4.parquet").write_bytes(b"PAR1")
    (tree / "5.csv").write_text("")
    told = problems(*(tree / name for name in ("1.csv", "2.csv", "3.parquet", "4.parquet", "5.csv")))
    assert "1.csv: row 2 names no photo; mend the manifest" in told[0]
    assert "no column uri, path or image" in told[1]
    assert all("cannot be read as a manifest" in text for text in told[1:])
    assert len(told) == 5
    assert names(tree, "1.csv") == ["b.jpg"]


def test_what_names_nothing_is_told_and_the_rest_goes_on(tree: Path) -> None:
    (tree / "empty").mkdir()
    told = problems(tree / "missing.jpg", tree / "empty", tree / "*.gif", "nonsense://x", tree / "b.jpg")
    assert [text.partition(": ")[2].partition(";")[0] for text in told[:3]] == [
        "no such file or folder",
        "no photograph found",
        "no photograph found",
    ]
    assert len(told) == 4


@pytest.mark.parametrize("beside", ["result.json", ".owner"])
def test_pictures_of_a_scan_are_none_to_scan_finished_or_not(tree: Path, beside: str) -> None:
    (tree / "deep" / beside).write_text("")
    (tree / "deep" / "fusion.mask.png").write_bytes(tiny())
    assert "deep/fusion.mask.png" not in names(tree, "")


def test_other_file_systems() -> None:
    memory = fsspec.filesystem("memory")
    for name in ("1.jpg", "deep/2.JPG", "deep/x.txt", f"deep/{ODD[:10]}.jpg"):
        memory.pipe_file(f"/listing/{name}", tiny())
    memory.pipe_file("/listing/list.csv", b"uri\ndeep/2.JPG\nmemory://listing/1.jpg\n")
    all_of_them = {"1.jpg", "deep/2.JPG", f"deep/{ODD[:10]}.jpg"}
    for given, expected in (
        ("memory://listing", all_of_them),
        ("memory://listing/*/2.*", {"deep/2.JPG"}),
        ("memory://listing/list.csv", {"1.jpg", "deep/2.JPG"}),
    ):
        found = [entry.uri for entry in find([given]) if isinstance(entry, Entry)]
        assert set(found) == {f"memory://listing/{name}" for name in expected}
        assert len(found) == len(expected)
