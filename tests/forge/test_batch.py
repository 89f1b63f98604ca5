"""Sets: the same bytes for the same seed, however they were made; resumed; refused; on the command line."""

import csv
import hashlib
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from forging import write_photos
from photos import crop, encode
from tamperscope.cli import app
from tamperscope.datasets import open_dataset
from tamperscope.errors import InvalidParameter, OutputError
from tamperscope.forge import batch
from tamperscope.forge.batch import _splits, forge_all
from tamperscope.forge.recipe import PRESETS, Recipe
from tamperscope.io.decode import decode

run = CliRunner()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return sorted(write_photos(tmp_path_factory.mktemp("photos"), 6).iterdir())


def content(folder: Path) -> dict[str, str]:
    """Every file's hash by its name."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_two_runs_are_byte_identical_whatever_the_workers(photos: list[Path], tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        forge_all(photos, tmp_path / name, 20, seed=4, size=128, workers=workers, splits=True)
    made = content(tmp_path / "one")
    assert made == content(tmp_path / "two")
    assert len([name for name in made if name.startswith("images/")]) == 20
    forge_all(photos, tmp_path / "three", 20, seed=5, size=128)
    assert content(tmp_path / "three") != made


def test_a_killed_run_resumes_to_the_same_bytes(photos: list[Path], tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    forge_all(photos, whole, 60, seed=1, size=160)
    command = [sys.executable, "-m", "tamperscope", "forge", *map(str, photos), "--out", str(killed)]
    command += ["--count", "60", "--seed", "1", "--size", "160"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while len(list(killed.glob("parameters/*.json"))) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
    assert 5 <= len(list(killed.glob("parameters/*.json"))) < 60
    assert not (killed / "manifest.csv").exists()
    forge_all(photos, killed, 60, seed=1, size=160, resume=True)
    done = {name: digest for name, digest in content(killed).items() if not name.endswith(".part")}
    assert done == content(whole)


def test_the_manifest_records_everything_and_can_be_read(photos: list[Path], tmp_path: Path) -> None:
    forge_all(photos, tmp_path, 24, seed=2, size=128)
    with (tmp_path / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in photos}
    dataset = open_dataset("forged", tmp_path)
    for row, sample in zip(rows, dataset.samples(), strict=True):
        parameters = json.loads(row["parameters"])
        assert set(parameters["sources"]) <= digests
        assert len(parameters["sources"]) == (2 if row["kind"] == "splice" else 1)
        assert "final" in parameters
        photo = decode(sample.image)
        truth = dataset.mask(sample, (photo.height, photo.width))
        assert truth.any() == sample.manipulated
        if sample.manipulated and not {"cropped", "laundered"} & set(parameters):
            assert truth.mean() == pytest.approx(parameters["edit"]["share"], abs=1e-4)


def test_circles_keep_sources_together(tmp_path: Path) -> None:
    photos = sorted(write_photos(tmp_path / "photos", 40).iterdir())
    made = forge_all(photos, tmp_path / "out", 60, seed=3, size=64, splits=True)
    groups: dict[str, set[str]] = {}
    for row in made.rows:
        groups.setdefault(row["group"], set()).update(row["parameters"]["sources"])
    sources = [source for found in groups.values() for source in found]
    assert len(sources) == len(set(sources))
    assert len(groups) == 5
    assert len({(row["group"], row["split"]) for row in made.rows}) == 5
    assert {row["split"] for row in made.rows} == {"train", "val", "test"}


def test_what_a_larger_set_adds_moves_nothing_to_another_split(tmp_path: Path) -> None:
    photos = sorted(write_photos(tmp_path / "photos", 40).iterdir())
    placed: dict[str, str] = {}
    for count in (24, 30, 60):
        made = forge_all(photos, tmp_path / "out", count, seed=3, size=64, splits=True, resume=True)
        now = {row["image"]: row["split"] for row in made.rows}
        assert {image: now[image] for image in placed} == placed
        assert set(now.values()) == {"train", "val", "test"}
        placed = now
    with pytest.raises(OutputError, match="other splits"):
        forge_all(photos, tmp_path / "out", 70, seed=3, size=64, resume=True)


@pytest.mark.parametrize("circles", [3, 7, 20, 100])
def test_splits_have_the_shares_that_they_promise(circles: int) -> None:
    counts = Counter(_splits(circles).values())
    for name, share in (("train", 0.65), ("val", 0.1), ("test", 0.25)):
        assert abs(counts[name] - share * circles) <= 1


def test_crops_lie_on_the_photograph_s_own_grid(photos: list[Path], tmp_path: Path) -> None:
    job = batch._Job((), tmp_path, Recipe(), 64, 0)
    whole = batch._pixels(photos[0])
    part = batch._crop(photos[0], job, np.random.default_rng(1))
    assert any(
        np.array_equal(part, whole[row : row + 64, column : column + 64])
        for row in range(0, whole.shape[0], 16)  # that of its colours
        for column in range(0, whole.shape[1], 16)
    )
    halved = batch._Job((), tmp_path, PRESETS["clean"], 64, 0)
    assert batch._crop(photos[0], halved, np.random.default_rng(1)).shape == (128, 128, 3)


def test_another_set_is_never_overwritten(photos: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    forge_all(photos, out, 2, size=64)
    before = content(out)
    with pytest.raises(OutputError, match="holds this set already; add --resume"):
        forge_all(photos, out, 2, size=64)
    for change in ({"seed": 1}, {"size": 96}, {"recipe": PRESETS["clean"]}):
        with pytest.raises(OutputError, match="another seed, size, recipe, version or photographs"):
            forge_all(photos, out, 2, resume=True, **{"size": 64, **change})  # type: ignore[arg-type]
    with pytest.raises(OutputError, match="another seed"):
        forge_all(photos[1:], out, 2, size=64, resume=True)
    assert content(out) == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match="holds other files"):
        forge_all(photos, tmp_path / "full", 2)


def test_resuming_may_ask_for_more(photos: list[Path], tmp_path: Path) -> None:
    forge_all(photos, tmp_path / "out", 8, size=64)
    forge_all(photos, tmp_path / "out", 16, size=64, resume=True)
    forge_all(photos, tmp_path / "once", 16, size=64)
    assert content(tmp_path / "out") == content(tmp_path / "once")


def test_a_damaged_item_is_made_again(photos: list[Path], tmp_path: Path) -> None:
    forge_all(photos, tmp_path, 8, size=64)
    before = content(tmp_path)
    next(tmp_path.glob("images/*")).unlink()
    (tmp_path / "parameters" / "000003.json").write_text("{")
    forge_all(photos, tmp_path, 8, size=64, resume=True)
    assert content(tmp_path) == before


def test_no_photographs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="no photograph can be read"):
        forge_all([], tmp_path, 2)


def test_one_photograph_cannot_be_spliced(photos: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="none to take parts from; give at least two"):
        forge_all(photos[:1], tmp_path, 2, recipe=PRESETS["aligned"])


def test_what_is_too_small_or_broken_is_passed_over_wherever_it_is(
    photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "_CIRCLE", 1)  # so that there are circles of which nothing can be used
    icon, broken = tmp_path / "icon.png", tmp_path / "broken.jpg"
    icon.write_bytes(encode(crop(12, 12)))
    broken.write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    made = forge_all([*photos, icon, broken], tmp_path / "out", 56, size=64)
    assert len(made.rows) == 56
    assert sorted(Path(error.source).name for error in made.unreadable) == ["broken.jpg", "icon.png"]
    again = forge_all([*photos, icon, broken], tmp_path / "out", 56, size=64, resume=True)
    assert sorted(map(str, again.unreadable)) == sorted(map(str, made.unreadable))
    assert json.dumps(again.rows) == json.dumps(made.rows)
    with pytest.raises(InvalidParameter, match=r"none of the photographs can be used.*icon\.png: 12x12"):
        forge_all([icon], tmp_path / "none", 2)


def test_a_block_is_made_of_few_photographs(tmp_path: Path) -> None:
    photos = sorted(write_photos(tmp_path / "photos", 8).iterdir())
    made = forge_all(photos, tmp_path / "out", 64, size=64)
    used = [
        {name for row in made.rows[first : first + 8] for name in row["parameters"]["sources"]}
        for first in range(0, 64, 8)
    ]
    assert max(map(len, used)) <= 4
    assert len(set.union(*used)) == 8


def test_the_command_makes_a_set_and_names_what_it_could_not_use(photos: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = "--count 24 --size 96 --split --workers 2 --recipe aligned --set shrink=[1,1] --set pristine=0"
    good = run.invoke(app, ["forge", *map(str, photos), "--out", str(out), *options.split()])
    assert good.exit_code == 0, good.output
    assert good.output == f"24 photographs in {out}: 24 splice\n"
    assert json.loads((out / "recipe.json").read_text())["recipe"]["shrink"] == [1, 1]
    bad = run.invoke(
        app,
        ["forge", str(photos[0]), str(tmp_path / "none.jpg"), "--out", str(tmp_path / "b"), "--count", "3"],
    )
    assert bad.exit_code == 1
    assert "none.jpg" in bad.output
    assert "3 photographs in" in bad.output


def test_a_photograph_that_does_not_decode_is_named_and_the_rest_goes_on(
    photos: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    found = run.invoke(
        app, ["forge", *map(str, photos), str(broken), "--out", str(tmp_path / "o"), "--count", "24"]
    )
    assert found.exit_code == 1
    assert str(broken) in found.output
    assert "24 photographs in" in found.output


@pytest.mark.parametrize(
    "options",
    [["--recipe", "nothing"], ["--set", "area"], ["--set", "area=9"], ["--set", "x=1"], ["--count", "0"]],
)
def test_wrong_usage(options: list[str], photos: list[Path], tmp_path: Path) -> None:
    command = ["forge", str(photos[0]), "--out", str(tmp_path / "o"), "--count", "1", *options]
    assert run.invoke(app, command).exit_code == 2
    assert not (tmp_path / "o").exists()
