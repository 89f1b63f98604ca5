from pathlib import Path

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet

from collections_made import ODD, tiny
from tamperscope.cluster.listing import Entry, find
from tamperscope.cluster.places import locate
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
    (tree / "m.csv").write_text("uri\nnowhere://x/y.jpg\na.jpg\n")
    error, entry = find([str(tree / "m.csv")])
    assert isinstance(error, TamperscopeError)
    assert "m.csv, row 1" in str(error)
    assert entry == Entry((tree / "a.jpg").as_uri())


def test_manifests_that_say_too_little_or_nothing_readable(tree: Path) -> None:
    (tree / "1.csv").write_text("path\nb.jpg\n''\n".replace("''", '""'))
    (tree / "2.csv").write_text("name\nb.jpg\n")
    (tree / "3.csv").write_bytes(b"path\n\xff\xff\n")
    (tree / "4.parquet").write_bytes(b"PAR1")
    (tree / "5.csv").write_text("")
    told = problems(*(tree / name for name in ("1.csv", "2.csv", "3.csv", "4.parquet", "5.csv")))
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
