import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from forging import write_photos
from tamperscope.datasets import open_dataset
from tamperscope.errors import OutputError, TrainingFailed
from tamperscope.forge.batch import forge_all
from tamperscope.forge.recipe import load_recipe
from tamperscope.training.checkpoint import SafeCheckpoints
from tamperscope.training.config import Training
from tamperscope.training.data import Patches, Photographs
from tamperscope.training.module import PatchModule
from tamperscope.training.run import build_network, train

TINY = Training(
    variant="LSTM-64h", epochs=2, epoch_steps=2, batch=4, per_photo=2, validation=2, learning_rate=3e-3
)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Photographs:
    folder = tmp_path_factory.mktemp("forged")
    hosts = sorted(write_photos(folder / "photos").iterdir())
    forge_all(hosts, folder / "set", 6, seed=1, recipe=load_recipe("aligned"), size=128)
    dataset = open_dataset("manifest", folder / "set")
    samples = dataset.samples()
    assert {sample.manipulated for sample in samples} == {True, False}
    return Photographs(dataset, samples)


def test_a_run_leaves_weights_curves_and_what_repeats_it(photographs: Photographs, tmp_path: Path) -> None:
    weights = train("conv_lstm", photographs, photographs, TINY, tmp_path)
    build_network("conv_lstm", "LSTM-64h").load_state_dict(load_file(weights))
    assert json.loads((tmp_path / "run.json").read_text())["training"]["variant"] == "LSTM-64h"
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert {"train_loss", "val_loss", "val_patch_accuracy", "val_pixel_auc"} <= set(rows[0])
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert len((tmp_path / "split.csv").read_text().splitlines()) == 1 + 2 * len(photographs.samples)


def test_an_interrupted_run_ends_with_the_same_weights(
    photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load_file(train("conv_lstm", photographs, photographs, TINY, tmp_path / "whole"))
    read = Patches.__getitem__

    def fails(patches: Patches, index: int) -> object:
        if patches.epoch == 1:
            raise KeyboardInterrupt
        return read(patches, index)

    monkeypatch.setattr(Patches, "__getitem__", fails)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train("conv_lstm", photographs, photographs, TINY, tmp_path / "broken")
    monkeypatch.setattr(Patches, "__getitem__", read)
    assert not (tmp_path / "broken" / "network.safetensors").exists()
    resumed = load_file(train("conv_lstm", photographs, photographs, TINY, tmp_path / "broken"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_the_last_epoch_is_kept_though_it_was_not_the_best(
    photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worse(module: PatchModule, batch: object) -> None:
        module.log("val_auc", -float(module.current_epoch), batch_size=1)

    monkeypatch.setattr(PatchModule, "validation_step", worse)
    monkeypatch.setattr(PatchModule, "on_validation_epoch_end", lambda module: None)
    train("conv_lstm", photographs, photographs, replace(TINY, epochs=3), tmp_path)
    best, last = (
        SafeCheckpoints().load_checkpoint(tmp_path / f"{name}.safetensors")["epoch"]
        for name in ("best", "last")
    )
    assert (best, last) == (0, 2)


def test_another_configuration_needs_another_folder(photographs: Photographs, tmp_path: Path) -> None:
    train("fcn", photographs, photographs, Training(epochs=1, epoch_steps=1, batch=2, per_photo=2), tmp_path)
    with pytest.raises(OutputError, match="another configuration"):
        train("fcn", photographs, photographs, Training(epochs=2, epoch_steps=1, batch=2), tmp_path)


def test_a_missing_class_is_said_before_anything_is_written(photographs: Photographs, tmp_path: Path) -> None:
    pristine = Photographs(photographs.dataset, photographs.of(manipulated=False))
    with pytest.raises(TrainingFailed, match="no manipulated photograph"):
        train("fcn", pristine, photographs, TINY, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_ends_the_run(
    photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wild = Training(epochs=3, epoch_steps=8, batch=2, per_photo=2, learning_rate=1.0, clip=1e6)

    def nothing(module: PatchModule, batch: object) -> torch.Tensor:
        return torch.tensor(float("nan"), requires_grad=True)

    monkeypatch.setattr(PatchModule, "_loss", nothing)
    with pytest.raises(TrainingFailed, match="learning_rate"):
        train("fcn", photographs, photographs, wild, tmp_path)


@pytest.mark.parametrize(
    "problem",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
        MemoryError(),
    ],
)
def test_a_lack_of_memory_is_said_with_what_to_do(
    photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def fails(module: PatchModule, batch: object) -> torch.Tensor:
        raise problem

    monkeypatch.setattr(PatchModule, "_loss", fails)
    with pytest.raises(TrainingFailed, match=r"memory ran out.*lower batch"):
        train("fcn", photographs, photographs, Training(epochs=1, batch=2, per_photo=2), tmp_path)


def test_any_other_error_stays_what_it_is(
    photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(module: PatchModule, batch: object) -> torch.Tensor:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(PatchModule, "_loss", fails)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train("fcn", photographs, photographs, Training(epochs=1, batch=2, per_photo=2), tmp_path)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "auto"])
def test_it_learns_in_every_precision(photographs: Photographs, tmp_path: Path, precision: str) -> None:
    options = Training(epochs=2, epoch_steps=12, batch=16, per_photo=4, seed=1, precision=precision)
    train("fcn", photographs, photographs, options, tmp_path)
    with (tmp_path / "metrics.csv").open() as file:
        first, second = (float(row["train_loss"]) for row in csv.DictReader(file))
    assert second < first
