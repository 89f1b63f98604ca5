from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from evaluating import small_set
from framed import unframed
from photos import encode
from tamperscope.cli import app
from tamperscope.datasets import open_dataset
from tamperscope.detectors._refined import assemble
from tamperscope.errors import InvalidParameter
from tamperscope.evaluation.cache import Cache
from tamperscope.evaluation.judge import Plan, Task
from tamperscope.evaluation.run import evaluate
from tamperscope.evaluation.run import plan as run_plan
from tamperscope.evaluation.tune import candidates, tune
from tamperscope.io.decode import decode
from tamperscope.metrics._base import parse_metric
from tamperscope.refine.crf import Crf
from tamperscope.refine.smooth import Smooth

METRIC = parse_metric("pixel_f1@best")[0]  # above 0 on any map


def plan(folder: Path, *names: str) -> tuple[Plan, list[Task]]:
    dataset = open_dataset("folder", small_set(folder / "set"))
    tasks = [Task(place, one) for place, one in enumerate(dataset.samples()) if one.manipulated]
    detectors = {name: assemble(name, {}) for name in names}
    return Plan(dataset, detectors, (METRIC,), Cache(folder / "cache"), folder), tasks


def test_settings_fill_the_space_around_the_first() -> None:
    found = [one for one in candidates(Crf(), 33, seed=1) if isinstance(one, Crf)]
    assert found[0] == Crf()
    assert len(set(found)) == 33
    shares = np.log2([one.near / Crf().near for one in found[1:]])
    assert np.abs(shares).max() <= 2.01
    assert np.histogram(shares, 4, (-2.01, 2.01))[0].tolist() == [8, 8, 8, 8]
    assert {one.iterations for one in found} == {5}
    assert candidates(Crf(), 33, seed=1) == found
    assert candidates(Crf(), 33, seed=2) != found


def test_limits_are_kept() -> None:
    found = [one for one in candidates(replace(Crf(), width=0.5), 17, seed=0) if isinstance(one, Crf)]
    assert min(one.width for one in found) == 0.3


def test_the_best_comes_first_and_is_what_evaluation_measures(tmp_path: Path) -> None:
    given, tasks = plan(tmp_path, "ela+smooth", "noi+smooth")
    trials, count = tune(given, tasks, METRIC, 5)
    assert count == len(tasks) == 6
    assert len({trial.mean for trial in trials}) > 2  # or the order would say nothing
    assert [trial.mean for trial in trials] == sorted((trial.mean for trial in trials), reverse=True)
    assert [trial.refiner for trial in trials if trial.first] == [Smooth()]
    assert set(trials[0].values) == {"ela+smooth", "noi+smooth"}
    assert trials == tune(given, tasks, METRIC, 5, workers=2)[0]
    name, best = "noi+smooth", trials[0].refiner
    assert isinstance(best, Smooth)
    detectors = {name: assemble(name, {"smooth": {"sigma": best.sigma}})}
    wanted = run_plan("folder", tmp_path / "set", "all", detectors, metrics=["pixel_f1@best"])
    measured = evaluate(wanted, tmp_path / "out").conditions[0].number(name, "pixel_f1@best")
    assert trials[0].values[name] == pytest.approx(measured.value)


def test_what_cannot_be_measured_is_left_out_and_counted(tmp_path: Path) -> None:
    given, tasks = plan(tmp_path, "ela+smooth")
    tasks[0].sample.image.write_bytes(b"no photograph")
    assert tune(given, tasks, METRIC, 2)[1] == len(tasks) - 1
    for task in tasks:
        task.sample.image.write_bytes(b"no photograph")
    with pytest.raises(InvalidParameter, match="no photo could be measured"):
        tune(given, tasks, METRIC, 2)


def test_a_photo_that_no_detector_can_judge_is_not_counted(tmp_path: Path) -> None:
    given, tasks = plan(tmp_path, "adjpeg+smooth")
    for task in tasks:
        pixels = decode(task.sample.image).pixels
        task.sample.image.write_bytes(encode(pixels))  # no longer a JPEG
    with pytest.raises(InvalidParameter, match="no photo could be measured"):
        tune(given, tasks, METRIC, 2)


def test_there_must_be_one_refiner(tmp_path: Path) -> None:
    for names in (("ela",), ("ela+smooth", "noi+crf"), ("ela+smooth", "noi"), ("ela+crf+crf",)):
        given, tasks = plan(tmp_path, *names)
        with pytest.raises(InvalidParameter, match="no single refiner"):
            tune(given, tasks, METRIC, 2)


def test_the_command_asks_for_a_refiner_before_the_photographs(tmp_path: Path) -> None:
    words = ["tune", "--dataset", "folder", "--root", str(tmp_path / "missing"), "-d", "ela"]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 2
    assert "no single refiner" in answer.output


def test_there_must_be_something_to_fit(tmp_path: Path) -> None:
    given, tasks = plan(tmp_path, "ela+bayes")
    with pytest.raises(InvalidParameter, match="no number above 0"):
        tune(given, tasks, METRIC, 2)


def test_the_command_says_what_to_set(tmp_path: Path) -> None:
    root = small_set(tmp_path / "set")
    words = [
        "tune",
        "--dataset",
        "folder",
        "--root",
        str(root),
        "--split",
        "all",
        "-d",
        "ela",
        "--trials",
        "3",
    ]
    found = CliRunner().invoke(app, [*words, "--refine", "smooth", "--set", "smooth.sigma=2"])
    assert found.exit_code == 0, found.output
    assert "3 settings" in found.output
    assert "as given" in found.output
    assert "The best: --set smooth.sigma=" in found.output


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--metric", "pixel_f1"], "give one metric"),
        (["--metric", "image_auc"], "give one metric"),
        (["--metric", "false_alarm_area@card"], "best where nothing is marked"),
    ],
)
def test_what_cannot_be_fitted_to_is_refused(tmp_path: Path, extra: list[str], said: str) -> None:
    root = small_set(tmp_path / "set")
    words = ["tune", "--dataset", "folder", "--root", str(root), "--split", "all", "-d", "ela+crf", *extra]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 2
    assert said in unframed(found.output)
