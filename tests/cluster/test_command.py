"""`tamperscope scan --engine` as a user meets it."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from collections_made import table, uris, write_photos
from framed import unframed
from photos import spliced
from tamperscope.cli import _collection, app
from tamperscope.cluster.collection import Tally

LIGHT = "import sys, tamperscope.cli; print({'ray', 'pyarrow', 'fsspec'} & set(sys.modules))"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["scan", *map(str, arguments)])


def told(result: Result) -> str:
    return unframed(result.output)


def collection(tmp_path: Path, *options: str) -> list[str]:
    photos = write_photos(tmp_path / "photos", 7)
    return [str(photos), "--out", str(tmp_path / "out"), "--engine", "processes", "-d", "ela", *options]


def test_a_collection_from_the_command_line(tmp_path: Path) -> None:
    words = collection(tmp_path, "--workers", "2", "--batch", "3")
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r"7 photos analysed, 0 failed; \d+\.\d photos/s\n", result.stdout)
    assert len(list((tmp_path / "out" / "results").iterdir())) == 3
    (tmp_path / "photos" / "bad.jpg").write_bytes(b"text")
    result = run(*words, "--resume")
    assert result.exit_code == 1
    assert "0 photos analysed, 1 failed, 7 were done before" in result.stdout
    assert f"what failed is in {tmp_path}/out/failures" in result.stdout
    result = run(*words)
    assert (result.exit_code, "add --resume to go on" in result.stderr) == (1, True)


def test_fail_on_and_what_gave_no_photo(tmp_path: Path) -> None:
    (tmp_path / "forged.jpg").write_bytes(spliced()[0])
    words = ["--engine", "processes", "-d", "adjpeg", "--no-maps", "--out"]
    result = run(tmp_path / "forged.jpg", *words, tmp_path / "out", "--fail-on", "0.5")
    assert result.exit_code == 3, result.output
    assert table(tmp_path / "out")[0]["verdict"] == "manipulated"
    result = run(tmp_path / "forged.jpg", tmp_path / "none", "", *words, tmp_path / "two")
    assert result.exit_code == 1
    assert "none: no such file or folder" in result.stderr
    assert "an empty path" in result.stderr, "it is not the current folder"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--engine", "processes"], "--engine needs --out"),
        (["--engine", "spark", "--out", "x"], "'spark' is not one of"),
        (["--engine", "ray", "--out", "x", "--json"], "do not go with --engine"),
        (["--engine", "ray", "--out", "x", "--report", "html"], "do not go with --engine"),
        (["--engine", "processes", "--out", "x", "--address", "a:1"], "--address needs --engine ray"),
        (["--engine", "processes", "--out", "nonsense://x"], "nonsense://x cannot be reached"),
        (["--batch", "8"], "need --engine"),
        (["--no-maps"], "need --engine"),
        (["--workers", "300"], "need --engine"),
    ],
)
def test_wrong_usage(tmp_path: Path, options: list[str], words: str) -> None:
    result = run(tmp_path, *options)
    assert (result.exit_code, words in told(result)) == (2, True), result.output


def test_without_its_libraries_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("tamperscope.cluster")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("tamperscope.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run(*collection(tmp_path))
    assert result.exit_code == 2
    assert "pip install 'tamperscope[cluster]'" in told(result)


def test_the_command_line_does_not_import_them() -> None:
    result = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_a_line_now_and_then_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_collection, "_EVERY", 0)
    with _collection._telling() as tell:
        tell(Tally(analysed=3, failed=1, unjudged=2, resumed=5))
    line = capsys.readouterr().err
    assert line.startswith(
        "3 photos analysed, 2 without what the detector needs, 1 failed, 5 were done before; "
    )


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    primary, secondary = pty.openpty()
    write_photos(tmp_path / "photos", 800)  # more than the two seconds after which a bar appears
    words = [sys.executable, "-m", "tamperscope", "scan", *collection(tmp_path, "--batch", "1")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=secondary)
    os.close(secondary)
    seen = b""
    with suppress(OSError):  # it has ended
        while b"scanning" not in seen:
            seen += os.read(primary, 4096)
    process.kill()
    process.communicate(timeout=30)
    os.close(primary)
    assert b"scanning" in seen


def start(tmp_path: Path) -> "subprocess.Popen[str]":
    """Start a scan in a process group of its own, and wait until a part of it is done."""
    write_photos(tmp_path / "photos", 300)
    words = [sys.executable, "-m", "tamperscope", "scan", *collection(tmp_path, "-w", "2", "--batch", "6")]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("out/results/part-*"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    return process


def check_resumed(tmp_path: Path) -> None:
    """Resume a scan; nothing may be lost, and what was finished is not done again."""
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("out/results/*")}
    done = uris(tmp_path / "out")
    assert 30 <= len(done) < 300
    result = run(*collection(tmp_path, "--workers", "2", "--resume"))
    assert f"{300 - len(done)} photos analysed, 0 failed, {len(done)} were done before" in result.stdout
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert uris(tmp_path / "out") == [(tmp_path / "photos" / f"{i:04}.jpg").as_uri() for i in range(300)]


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_killed_run_is_resumed_with_nothing_lost_and_nothing_twice(tmp_path: Path) -> None:
    process = start(tmp_path)
    process.kill()  # its workers have to notice
    process.communicate(timeout=30)
    check_resumed(tmp_path)


def test_an_interruption_says_how_to_go_on(tmp_path: Path) -> None:
    process = start(tmp_path)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted: finished batches are whole, --resume goes on from here\n" in errors
    assert "Traceback" not in errors
    check_resumed(tmp_path)


def test_two_runs_into_one_place(tmp_path: Path) -> None:
    process = start(tmp_path)
    result = run(*collection(tmp_path, "--resume"))
    process.kill()
    process.communicate(timeout=30)
    assert result.exit_code == 1
    assert "another scan writes to it now" in result.stderr
