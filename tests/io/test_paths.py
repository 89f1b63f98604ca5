import errno
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamperscope.errors import OutputError
from tamperscope.io.paths import display, few, hold, make_folder, write_whole


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a b.jpg", "a b.jpg"),
        ("é.jpg", "é.jpg"),
        ("line\nbreak.jpg", "line\\nbreak.jpg"),
        (os.fsdecode(b"\xff\xfe.jpg"), "\\xff\\xfe.jpg"),
        ("\x1b[31mred.jpg", "\\x1b[31mred.jpg"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("\u00c3\u0089.jpg", "\u00c3\\u0089.jpg"),  # a letter, where \\x89 would be a byte
    ],
)
def test_names_are_shown_on_one_line(path: str, shown: str) -> None:
    assert display(path) == shown


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name))
def test_any_name_is_valid_text(name: bytes) -> None:
    shown = display(os.fsdecode(name))
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1


def test_a_file_is_written_whole_with_usual_rights(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "result.json"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["result.json"]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_full_disk_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.json"
    write_whole(path, b"old")
    original = os.fdopen

    def full(*arguments: Any, **options: Any) -> Any:
        file = original(*arguments, **options)

        class Full:
            def __enter__(self) -> "Full":
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def write(self, content: bytes) -> None:
                file.write(content[:1])
                raise OSError(errno.ENOSPC, "No space left on device")

        return Full()

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(OutputError, match=r"result\.json: cannot be written \(No space left.*free space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_whole(tmp_path / "file" / "result.json", b"")


@pytest.mark.parametrize(
    ("write", "name", "remedy"),
    [
        (lambda path: write_whole(path, b""), "folder", "a folder has that name: give that of a file"),
        (make_folder, "file", "a file has that name: give that of a folder"),
        (make_folder, "file/below", "a file is where a folder should be"),
        (lambda path: write_whole(path, b""), "a" * 300, "give a shorter name"),
    ],
)
def test_the_remedy_fits_what_is_in_the_way(
    write: Callable[[Path], object], name: str, remedy: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=remedy):
        write(tmp_path / name)


def test_few_notes_are_kept_each_once() -> None:
    assert few(["a", "b", "a"]) == ("a", "b")
    assert few(map(str, range(30)))[-2:] == ("19", "and 10 more like these")


@pytest.mark.parametrize(
    ("number", "refused"), [(errno.ENOSYS, False), (errno.EOPNOTSUPP, False), (errno.EAGAIN, True)]
)
def test_where_there_are_no_locks_nobody_waits_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, refused: bool
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    met = pytest.raises(OutputError, match="another scan") if refused else nullcontext()
    with met, hold(tmp_path, "scan"):
        assert not refused
