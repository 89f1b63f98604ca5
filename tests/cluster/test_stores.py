import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as some
from pyarrow import fs

from collections_made import ODD
from tamperscope.cluster import places
from tamperscope.cluster.places import locate
from tamperscope.cluster.remotes import Objects, Remote, _told
from tamperscope.cluster.stores import Local, Store
from tamperscope.errors import InvalidParameter, OutputError, TooLarge, UnreadableFile

Place = tuple[Store, str]


def local(tmp_path: Path) -> Place:
    return locate(str(tmp_path))


def objects(tmp_path: Path) -> Place:
    (tmp_path / "bucket").mkdir()
    system = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    return Objects("s3://bucket", "bucket", system), "bucket"


def memory(tmp_path: Path) -> Place:
    fsspec.filesystem("memory").store.clear()
    fsspec.filesystem("memory").pseudo_dirs[:] = [""]
    return locate("memory://bucket")


def foreign(tmp_path: Path) -> Place:
    return locate(f"local://{tmp_path}")


@pytest.fixture(params=[local, objects, memory, foreign])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    make: Callable[[Path], Place] = request.param
    return make(tmp_path)


def test_what_is_written_is_found_read_and_removed(place: Place) -> None:
    store, root = place
    path = f"{root}/a b%20#?.bin"
    if isinstance(store, Objects):  # an object store makes folders of itself
        store.arrow.create_dir(f"{root}/deep")
    store.write(f"{root}/deep/other", b"")
    store.write(path, b"first")
    store.write(path, b"again!")
    found = {entry.name: entry for entry in store.inside(root)}
    assert set(found) == {"a b%20#?.bin", "deep"}, "and no drafts"
    assert found["deep"].folder
    assert (looked := store.look(path))
    assert looked.identity == found["a b%20#?.bin"].identity is not None
    assert store.read(path, 6) == (b"again!", looked.identity)
    with store.open(path) as file:
        assert file.read(2) == b"ag"
    store.remove(path)
    store.remove(path)
    assert store.look(path) is None
    assert not isinstance(store, Remote) or store.uri(path).endswith("/a b%20#?.bin")


def test_limits_and_what_is_not_there(place: Place) -> None:
    store, root = place
    store.write(f"{root}/large", b"12345")
    with pytest.raises(TooLarge, match="more than the limit"):
        store.read(f"{root}/large", 4)
    for read in (lambda: store.read(f"{root}/none", 4), lambda: list(store.inside(f"{root}/none"))):
        with pytest.raises(UnreadableFile):
            read()
    if not isinstance(store, Objects):  # where folders are but names
        with pytest.raises(UnreadableFile):
            store.read(root, 4)


def test_a_changed_file_has_another_identity(place: Place) -> None:
    store, root = place
    store.write(f"{root}/file", b"1")
    before = store.look(f"{root}/file")
    store.write(f"{root}/file", b"22")
    assert store.look(f"{root}/file") != before


@given(some.text(some.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60))
def test_any_local_name_survives_its_uri(name: str) -> None:
    if name not in (".", ".."):
        store, path = locate(f"/photos/{name}")
        assert locate(store.uri(path)) == (store, path)


def test_a_name_that_is_no_text_survives_its_uri(tmp_path: Path) -> None:
    store, path = locate(str(tmp_path / ODD))
    uri = store.uri(path)
    assert uri.isascii()
    assert locate(uri) == (store, str(tmp_path / ODD))


def test_relative_paths_and_dots_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate("a/../b.jpg")[1] == f"{tmp_path}/b.jpg"
    assert locate("file:///x/../y%2Fz.jpg")[1] == "/y/z.jpg"


