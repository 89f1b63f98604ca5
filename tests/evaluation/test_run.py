"""Whole evaluations: what is written, resumed, refused and counted; and the commands."""

import csv
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from dataset_trees import TREES, put, put_mask, write_manifest
from evaluating import planned, small_set
from networks_made import card, write_network
from photos import encode
from tamperscope import plugins
from tamperscope.cli import app
from tamperscope.datasets import open_dataset
from tamperscope.detectors._refined import assemble
from tamperscope.detectors.ela import ErrorLevel
from tamperscope.errors import InvalidParameter, OutputError, WrongLayout
from tamperscope.evaluation import run as running
from tamperscope.evaluation.files import facts
from tamperscope.evaluation.run import evaluate, plan
from tamperscope.io.decode import decode
from tamperscope.io.provenance import photo_digest

run = CliRunner()

OUTPUTS = ("results.parquet", "summary.csv", "report.html")


def content(out: Path) -> dict[str, str]:
    return {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in OUTPUTS}


def rows(out: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(out / "results.parquet").to_pylist()
    return found


def test_rows_hold_what_an_independent_loop_measures(forged: Path, tmp_path: Path) -> None:
    evaluate(planned(forged), tmp_path)
    dataset, ela = open_dataset("forged", forged), plugins.build("detectors", "ela")
    found = {
        row["image"]: row
        for row in rows(tmp_path)
        if (row["detector"], row["metric"]) == ("ela", "pixel_auc")
    }
    manipulated = [sample for sample in dataset.samples() if sample.manipulated]
    assert set(found) == {sample.name for sample in manipulated}
    for sample in manipulated:
        photo = decode(sample.image)
        truth = dataset.mask(sample, (photo.height, photo.width))
        expected = roc_auc_score(truth.ravel(), ela.localize(photo).heatmap.ravel())
        assert found[sample.name]["value"] == pytest.approx(expected, abs=1e-9)
        assert found[sample.name]["digest"] == photo.digest
        assert found[sample.name]["status"] == "judged"


def test_every_row_says_whence_it_comes(forged: Path, tmp_path: Path) -> None:
    evaluate(planned(forged, perturbations=["jpeg:80"]), tmp_path)
    every = rows(tmp_path)
    assert {row["perturbation"] for row in every} == {"", "jpeg:80"}
    assert {(row["dataset"], row["split"], row["condition"], row["seed"]) for row in every} == {
        ("forged", "test", "raw", 0)
    }
    assert {row["detector"] for row in every} == {"adjpeg", "ela"}
    assert json.loads(str(every[-1]["parameters"])) == plugins.parameters(plugins.build("detectors", "ela"))
    missing = [row for row in every if row["status"] == "not applicable"]
    assert missing
    assert all(row["value"] is None and "JPEG" in str(row["reason"]) for row in missing)
    with (tmp_path / "summary.csv").open() as file:
        summary = list(csv.DictReader(file))
    pixel = [
        row
        for row in summary
        if (row["detector"], row["metric"], row["subset"]) == ("adjpeg", "pixel_auc", "all")
    ]
    assert {row["perturbation"] for row in pixel} == {"", "jpeg:80"}
    assert int(pixel[0]["n"]) + int(pixel[0]["not_applicable"]) == 24 - _pristine(forged)


def _pristine(root: Path) -> int:
    return sum(not sample.manipulated for sample in open_dataset("forged", root).samples())


def test_the_pooled_area_is_that_of_all_pixels(forged: Path, tmp_path: Path) -> None:
    results = evaluate(planned(forged, "ela", metrics=["pixel_auc_pooled"]), tmp_path)
    dataset, ela = open_dataset("forged", forged), plugins.build("detectors", "ela")
    heat, truth = [], []
    for sample in dataset.samples():
        photo = decode(sample.image)
        heat.append(ela.localize(photo).heatmap.ravel())
        truth.append(dataset.mask(sample, (photo.height, photo.width)).ravel())
    (number,) = [one for one in results.conditions[0].numbers if one.detector == "ela"]
    assert number.value == pytest.approx(roc_auc_score(np.concatenate(truth), np.concatenate(heat)), abs=1e-9)
    assert (number.low, number.n) == (None, 24)
    assert not (tmp_path / ".rankings").exists()


def test_again_with_workers_and_from_the_cache_is_the_same_bit_for_bit(forged: Path, tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        evaluate(planned(forged, perturbations=["noise:3"]), tmp_path / name, workers=workers)
    assert content(tmp_path / "one") == content(tmp_path / "two")
    before = content(tmp_path / "one")
    evaluate(planned(forged, perturbations=["noise:3"]), tmp_path / "one")
    assert content(tmp_path / "one") == before
    facts = json.loads((tmp_path / "one" / "run.json").read_text())
    assert facts["finished"]
    assert facts["cached"] == 2 * 2 * 24
    shared = tmp_path / "shared"
    evaluate(planned(forged), tmp_path / "three", cache=tmp_path / "one" / "cache")
    assert not shared.exists()
    assert json.loads((tmp_path / "three" / "run.json").read_text())["cached"] == 2 * 24


def test_a_killed_run_resumes_to_the_same_bits(forged: Path, tmp_path: Path) -> None:
    evaluate(planned(forged, "adjpeg", "noi", perturbations=["jpeg:90"]), tmp_path / "whole")
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "tamperscope", "evaluate", "--dataset", "forged", "--root", str(forged)]
    command += ["--detector", "adjpeg,noi", "--perturb", "jpeg:90", "--out", str(killed)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while len(list(killed.glob("cache/*/*/*.npz"))) < 10 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
    assert len(list(killed.glob("cache/*/*/*.npz"))) < 96
    assert not any((killed / name).exists() for name in OUTPUTS)
    evaluate(planned(forged, "adjpeg", "noi", perturbations=["jpeg:90"]), killed)
    assert content(killed) == content(tmp_path / "whole")
    assert not list(killed.glob(".*"))
    assert json.loads((killed / "run.json").read_text())["cached"] >= 10


def test_equalizing_makes_every_photo_a_jpeg_of_the_range(forged: Path, tmp_path: Path) -> None:
    results = evaluate(planned(forged, qualities=(80, 85)), tmp_path)
    assert {row["condition"] for row in rows(tmp_path)} == {"equalized"}
    assert not [row for row in rows(tmp_path) if row["status"] == "not applicable"]
    assert results.evaluation.condition == "equalized"
    page = (tmp_path / "report.html").read_text()
    assert "image_auc (equalized)" in page
    assert "image_auc (raw)" not in page


def test_other_results_are_never_overwritten(forged: Path, tmp_path: Path) -> None:
    evaluate(planned(forged, "ela"), tmp_path)
    before = content(tmp_path)
    for other in (
        planned(forged, "noi"),
        planned(forged, "ela", seed=1),
        planned(forged, "ela", qualities=(70, 95)),
    ):
        with pytest.raises(OutputError, match="holds an evaluation with other settings"):
            evaluate(other, tmp_path)
    assert content(tmp_path) == before
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(OutputError, match="cannot be read"):
        evaluate(planned(forged, "ela"), tmp_path)


def test_what_cannot_be_used_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "set"
    for number in range(4):
        put(root / f"{number}.jpg", number, (80, 96))
    put_mask(root / "m.png", shape=(80, 96))
    put_mask(root / "small.png")
    (root / "empty.png").write_bytes(encode(np.zeros((80, 96), np.uint8)))
    (root / "2.jpg").write_bytes(b"\xff\xd8\xff nonsense")
    masks = ["m.png", "small.png", "", "empty.png"]
    write_manifest(
        root,
        [
            {
                "dataset": "odd",
                "split": "test",
                "label": str(int(bool(mask))),
                "image": f"{number}.jpg",
                "mask": mask,
            }
            for number, mask in enumerate(masks)
        ]
        + [{"dataset": "odd", "split": "test", "label": "1", "image": "none.jpg", "mask": "m.png"}],
    )
    command = [
        "evaluate",
        "--dataset",
        "odd",
        "--root",
        str(root),
        "--detector",
        "ela",
        "--out",
        str(tmp_path / "o"),
    ]
    found = run.invoke(app, command)
    assert found.exit_code == 1
    for text in ("masks are never resized", "2.jpg", "its mask marks nothing", "none.jpg: no such file"):
        assert text in found.output, found.output
    excluded = {row["image"] for row in rows(tmp_path / "o") if row["status"] == "excluded"}
    assert excluded == {"1.jpg", "2.jpg", "3.jpg", "none.jpg"}
    with (tmp_path / "o" / "summary.csv").open() as file:
        auc = next(
            row for row in csv.DictReader(file) if (row["detector"], row["metric"]) == ("ela", "pixel_auc")
        )
    assert (auc["n"], auc["excluded"]) == ("1", "3")
    page = (tmp_path / "o" / "report.html").read_text()
    assert "4 photos could not be used" in page
    # Whole photos need no mask: two of those four are measured.
    status = {row["image"]: row["status"] for row in rows(tmp_path / "o") if row["metric"] == "image_auc"}
    left_out = [status[f"{number}.jpg"] == "excluded" for number in range(4)]
    assert left_out == [False, False, True, False]
    found = run.invoke(app, [*command[:-1], str(tmp_path / "whole"), "--metric", "image_auc"])
    assert "masks are never resized" not in found.output
    assert {row["image"] for row in rows(tmp_path / "whole") if row["status"] == "excluded"} == {
        "2.jpg",
        "none.jpg",
    }


def test_a_defect_of_one_detector_is_counted(
    forged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: ErrorLevel, photo: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(ErrorLevel, "_localize", broken)
    results = evaluate(planned(forged, "ela", "noi"), tmp_path)
    assert len(results.failed) == 24
    assert {row["status"] for row in rows(tmp_path) if row["detector"] == "ela"} == {"failed"}
    assert {row["status"] for row in rows(tmp_path) if row["detector"] == "noi"} <= {"judged", "undefined"}


@pytest.mark.parametrize("choice", [{"qualities": (0, 90)}, {"qualities": (95, 70)}, {"metrics": ["x"]}])
def test_what_makes_no_sense_is_refused(forged: Path, choice: dict[str, object]) -> None:
    with pytest.raises(InvalidParameter if "metrics" not in choice else Exception, match=r"qualities|metric"):
        planned(forged, **choice)


def test_an_empty_split_and_a_wrong_root_are_one_line(forged: Path, tmp_path: Path) -> None:
    ela = plugins.build("detectors", "ela")
    with pytest.raises(WrongLayout, match="no sample in split 'val'; choose from test, all"):
        plan("forged", forged, "val", {"ela": ela})
    base = ["evaluate", "--out", str(tmp_path / "o"), "--detector", "ela"]
    empty = run.invoke(app, [*base, "--dataset", "forged", "--root", str(forged), "--split", "val"])
    assert (empty.exit_code, empty.output.count("\n")) == (1, 1)
    wrong = run.invoke(app, [*base, "--dataset", "casia1", "--root", str(tmp_path)])
    assert (wrong.exit_code, wrong.output.count("\n")) == (1, 1)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--detector", "elf"],
        ["--set", "ela.quality=500"],
        ["--metric", "pixel_f2"],
        ["--perturb", "rain:3"],
        ["--split", "tests"],
        ["--qualities", "90", "80", "--equalize"],
        ["--dataset", "forget"],
    ],
)
def test_wrong_usage_exits_with_2(options: list[str], forged: Path, tmp_path: Path) -> None:
    base = [
        "evaluate",
        "--dataset",
        "forged",
        "--root",
        str(forged),
        "--detector",
        "ela",
        "--out",
        str(tmp_path / "o"),
    ]
    assert run.invoke(app, [*base, *options]).exit_code == 2


def test_the_command_measures_and_prints(forged: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    base = ["evaluate", "--dataset", "forged", "--root", str(forged), "--out", str(out)]
    options = "--detector ela,adjpeg --set ela.quality=95 --metric pixel_auc,image_auc --workers 2 --seed 3"
    found = run.invoke(app, [*base, *options.split()])
    assert found.exit_code == 0, found.output
    lines = found.output.splitlines()
    assert lines[0] == "forged test (24 of 24 photographs), raw, seed 3"
    assert lines[1].split()[:2] == ["ela", "pixel_auc"]
    assert lines[-1] == f"Open {out / 'report.html'}"
    assert "image_auc (raw)" in found.output
    assert {row["parameters"] for row in rows(out) if row["detector"] == "ela"} != {"{}"}


def test_a_set_without_splits_is_split_by_the_seed(tmp_path: Path) -> None:
    for number in range(8):
        put(tmp_path / "set" / "images" / f"{number}.jpg", number, (64, 64))
        put_mask(tmp_path / "set" / "masks" / f"{number}.png", shape=(64, 64))
    base = ["evaluate", "--dataset", "folder", "--root", str(tmp_path / "set"), "--detector", "noi", "--out"]
    assert run.invoke(app, [*base, str(tmp_path / "o")]).exit_code == 0
    assert run.invoke(app, [*base, str(tmp_path / "all"), "--split", "all"]).exit_code == 0
    assert len({row["image"] for row in rows(tmp_path / "o")}) == 2
    assert len({row["image"] for row in rows(tmp_path / "all")}) == 8


def test_every_registered_data_set_can_be_evaluated(tmp_path: Path) -> None:
    for name, tree in TREES.items():
        (tmp_path / name).mkdir()
        tree(tmp_path / name)
        detectors = {"noi": plugins.build("detectors", "noi")}
        wanted = "mine" if name == "manifest" else name
        results = evaluate(plan(wanted, tmp_path / name, "all", detectors), tmp_path / "out" / name)
        assert not results.excluded


def command(root: Path, out: Path, *options: str) -> list[str]:
    return [
        "evaluate",
        "--dataset",
        "folder",
        "--root",
        str(root),
        "--split",
        "all",
        "--out",
        str(out),
        *options,
    ]


def test_fields_of_a_detector_that_auto_chooses_count(tmp_path: Path) -> None:
    root, shared = small_set(tmp_path / "set"), ["--cache", str(tmp_path / "cache"), "-d", "auto"]
    for name, setting in (("plain", "adjpeg.caution=1.1"), ("other", "adjpeg.caution=9")):
        assert run.invoke(app, command(root, tmp_path / name, *shared, "--set", setting)).exit_code == 0
        assert json.loads((tmp_path / name / "run.json").read_text())["cached"] == 0
    (parameters,) = {str(row["parameters"]) for row in rows(tmp_path / "other")}
    assert json.loads(parameters)["adjpeg.*"]["caution"] == 9


def test_a_name_that_is_no_text_is_measured_too(tmp_path: Path) -> None:
    root = small_set(tmp_path / "set", 1)
    for folder, suffix in (("images", ".jpg"), ("masks", ".png")):
        path = root / folder / f"0{suffix}"
        path.rename(path.with_name(os.fsdecode(b"b\xff" + suffix.encode())))
    found = run.invoke(app, command(root, tmp_path / "o", "-d", "noi"))
    assert found.exit_code == 0, found.output
    assert {row["image"] for row in rows(tmp_path / "o")} == {"images/b\\xff.jpg"}


def test_a_photo_that_cannot_be_perturbed_is_counted(tmp_path: Path) -> None:
    root = small_set(tmp_path / "set", 2)
    (root / "images" / "1.jpg").write_bytes(encode(np.zeros((8, 20_000, 3), np.uint8), "JPEG"))
    (root / "masks" / "1.png").write_bytes(encode(np.full((8, 20_000), 255, np.uint8)))
    found = run.invoke(
        app, command(root, tmp_path / "o", "-d", "noi", "--perturb", "resize:4", "--perturb", "crop:60")
    )
    assert found.exit_code == 1
    assert "resize:4" in found.output
    statuses = {(row["image"], row["perturbation"]): row["status"] for row in rows(tmp_path / "o")}
    assert statuses["images/1.jpg", "resize:4"] == "excluded"
    assert statuses["images/0.jpg", "resize:4"] != "excluded"
    lost = {str(row["reason"]) for row in rows(tmp_path / "o") if row["perturbation"] == "crop:60"}
    assert any("nothing manipulated is left of it" in reason for reason in lost)


def test_two_at_once_do_not_share_a_folder(tmp_path: Path) -> None:
    root = small_set(tmp_path / "set")
    wanted = plan("folder", root, "all", {"noi": plugins.build("detectors", "noi")})

    def again() -> None:
        with pytest.raises(OutputError, match="another evaluation writes to it now"):
            evaluate(wanted, tmp_path / "o")

    evaluate(wanted, tmp_path / "o", advance=again)
    assert not list((tmp_path / "o").glob(".*"))


def test_another_set_of_the_same_size_is_another_evaluation(tmp_path: Path) -> None:
    out = tmp_path / "o"
    assert run.invoke(app, command(small_set(tmp_path / "one"), out, "-d", "noi")).exit_code == 0
    found = run.invoke(app, command(small_set(tmp_path / "two", offset=9), out, "-d", "noi"))
    assert found.exit_code == 1
    assert "other settings (samples)" in found.output
    assert run.invoke(app, command(tmp_path / "one", Path(__file__), "-d", "noi")).exit_code == 1


def test_a_metric_counts_once_however_it_is_spelled(tmp_path: Path) -> None:
    root = small_set(tmp_path / "set")
    options = ["-d", "noi,", "-m", "pixel_f1@0.5,pixel_f1@0.50", "-m", "pixel_f1@card", "-m", "pixel_f1"]
    assert run.invoke(app, command(root, tmp_path / "o", *options)).exit_code == 0
    every = [(row["image"], row["metric"]) for row in rows(tmp_path / "o")]
    assert len(every) == len(set(every)) == 6 * 3


def test_qualities_without_equalizing_are_refused(tmp_path: Path) -> None:
    options = ["-d", "noi", "--qualities", "80", "90"]
    assert run.invoke(app, command(small_set(tmp_path / "set"), tmp_path / "o", *options)).exit_code == 2


def test_metrics_are_listed_with_their_meaning() -> None:
    listed = run.invoke(app, ["metrics"]).output
    as_json = json.loads(run.invoke(app, ["metrics", "--json"]).output)
    assert list(as_json) == list(plugins.names("metrics"))
    assert "pixel_f1 (@0.5, @card, @best, or any number): Pixel F1" in listed
    for entry in as_json.values():
        assert entry["convention"] in listed


def test_what_was_learned_from_is_said(forged: Path, tmp_path: Path) -> None:
    samples = open_dataset("forged", forged).samples()
    learned = [hashlib.sha256(sample.image.read_bytes()).hexdigest()[:16] for sample in samples[:5]]
    text = card(learned=learned).dumps()
    weights = write_network(tmp_path / "made.onnx", text=text)
    words = ["evaluate", "--dataset", "forged", "--root", str(forged), "--metric", "pixel_auc"]
    words += ["--detector", "conv_lstm,ela", "--set", f"conv_lstm.weights={weights}"]
    found = run.invoke(app, [*words, "--out", str(tmp_path / "out")])
    assert found.exit_code == 0, found.output
    assert f"conv_lstm learned from 5 of these {len(samples)} photographs" in found.output
    assert "ela learned" not in found.output
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<strong>conv_lstm learned from 5 of these photos</strong>" in page


def test_weights_of_another_network_are_wrong_usage(tmp_path: Path) -> None:
    weights = write_network(tmp_path / "made.onnx", text=card().dumps())
    options = ["-d", "fcn", "--set", f"fcn.weights={weights}"]
    assert run.invoke(app, command(small_set(tmp_path / "set"), tmp_path / "o", *options)).exit_code == 2


def test_what_a_choice_learned_from_counts_as_well(
    forged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = open_dataset("forged", forged).samples()[:2]
    learned = frozenset(photo_digest(sample.image) for sample in samples)
    monkeypatch.setattr(plugins.load("detectors", "fusion"), "learned", property(lambda _: learned))
    wanted = plan("forged", forged, "all", {name: assemble(name, {}) for name in ("auto", "auto+smooth")})
    assert dict(running._learned(wanted)) == {"auto": 2, "auto+smooth": 2}
    digests = facts(wanted, "auto")["weights_digest"]
    assert digests == assemble("fusion", {}).weights_digest
