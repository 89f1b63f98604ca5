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


def test_the_output_folder_is_not_scanned(tree: Path) -> None:
    found = find_photos([tree], recursive=True, ignore=tree / "deep")
    assert not [path for path in found if isinstance(path, Path) and "deep" in path.parts]


def test_folders_are_named_by_stem_and_kept_apart_by_digest(tmp_path: Path) -> None:
    paths = []
    for name, data in (("1/a.jpg", b"one"), ("2/A.png", b"two"), ("3/a.jpg", b"one"), ("1/b.jpg", b"b")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        paths.append(path)
    folders = [task.folder for task in plan_tasks([*paths, tmp_path / "9/a.gif"], 100)]
    assert folders == ["a-7692c3ad", "A-3fc4ccfe", "a-7692c3ad-2", "b", "a-unread"]
    assert len({folder.casefold() for folder in folders}) == len(folders)


def test_a_file_above_the_limit_is_not_read_for_its_name(tmp_path: Path) -> None:
    paths = [tmp_path / "a.jpg", tmp_path / "a.png"]
    for path in paths:
        path.write_bytes(bytes(10))
    assert [task.folder for task in plan_tasks(paths, 9)] == ["a-unread", "a-unread-2"]


def test_no_name_leads_out_of_the_folder() -> None:
    given = [Path("..jpg"), Path("...jpg"), Path(" .jpg"), Path("..")]
    folders = [task.folder for task in plan_tasks(given, 9)]
    assert all(folder.startswith("photo") for folder in folders)
    assert all(os.sep not in folder for folder in folders)
