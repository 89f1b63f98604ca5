"""The papers' tables: their numbers, ours beside them, and what does not exist yet."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from detectors_made import made_weights
from framed import unframed
from tamperscope import plugins
from tamperscope.cli import app
from tamperscope.errors import InvalidParameter, MissingWeights
from tamperscope.evaluation.papers import PAPERS
from tamperscope.evaluation.tables import Ours, find_table, layout, missing_rows
from tamperscope.metrics._base import parse_metric
from training_made import write_set

run = CliRunner()

_FIGURES = {
    "patch_accuracy",
    "segmentation_accuracy",
    "patch_auc",
    "pixel_auc",
}  # of the networks, on patches

EVERY = [(paper, name) for paper, tables in PAPERS.items() for name in tables]


@pytest.mark.parametrize(("paper", "name"), EVERY)
def test_a_table_is_whole(paper: str, name: str) -> None:
    table = PAPERS[paper][name]
    assert table.title
    assert table.differences
    for column in table.columns:
        if table.trained:
            assert column.metric in _FIGURES
        else:
            (metric,) = parse_metric(column.metric)
            assert metric.name == column.metric
    for row in table.rows:
        assert len(row.numbers) == len(table.columns)
        assert all(number is None or 0 < number < 1 for number in row.numbers)


@pytest.mark.parametrize(
    ("paper", "name", "label", "numbers"),
    [
        ("bappy2017", "table1", "J-Conv-LSTM-Conv", (0.8938, 0.8768, 0.8006)),
        ("bappy2017", "table6", "NADJPEG", (0.6567,)),
        ("cun2018", "mcc", "MFCN", (0.5703, 0.4074, 0.4792)),
        ("wang2024", "table1", "WCBnet, PSPNet", (0.703, 0.365)),
        ("wang2024", "views", "WCBnet 4", (0.935,)),
    ],
)
def test_numbers_are_the_papers(paper: str, name: str, label: str, numbers: tuple[float, ...]) -> None:
    assert next(row.numbers for row in PAPERS[paper][name].rows if row.label == label) == numbers


def test_unknown_tables_are_answered_with_the_known() -> None:
    with pytest.raises(InvalidParameter, match="choose from bappy2017, cun2018, wang2024"):
        find_table("bappy", "table1")
    with pytest.raises(InvalidParameter, match="choose from table1, table2"):
        find_table("bappy2017", "table9")


def test_paper_and_ours_are_printed_side_by_side(forged: Path, tmp_path: Path) -> None:
    command = ["reproduce", "bappy2017", "table6", "--root", f"forged={forged}", "--out", str(tmp_path)]
    found = run.invoke(app, command)
    assert found.exit_code == 0, found.output
    lines = found.output.splitlines()
    assert lines[0] == "bappy2017, table6: AUC of pixels, beside the state of the art"
    for place in ("raw", "equalized"):
        start = lines.index(f"Ours on forged test, {place}:")
        assert lines[start + 1].split() == ["method", "detector", "NIST", "ours:", "pixel_auc"]
    ela = next(line for line in lines if line.startswith("Error level analysis"))
    assert ".4288" in ela
    assert "(n " in ela
    assert "Differences of protocol:" in lines
    folder = tmp_path / "bappy2017-table6"
    with (folder / "table.csv").open() as file:
        assert next(csv.reader(file))[:3] == ["method", "detector", "paper: NIST"]
    assert (folder / "forged-test-equalized" / "report.html").is_file()


def test_a_table_without_roots_or_detectors_is_the_paper_s() -> None:
    found = run.invoke(app, ["reproduce", "cun2018", "f1"])
    assert found.exit_code == 0
    assert "no root given" in found.output
    assert ".5707" in found.output
    assert "no root given" in run.invoke(app, ["reproduce", "bappy2017", "table6"]).output


@pytest.mark.parametrize(
    "words", [["bappy2017", "table9"], ["x", "y"], ["bappy2017", "table6", "--root", "casia1"]]
)
def test_wrong_usage(words: list[str]) -> None:
    assert run.invoke(app, ["reproduce", *words]).exit_code == 2


def test_a_wrong_root_is_one_line(tmp_path: Path) -> None:
    found = run.invoke(app, ["reproduce", "bappy2017", "table6", "--root", f"casia1={tmp_path}"])
    assert (found.exit_code, found.output.count("\n")) == (1, 1)


SMALL = [
    word
    for setting in ("epochs=2", "epoch_steps=1", "batch=4", "per_photo=2", "validation=2", "workers=0")
    for word in ("--set", setting)
]


def test_a_table_trains_its_networks_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roots = [
        f"{name}={write_set(tmp_path / name, name=name)}"
        for name in ("coverage", "made")  # COVERAGE comes last
    ]
    words = ["reproduce", "bappy2017", "figure4", *(word for root in roots for word in ("--root", root))]
    found = run.invoke(app, [*words, "--out", str(tmp_path / "out"), *SMALL])
    assert found.exit_code == 0, found.output
    assert "budget: 1 networks for each of coverage, made, at most 2 epochs, 8 patches" in found.output
    assert "Ours on patches of made test, saved again (n " in found.output
    assert "Ours on made test, equalized:" in found.output
    for name in ("made", "coverage"):
        assert (
            (tmp_path / "out" / "bappy2017-figure4" / f"roc-{name}.png").read_bytes().startswith(b"\x89PNG")
        )
    networks = tmp_path / "out" / "networks"
    row = "conv_lstm-J-Conv-LSTM-Conv"
    tuned = json.loads((networks / "coverage" / f"{row}-from-made" / "run.json").read_text())
    first = json.loads((networks / "made" / row / "run.json").read_text())
    start = (networks / "made" / row / "network.safetensors").read_bytes()
    assert tuned["training"]["start"] == hashlib.sha256(start).hexdigest()[:16]
    with (networks / "coverage" / f"{row}-from-made" / "split.csv").open() as file:
        assert ("start", "made") in {(one["split"], one["dataset"]) for one in csv.DictReader(file)}
    assert tuned["training"]["learning_rate"] < first["training"]["learning_rate"]
    before = {path: path.stat().st_mtime_ns for path in networks.rglob("*.onnx")}
    assert len(before) == 2
    monkeypatch.chdir(tmp_path)  # the same folder, spelled otherwise
    again = run.invoke(app, [*words, "--out", "out", *SMALL])
    assert again.exit_code == 0, again.output
    assert {path: path.stat().st_mtime_ns for path in networks.rglob("*.onnx")} == before


def test_networks_that_learned_here_are_not_measured_on_what_they_learned(tmp_path: Path) -> None:
    words = ["reproduce", "bappy2017", "table1", "--root", f"made={tmp_path}", "--split", "train"]
    assert run.invoke(app, words).exit_code == 2


@pytest.mark.parametrize("setting", ["seed=5", "variant=P-LSTM", "start=x", "devices=2"])
def test_what_a_table_decides_on_cannot_be_changed(tmp_path: Path, setting: str) -> None:
    words = ["reproduce", "bappy2017", "table1", "--root", f"made={write_set(tmp_path)}", "--set", setting]
    assert run.invoke(app, [*words, "--set", "batch=64"]).exit_code == 2


def test_neither_can_it_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"least_share": 0.9}')
    words = ["reproduce", "bappy2017", "table4", "--root", f"made={write_set(tmp_path)}"]
    found = run.invoke(app, [*words, "--config", str(tmp_path / "mine.json"), "--out", str(tmp_path / "out")])
    assert found.exit_code == 2
    assert "cannot change least_share" in unframed(found.output)


@pytest.mark.parametrize(
    "words", [["cun2018", "f1", "--set", "epochs=1"], ["bappy2017", "table6", "--config", "x"]]
)
def test_what_is_said_of_a_training_that_there_is_not_is_refused(words: list[str]) -> None:
    assert run.invoke(app, ["reproduce", *words]).exit_code == 2


def test_rows_without_weights_are_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(self: Any) -> None:
        raise MissingWeights(f"{self.title} has none", "fetch them")

    for name in ("deeplab", "sam"):
        monkeypatch.setattr(plugins.load("segmenters", name), "prepare", cannot)
    monkeypatch.setattr(
        "tamperscope.detectors._learned.shipped", lambda name: made_weights(name) or Path("none")
    )
    table = PAPERS["wang2024"]["table1"]
    missing = missing_rows(table)
    assert missing["WCBnet, DeepLab"] == "DeepLabv3 has none"
    assert "PSPNet" in missing["ResNet, PSPNet"]
    assert set(missing) >= {"ResNet, SAM", "WCBnet, SAM"}
    assert "WCBnet, graph-based" not in missing
    rows = {row[0]: row for row in layout(table, [Ours("here", "pixel_auc", {}, "-")], missing)}
    assert "DeepLabv3 has none" in rows["WCBnet, DeepLab"]
