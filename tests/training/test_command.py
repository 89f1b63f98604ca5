import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from forging import write_photos
from framed import unframed
from tamperscope.cli import app


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command")
    write_photos(folder / "photos", 8)
    words = ["forge", str(folder / "photos"), "--out", str(folder / "set"), "-n", "16", "--size", "96"]
    made = CliRunner().invoke(app, words)
    assert made.exit_code == 0, made.output
    with (folder / "set" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(sorted(rows, key=lambda row: row["label"])):
        row["split"] = ("train", "val")[number % 2]  # leaks and all: it only has to run
    with (folder / "set" / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / "set"


def train(*arguments: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["train", *map(str, arguments)])
    return found.exit_code, found.output


SMALL = [
    word for setting in ("epochs=1", "epoch_steps=1", "batch=4", "per_photo=2") for word in ("--set", setting)
]


def test_a_manifest_is_trained_on(forged: Path, tmp_path: Path) -> None:
    code, said = train("fcn", "--data", forged / "manifest.csv", "--out", tmp_path / "run", *SMALL)
    assert code == 0, said
    assert (tmp_path / "run" / "network.safetensors").is_file()
    code, again = train("fcn", "--data", forged / "manifest.csv", "--out", tmp_path / "run", *SMALL)
    assert (code, again) == (0, said)


def test_photographs_may_lie_elsewhere(forged: Path, tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_bytes((forged / "manifest.csv").read_bytes())
    code, said = train("fcn", "--data", table, "--photos", forged, "--out", tmp_path / "run", *SMALL)
    assert code == 0, said


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["unet", "--data", "SET"], 2, "no network 'unet'"),
        (["conv_lstm", "--data", "SET", "--set", "variant=Q"], 2, "J-Conv-LSTM-Conv"),
        (["conv_lstm", "--data", "SET", "--set", "batch=0"], 2, "batch"),
        (["conv_lstm", "--data", "SET", "--set", "batch"], 2, "field=value"),
        (["conv_lstm", "--data", "casia1"], 2, "--photos"),
        (["conv_lstm", "--data", "nowhere.csv"], 1, "nowhere.csv: there is no such file"),
        (["conv_lstm", "--data", ""], 2, "--data is empty"),
    ],
)
def test_what_is_wrong_is_said(
    forged: Path, tmp_path: Path, arguments: list[str], code: int, problem: str
) -> None:
    words = [str(forged) if word == "SET" else word for word in arguments]
    found, said = train(*words, "--out", tmp_path / "run")
    assert found == code
    assert problem in unframed(said)


def test_processes_share_the_work(forged: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["train", "fcn", "--data", str(forged), "--out", str(run), *SMALL, "--set", "devices=2"]
    words += ["--set", "epochs=2"]
    done = subprocess.run(
        [sys.executable, "-m", "tamperscope", *words],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("network.safetensors") == 1
    with (run / "metrics.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]
    assert (run / "network.safetensors").is_file()


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "")]
)
def test_a_signal_ends_it_in_order(
    forged: Path, tmp_path: Path, number: signal.Signals, code: int, word: str
) -> None:
    run = tmp_path / "run"
    words = ["train", "fcn", "--data", str(forged), "--out", str(run), *SMALL, "--set", "epochs=1000"]
    started = subprocess.Popen(
        [sys.executable, "-m", "tamperscope", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    for _ in range(1200):
        if (run / "last.safetensors").exists():
            break
        time.sleep(0.1)
    started.send_signal(number)
    _, said = started.communicate(timeout=60)
    assert started.returncode == code
    assert word in said
    assert not (run / "network.safetensors").exists()