@pytest.mark.parametrize("old", [False, True])
def test_objects_are_put_in_one_request_where_pyarrow_can(
    monkeypatch: pytest.MonkeyPatch, *, old: bool
) -> None:
    asked = []

    class FileSystem:
        @staticmethod
        def from_uri(uri: str) -> tuple[object, str]:
            asked.append(uri)
            if old and "?" in uri:
                raise pa.ArrowInvalid("unexpected query parameter")
            return object(), "bucket"

    monkeypatch.setattr("tamperscope.cluster.places.fs.FileSystem", FileSystem)
    store, path = locate(f"s3://bucket{old}/deep/a ?.jpg")
    assert isinstance(store, Objects)
    assert path == "bucket/deep/a ?.jpg"
    assert store.uri(path) == f"s3://bucket{old}/deep/a ?.jpg"
    assert asked == [f"s3://bucket{old}?allow_delayed_open=true", f"s3://bucket{old}"][: 1 + old]
    places._connect.cache_clear()


@pytest.mark.parametrize(
    ("uri", "words"),
    [("nonsense://x/y", "nonsense://x cannot be reached"), ("ftp://me:secret@x/y", "a password in a URI")],
)
def test_places_that_cannot_be(uri: str, words: str) -> None:
    with pytest.raises(InvalidParameter, match=words) as caught:
        locate(uri)
    assert "secret" not in str(caught.value)


def test_names_in_tables_stay_in_their_store() -> None:
    store, _ = locate("memory://bucket/a/list.csv")
    assert isinstance(store, Remote)
    for name, path in (("k//d.jpg", "a/k//d.jpg"), ("../b/./c.jpg", "b/c.jpg"), ("e.jpg", "a/e.jpg")):
        assert store.uri(store.beside(f"{store.base}/a", name)) == f"memory://bucket/{path}"
    with pytest.raises(InvalidParameter, match="leads out of its store"):
        store.beside(f"{store.base}/a", "../../other/x.jpg")


def test_a_list_that_tells_too_little_is_no_identity() -> None:
    file = {"name": "/a.jpg", "type": "file"}
    assert _told({**file, "size": None}).identity is None
    assert _told({**file, "size": 3}).identity is None
    assert _told({**file, "size": 3, "ETag": "x"}).identity == "3@x"
    assert _told({**file, "size": 3}, listed=False).identity == "3@"  # there is no more to ask for
    assert _told({**file, "size": 3, "Last-Modified": "then"}).identity == "3@then"  # as HTTP has it


def test_links_to_folders_are_not_followed_and_broken_ones_are_told(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "lost.jpg").symlink_to("nowhere")
    store = Local()
    assert {found.name: found.folder for found in store.inside(str(tmp_path))} == {
        "loop": False,
        "lost.jpg": False,
    }
    assert store.look(str(tmp_path / "lost.jpg"))
    with pytest.raises(UnreadableFile, match="a broken symbolic link"):
        store.read(str(tmp_path / "lost.jpg"), 4)
    with pytest.raises(UnreadableFile):
        store.look("x" * 5000)


def test_writing_remotely_is_tried_again_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, root = memory(tmp_path)
    slept: list[float] = []
    monkeypatch.setattr("tamperscope.cluster.stores.time.sleep", slept.append)
    calls = iter([ConnectionError("gone"), None])

    def once(*_: Any) -> None:
        if error := next(calls, ConnectionError("gone\nfor good")):
            raise error

    monkeypatch.setattr(store, "_write", once)
    store.write(f"{root}/x", b"")
    assert len(slept) == 1
    with pytest.raises(OutputError, match=r"gone\\nfor good"):
        store.write(f"{root}/x", b"")


def test_a_file_that_is_shorter_than_told_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, root = memory(tmp_path)
    store.write(f"{root}/x", b"12")
    monkeypatch.setattr(store, "_measure", lambda _: ("", 3))
    with pytest.raises(UnreadableFile, match="changed while it was read"):
        store.read(f"{root}/x", 4)


def test_a_folder_without_the_right_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UnreadableFile, match="permission denied"):
        list(Local().inside(str(tmp_path)))
