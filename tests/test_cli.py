import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner, Result

import photos
from framed import unframed
from tamperscope import cli, plugins
from tamperscope.cli import app
from tamperscope.forge.recipe import PRESETS
from tamperscope.report.json import schema
from tamperscope.training.config import RECIPES


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def command(*arguments: str | Path | bytes, **options: Any) -> subprocess.CompletedProcess[str]:
    words = [os.fsencode(argument) for argument in arguments]
    return subprocess.run(
        [sys.executable, "-m", "tamperscope", *words], capture_output=True, text=True, timeout=120, **options
    )


# --- scan ---------------------------------------------------------------------------------------------


def test_a_line_a_photo_for_people(folder: Path) -> None:
    result = run("scan", folder)
    assert result.exit_code == 0, result.output
    forged, plain, pristine = result.stdout.splitlines()
    assert forged.startswith(f"{folder}/forged.jpg: fusion: manipulated, score ")
    assert "of the photo (auto chose fusion: it is the best" in forged
    for name, line in (("plain.png", plain), ("pristine.jpg", pristine)):
        assert re.match(f"{folder}/{name}: fusion: (no evidence|cannot tell), score 0[.]", line)
    assert result.stderr == ""


def test_json_lines_and_nothing_else_on_stdout(folder: Path) -> None:
    (folder / "bad.jpg").write_text("text")
    result = run("scan", folder, "--json")
    assert result.exit_code == 1
    records = [json.loads(line) for line in result.stdout.splitlines()]
    for record in records:
        jsonschema.validate(record, schema())
    assert [Path(record["path"]).name for record in records] == ["forged.jpg", "plain.png", "pristine.jpg"]
    assert result.stderr == (
        f"{folder}/bad.jpg: not a picture in a known format; "
        "JPEG, PNG, TIFF, WebP, AVIF, BMP and GIF are read\n"
    )


def test_several_detectors_and_fields(folder: Path) -> None:
    result = run(
        "scan", folder / "forged.jpg", "--detector", "adjpeg, ela", "--set", "ela.quality=75",
        "--set", "ela.smoothing=2", "--set", "adjpeg.frequencies=15", "--json",
    )  # fmt: skip
    adjpeg, ela = json.loads(result.stdout)["detections"]
    assert adjpeg["parameters"]["frequencies"] == 15
    assert (ela["parameters"]["quality"], ela["parameters"]["smoothing"]) == (75, 2.0)
    line = run("scan", folder / "forged.jpg", "-d", "adjpeg,ela").stdout
    assert " | ela: cannot tell (a map to be read by a person" in line


def test_fields_of_what_auto_may_choose(folder: Path) -> None:
    result = run("scan", folder / "plain.png", "--set", "fusion.tile=256", "--json")
    assert json.loads(result.stdout)["detections"][0]["parameters"]["tile"] == 256


def test_out_holds_records_and_pictures(folder: Path) -> None:
    result = run("scan", folder, "--out", folder / "out", "--raw")
    assert result.exit_code == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["forged", "plain", "pristine"]
    names = {path.name for path in (folder / "out" / "plain").iterdir()}
    kinds = ("heatmap.png", "heatmap.npy", "mask.png", "overlay.png")
    assert names == {"result.json", "evidence.png", *(f"fusion.{kind}" for kind in kinds)}
    assert np.load(folder / "out" / "plain" / "fusion.heatmap.npy").shape == (64, 96)


