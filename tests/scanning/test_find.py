import os
from pathlib import Path

import pytest

import photos
from tamperscope.errors import TamperscopeError
from tamperscope.scanning.find import find_photos, plan_tasks

JPEG = photos.awkward("8x8.jpg")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.PNG", "deep/c.tif", "deep/deeper/d.jpg", "unnamed", ".hidden.jpg", ".git/e.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG)
    (tmp_path / "notes.txt").write_text("text")
    (tmp_path / "text.jpg").write_text("text")
    (tmp_path / "lost.jpg").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    return tmp_path


def names(root: Path, *given: Path | str, recursive: bool = False) -> list[str]:
    found = find_photos([root / path for path in given], recursive=recursive)
    return [str(path.relative_to(root)) for path in found if isinstance(path, Path)]


def test_a_folder_gives_what_looks_like_a_photo_by_name_or_content(tree: Path) -> None:
    assert names(tree, "") == ["a.PNG", "b.jpg", "lost.jpg", "text.jpg", "unnamed"]


def test_recursion_is_asked_for_and_does_not_follow_links(tree: Path) -> None:
    found = names(tree, "", recursive=True)
    assert found == ["a.PNG", "b.jpg", "lost.jpg", "text.jpg", "unnamed", "deep/c.tif", "deep/deeper/d.jpg"]


def test_what_is_passed_over_is_told(tree: Path) -> None:
    told: list[str] = []
    list(find_photos([tree], note=told.append))
    list(find_photos([tree], recursive=True, note=told.append))
    list(find_photos([tree / "deep"], recursive=True, note=told.append))
    assert [one.split(": ", 1)[1].split(" were")[0] for one in told] == [
        "1 hidden photos or folders and 0 links to folders",
        "2 hidden photos or folders and 1 links to folders",
    ]


def test_files_given_by_name_are_always_taken_once(tree: Path) -> None:
    assert names(tree, "notes.txt", ".hidden.jpg", "missing.jpg", "notes.txt") == [
        "notes.txt",
        ".hidden.jpg",
        "missing.jpg",
    ]


def test_patterns_are_expanded(tree: Path) -> None:
    assert names(tree, "*.jpg") == ["b.jpg", "lost.jpg", "text.jpg"]
    assert names(tree, "**/d.jpg") == ["deep/deeper/d.jpg"]
    assert names(tree, "dee*") == ["deep/c.tif"]
    (tree / "x[1].jpg").write_bytes(JPEG)
    assert names(tree, "x[1].jpg") == ["x[1].jpg"], "a file's own name is no pattern"


def test_what_names_nothing_is_an_error_with_a_remedy(tree: Path) -> None:
    (tree / "empty" / "deeper").mkdir(parents=True)
    (tree / "empty" / "deeper" / "a.jpg").write_bytes(JPEG)
    for given in ("empty", "*.nothing"):
        (error,) = find_photos([tree / given])
        assert isinstance(error, TamperscopeError)
        assert "no photograph found" in str(error)
        assert "--recursive" in str(error)
    assert names(tree, "empty", recursive=True) == ["empty/deeper/a.jpg"]


def test_pictures_that_a_scan_wrote_are_not_scanned(tree: Path) -> None:
    for name in ("d.heatmap.png", "noi.overlay.png", "holiday.png"):
        (tree / "deep" / name).write_bytes(JPEG)
    assert "deep/d.heatmap.png" in names(tree, "", recursive=True), "a name alone does not make a result"
    (tree / "deep" / "result.json").write_text("{}")
    for found in (names(tree, "", recursive=True), names(tree, "deep/*"), names(tree, "**")):
        assert "deep/holiday.png" in found
        assert not [name for name in found if "heatmap" in name or "overlay" in name]
    notes: list[str] = []
    list(find_photos([tree], recursive=True, note=notes.append))
    assert "2 pictures of a scan passed over" in notes[-1]
    (error,) = find_photos([tree / "deep" / "d.heatmap.png"])
    assert "nothing but what a scan wrote" in str(error)


def test_what_cannot_be_looked_at_does_not_stop_the_rest(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tree / ("x" * 300 + ".jpg")
    (empty,) = find_photos([""])
    assert "an empty path" in str(empty)
    assert names(tree, long, "b.jpg") == [long.name, "b.jpg"]
    original = os.scandir

    def scandir(path: object) -> object:
        if str(path).endswith("deeper"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", scandir)
    found = list(find_photos([tree], recursive=True))
    (error,) = [entry for entry in found if isinstance(entry, TamperscopeError)]
    assert "deeper: the folder cannot be read (Permission denied)" in str(error)
    assert len(found) == 7


def test_stems_that_repeat_are_marked() -> None:
    paths = [Path("1/a.jpg"), Path("2/A.png"), Path("1/b.jpg")]
    assert [task.ambiguous for task in plan_tasks(paths)] == [True, True, False]


def test_a_text_that_begins_like_a_bmp_is_no_photo(tree: Path) -> None:
    (tree / "service").write_text("BMW service notes, all of them")
    assert "service" not in names(tree, "")


def test_an_address_is_named_whole() -> None:
    (refused,) = find_photos(["https://example.org/a.jpg"])
    assert (
        str(refused)
        == "https://example.org/a.jpg: an address, no file; fetch it first, or scan with --engine"
    )


@pytest.mark.parametrize("beside", ["result.json", ".owner"])
def test_pictures_of_a_scan_are_none_to_scan_finished_or_not(tree: Path, beside: str) -> None:
    (tree / "deep" / beside).write_text("")
    for name in ("fusion.mask.png", "evidence.png"):
        (tree / "deep" / name).write_bytes(JPEG)
    assert names(tree, "deep") == ["deep/c.tif"]


def test_pictures_that_are_not_read_are_not_passed_over(tree: Path) -> None:
    for name in ("work.psd", "raw.CR3"):
        (tree / "deep" / name).write_bytes(b"?")
    assert names(tree, "deep") == ["deep/c.tif", "deep/raw.CR3", "deep/work.psd"]


@pytest.mark.parametrize("name", [b"with space.jpg", b"100%.jpg", b"\xe9t\xe9.jpg"])
def test_an_address_of_a_file_is_its_path(tree: Path, name: bytes) -> None:
    path = tree / os.fsdecode(name)
    path.write_bytes(JPEG)
    assert list(find_photos([path.as_uri()])) == [path]