def test_scanning_again_leaves_the_results_out_of_it(folder: Path) -> None:
    first = run("scan", folder, "-r", "--out", folder / "out")
    second = run("scan", folder, "-r", "--out", folder / "out", "--resume")
    assert first.stdout == second.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--detector", "adjpg"], "did you mean 'adjpeg'"),
        (["--detector", ""], "--detector is empty"),
        (["--detector", ","], "there is no detector"),
        (["--set", "adjpeg.smoth=2"], "did you mean 'smoothing'"),
        (["--set", "adjpeg.smoothing=x"], "give a number"),
        (["--set", "adjpeg.smoothing=99"], "at most 16"),
        (["--set", "adjpeg"], "--set name.field=value"),
        (["--set", "adjpeg=2"], "--set name.field=value"),
        (["--set", "ela.quality=9", "--detector", "noi"], "add ela to --detector"),
        (["--set", "ela.quality=9"], "add ela to --detector"),
        (["--workers", "0"], "--workers"),
        (["--fail-on", "2"], "--fail-on"),
        (["--raw"], "need --out"),
        (["--resume"], "need --out"),
        (["--out", ""], "--out is empty; check the variable"),
        (["--out="], "--out is empty"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_wrong_usage_is_told_before_any_photo_is_read(folder: Path, arguments: list[str], words: str) -> None:
    result = run("scan", folder / "missing.jpg", *arguments)
    assert result.exit_code == 2
    assert words in unframed(result.output)
    assert "no such file" not in result.output


def test_no_path_is_wrong_usage() -> None:
    assert run("scan").exit_code == 2
    assert run("nonsense").exit_code == 2


def test_fail_on(folder: Path) -> None:
    assert run("scan", folder, "--fail-on", "0.9").exit_code == 3
    assert run("scan", folder / "pristine.jpg", "--fail-on", "0.9").exit_code == 0
    unscored = run("scan", folder / "plain.png", "--detector", "noi", "--fail-on", "0")
    assert unscored.exit_code == 0, "no score, nothing reached"
    assert run("scan", folder, folder / "missing.jpg", "--fail-on", "0.9").exit_code == 3, (
        "the find outweighs"
    )
    assert run("scan", folder / "missing.jpg", "--fail-on", "0.9").exit_code == 1


def test_limits(folder: Path) -> None:
    result = run("scan", folder, "--max-megapixels", "0.1")
    assert result.exit_code == 1
    assert "600x400 pixels, more than the limit of 0.1 megapixels" in result.stderr
    assert "plain.png: fusion" in result.stdout
    assert "MiB" in run("scan", folder, "--max-mebibytes", "0.01").stderr


def test_salvage(folder: Path) -> None:
    data = (folder / "forged.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(data[: len(data) // 2])
    assert "cut.jpg: the JPEG is cut off; get a complete copy" in run("scan", folder / "cut.jpg").stderr
    result = run("scan", folder / "cut.jpg", "--salvage")
    assert result.exit_code == 0
    assert "note: salvaged: only the upper" in result.stderr


# --- report -------------------------------------------------------------------------------------------


def test_a_scan_may_report_each_photo_and_a_case_reports_all(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    result = run("scan", folder, "--detector", "adjpeg,ela", "--out", out, "--report", "html")
    assert result.exit_code == 0, result.output
    assert (out / "forged" / "report.html").read_bytes().startswith(b"<!DOCTYPE html>")
    case = run("report", out, "--format", "pdf", "--title", "Case 7", "--out", tmp_path / "case.pdf")
    assert (case.exit_code, case.stdout) == (0, f"{tmp_path}/case.pdf: 3 photos\n")
    assert (tmp_path / "case.pdf").read_bytes().startswith(b"%PDF")
    assert run("report", out / "forged", "-f", "json").stdout == f"{out}/forged/report.json: 1 photo\n"


def test_a_report_needs_results(folder: Path, tmp_path: Path) -> None:
    assert "--report need --out" in " ".join(run("scan", folder, "--report", "pdf").output.split())
    result = run("report", tmp_path)
    assert result.exit_code == 1
    assert result.stderr == f"{tmp_path}: holds no results; give the folder of `tamperscope scan --out`\n"


def test_files_that_all_failed_are_reported(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    assert run("scan", tmp_path / "bad.jpg", "--out", tmp_path / "out").exit_code == 1
    result = run("report", tmp_path / "out")
    assert result.exit_code == 0
    assert "bad.jpg" in (tmp_path / "out" / "report.html").read_text()


def test_many_photos_are_counted(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.png").write_bytes(photos.awkward("7x5.png"))
    (tmp_path / "good.png").write_bytes(photos.encode(photos.crop(64, 96)))
    result = run("scan", tmp_path, "--detector", "ela")
    assert result.stderr.splitlines()[-1] == "21 photos: 20 not analysed, 1 cannot tell"


# --- bad input: one line that names the file and the remedy, exit code 1, and the rest goes on ---------


def bad_inputs(folder: Path) -> None:
    jpeg, png = photos.awkward("photo.jpg"), photos.awkward("photo.png")
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("not a photo")
    (folder / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (folder / "cut.png").write_bytes(png[: len(png) // 2])
    for name in ("1x1.png", "1x1.jpg", "7x5.png", "7x5.jpg"):
        (folder / name).write_bytes(photos.awkward(name))
    header = bytearray(photos.awkward("progressive.jpg"))
    at = header.index(b"\xff\xc2") + 5
    header[at : at + 4] = (50_000).to_bytes(2, "big") * 2
    (folder / "huge.jpg").write_bytes(header)
    (folder / "archive.jpg").write_bytes(b"PK\x03\x04")
    (folder / "document.jpg").write_bytes(b"%PDF-1.7")
    (folder / "lost.jpg").symlink_to("nowhere")


def test_bad_input_is_one_line_each_and_the_rest_goes_on(tmp_path: Path) -> None:
    bad_inputs(tmp_path)
    bad = sorted(path.name for path in tmp_path.iterdir())
    (tmp_path / "good.jpg").write_bytes(photos.awkward("photo.jpg"))
    result = run("scan", tmp_path)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    lines = result.stderr.splitlines()
    assert sorted(Path(line.split(": ")[0]).name for line in lines) == bad
    assert all("; " in line for line in lines), "a remedy follows the problem"


def test_odd_names_are_scanned_and_shown_on_one_line(tmp_path: Path) -> None:
    for name in (
        b"with space.jpg",
        b"new\nline.jpg",
        b"\xff\xfe.jpg",
        "é.jpg".encode(),
        b"-dash.jpg",
        b"[x].jpg",
    ):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(photos.awkward("photo.jpg"))
    for environment in ({"LANG": "C.UTF-8"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        out = tmp_path / f"out{len(environment)}"
        result = command("scan", tmp_path, "--out", out, env={**os.environ, **environment})
        assert result.returncode == 0, result.stderr
        assert len(result.stdout.splitlines()) == 6
        assert "new\\nline.jpg" in result.stdout
        assert "\\xff\\xfe.jpg" in result.stdout
        assert len(list(out.iterdir())) == 6
        lines = command("scan", tmp_path, "--json", env={**os.environ, **environment}).stdout.splitlines()
        assert len([json.loads(line) for line in lines]) == 6


def test_names_with_bad_content_stay_on_one_line(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/new\nline\xff.jpg")).write_text("text")
    result = command("scan", tmp_path)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "new\\nline\\xff.jpg: not a picture" in result.stderr


def test_an_output_folder_that_cannot_be_written(folder: Path) -> None:
    (folder / "file").write_text("")
    result = run("scan", folder, "--out", folder / "file")
    assert result.exit_code == 1
    assert result.stderr == (
        f"{folder}/file: cannot be written (it is a file, not a folder); choose another --out folder\n"
    )


@pytest.mark.skipif(not Path("/dev/shm").is_dir() or os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk_spares_what_is_finished(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    small = tmp_path_factory.mktemp("small")
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(small)], capture_output=True
    ).returncode:
        pytest.skip("cannot mount")
    try:
        result = command("scan", folder, "--out", small / "out")
        assert result.returncode == 1
        assert "cannot be written (No space left on device); free space" in result.stderr
        for written in small.rglob("result.json"):
            jsonschema.validate(json.loads(written.read_text()), schema())
        assert not list(small.rglob("*.part"))
    finally:
        subprocess.run(["umount", str(small)], check=True)


# --- terminals, pipes, interruption --------------------------------------------------------------------


def in_terminal(*arguments: str | Path) -> tuple[str, str]:
    """Run with standard error on a terminal and standard output in a pipe; return both."""
    controller, terminal = pty.openpty()
    with tempfile.TemporaryFile("w+") as printed:  # a pipe would fill up while the terminal is read
        words = [sys.executable, "-m", "tamperscope", *map(str, arguments)]
        process = subprocess.Popen(words, stdout=printed, stderr=terminal)
        os.close(terminal)
        seen = b""
        while select.select([controller], [], [], 60)[0]:
            try:
                chunk = os.read(controller, 65536)
            except OSError:  # the other end closed
                break
            seen += chunk
        process.wait(60)
        os.close(controller)
        printed.seek(0)
        return printed.read(), seen.decode(errors="replace")


def many(folder: Path, count: int) -> Path:
    folder.mkdir(exist_ok=True)
    data = photos.spliced()[0]
    for index in range(count):
        (folder / f"{index:03}.jpg").write_bytes(data)
    return folder


def test_progress_is_shown_on_a_terminal_when_it_takes_long(tmp_path: Path) -> None:
    # As many as take a fast machine well over two seconds.
    printed, seen = in_terminal("scan", many(tmp_path / "many", 480), "--json", "--detector", "dct")
    assert "scanning" in seen
    assert "/480" in seen
    assert len([json.loads(line) for line in printed.splitlines()]) == 480


def test_no_progress_for_short_work_and_in_pipes(folder: Path) -> None:
    _, seen = in_terminal("scan", folder, "--detector", "noi")
    assert seen == ""
    assert command("scan", folder, "--detector", "noi").stderr == ""


def test_an_interruption_leaves_finished_results_whole_and_resumes(tmp_path: Path) -> None:
    source, out = many(tmp_path / "many", 120), tmp_path / "out"
    arguments = [
        sys.executable,
        "-m",
        "tamperscope",
        "scan",
        str(source),
        "--out",
        str(out),
        "--workers",
        "2",
        "--detector",
        "ela",  # which is fast: what is interrupted is the scan
    ]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(list(out.glob("*/result.json"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: finished results are whole, --resume goes on" in errors
    assert "Traceback" not in errors
    finished = list(out.glob("*/result.json"))
    assert 5 <= len(finished) < 120
    for path in finished:
        jsonschema.validate(json.loads(path.read_text()), schema())
        assert len(list(path.parent.glob("ela.*.png"))) == 3
    assert not list(out.rglob("*.part"))
    before = {path: path.stat().st_mtime_ns for path in finished}
    result = command("scan", source, "--out", out, "--workers", "2", "--resume", "--detector", "ela")
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) == len(list(out.glob("*/result.json"))) == 120
    assert {path: path.stat().st_mtime_ns for path in finished} == before


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    source = many(tmp_path / "many", 30)
    process = subprocess.Popen(
        [sys.executable, "-m", "tamperscope", "scan", str(source), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 1
    process.stderr.close()


# --- the rest ------------------------------------------------------------------------------------------


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("tamperscope 0.")
    assert run("-h").exit_code == 0
    shown = run("scan", "--help").stdout
    assert "tamperscope scan photo.jpg --detector adjpeg,ela --set ela.quality=95" in " ".join(shown.split())
    assert "Exit code" in shown


@pytest.mark.parametrize(("command", "names"), [("forge", PRESETS), ("train", RECIPES)])
def test_help_names_every_recipe(command: str, names: dict[str, Any]) -> None:
    shown = unframed(run(command, "--help").stdout)
    assert [name for name in names if f"{name}," not in shown] == []


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "--dataset", "folder", "--root", ".", "--out", "x"),
        ("tune", "--dataset", "folder", "--root", ".", "--detector", "ela", "--refine", "smooth"),
        ("reproduce", "bappy2017", "table6"),
    ],
)
def test_a_missing_extra_is_named(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("tamperscope.evaluation")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run(*words)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "pip install 'tamperscope[evaluation]'" in result.stderr


def test_detectors_are_listed_from_the_plugins() -> None:
    listed = json.loads(run("detectors", "--json").stdout)
    assert [entry["name"] for entry in listed] == list(plugins.names("detectors"))
    for entry in listed:
        assert entry["looks_at"]
        assert entry["licence"]
        fields = plugins.options(plugins.load("detectors", entry["name"]))
        assert {field["name"]: field["default"] for field in entry["fields"]} == {
            name: field.default for name, field in fields.items()
        }
    card = plugins.build("detectors", "fusion").own_card  # that of its weights
    (fusion,) = (entry for entry in listed if entry["name"] == "fusion")
    assert card.calibrated
    assert (fusion["threshold"], fusion["calibrated"]) == (card.threshold, card.calibrated)
    assert "non-commercial research" in fusion["licence"]
    text = run("detectors").stdout
    assert "adjpeg - Aligned double JPEG compression" in text
    assert "needs: the DCT coefficients of a JPEG file" in text
    assert "--set ela.quality=90" in text


def test_streams_that_are_full_or_closed(folder: Path) -> None:
    words = [sys.executable, "-m", "tamperscope", "scan", str(folder / "forged.jpg"), str(folder / "no.jpg")]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert "standard output: cannot be written (No space left on device)" in result.stderr
    assert "Traceback" not in result.stderr
    closed = subprocess.run(["bash", "-c", '"$@" 2>&-', "-", *words], stdout=subprocess.PIPE, text=True)
    assert closed.returncode == 1
    assert "fusion: manipulated" in closed.stdout


def test_a_second_interruption_does_not_hang(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tamperscope", "scan", str(many(tmp_path / "many", 200)), "-w", "2"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    process.communicate(timeout=60)
    assert process.returncode == 130


@pytest.mark.parametrize(("seconds", "told"), [(0, b""), (4, b"finishing what is begun; once more ends it")])
def test_who_interrupts_and_has_to_wait_is_told(seconds: int, told: bytes) -> None:
    code = (
        "import os, signal, time; from tamperscope import cli\n"
        "def work():\n"
        "    try: os.kill(os.getpid(), signal.SIGINT); time.sleep(60)\n"
        f"    except KeyboardInterrupt: time.sleep({seconds})\n"
        "cli.app = work; cli.main()"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert found.stderr.startswith(told)
    assert bool(found.stderr) == bool(told)


def test_an_interruption_before_anything_is_loaded_is_no_traceback() -> None:
    # As if Ctrl-C came at the moment when the commands begin to be imported.
    code = (
        "import os, signal, sys; from tamperscope.__main__ import main\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'tamperscope.cli': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting()); main()"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert (found.returncode, found.stderr) == (-signal.SIGINT, b"")


def test_main_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["tamperscope", "--version"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 0
    assert "tamperscope" in capsys.readouterr().out


def test_the_command_line_starts_without_heavy_libraries() -> None:
    code = "import sys, tamperscope.cli; print(sorted({'numpy', 'cv2', 'PIL', 'torch'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout == "[]\n"
