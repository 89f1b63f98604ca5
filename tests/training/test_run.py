import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from forging import write_photos
from tamperscope import plugins
from tamperscope.datasets import open_dataset
from tamperscope.errors import CorruptFile, InvalidParameter, OutputError, TrainingFailed
from tamperscope.forge.batch import forge_all
from tamperscope.forge.recipe import load_recipe
from tamperscope.io.paths import hold
from tamperscope.training.checkpoint import SafeCheckpoints
from tamperscope.training.config import Training
from tamperscope.training.data import Patches, Photographs, open_splits
from tamperscope.training.folder import load_weights, read_run
from tamperscope.training.module import PatchModule
from tamperscope.training.run import build_network, train
from training_made import TINY, write_set


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


@contextmanager
def interrupted(epoch: int) -> Iterator[None]:
    """Interrupt a training in an epoch."""
    read = Patches.__getitem__

    def fails(patches: Patches, index: int) -> object:
        if patches.epoch == epoch:
            raise KeyboardInterrupt
        return read(patches, index)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Patches, "__getitem__", fails)
        with pytest.raises(KeyboardInterrupt):
            yield


# Fusion draws as it learns.
@pytest.mark.parametrize(("name", "variant"), [("conv_lstm", TINY.variant), ("fusion", "")])
def test_an_interrupted_run_ends_with_the_same_weights(
    photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, variant: str
) -> None:
    options, kind = replace(TINY, variant=variant), plugins.load("networks", name)
    monkeypatch.setattr(kind, "sight", replace(kind.sight, side=64, least=0))  # the photographs are small
    whole = load_file(train(name, photographs, photographs, options, tmp_path / "whole"))
    with interrupted(1):
        train(name, photographs, photographs, options, tmp_path / "broken")
    assert not (tmp_path / "broken" / "network.safetensors").exists()
    resumed = load_file(train(name, photographs, photographs, options, tmp_path / "broken"))
    assert all(torch.equal(whole[part], resumed[part]) for part in whole)


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


def test_frozen_parts_learn_nothing(photographs: Photographs, tmp_path: Path) -> None:
    begun = train("conv_lstm", photographs, photographs, TINY, tmp_path / "begun")
    held = next(name for name, _ in build_network("conv_lstm", TINY.variant).named_children())
    frozen = replace(TINY, start=str(begun), frozen=held)
    before = load_file(begun)
    after = load_file(train("conv_lstm", photographs, photographs, frozen, tmp_path / "frozen"))
    learned = {name for name in before if not torch.equal(before[name], after[name])}
    assert learned == {name for name in before if not name.startswith(f"{held}.")} != set(before)


def test_only_parts_that_exist_are_frozen(photographs: Photographs, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="no part 'head'; choose from"):
        train("fcn", photographs, photographs, replace(TINY, variant="", frozen="head"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_patches_of_another_side_are_learned_from_where_the_network_takes_any(tmp_path: Path) -> None:
    seen = []
    kind = plugins.load("networks", "fusion")

    class Watched(kind):  # type: ignore[valid-type, misc]
        def forward(self, *inputs: torch.Tensor) -> object:
            seen.append(inputs[0].shape[2:])
            return super().forward(*inputs)

    forge_all(sorted(write_photos(tmp_path / "photos").iterdir()), tmp_path / "set", 6, seed=1, size=192)
    large = open_dataset("manifest", tmp_path / "set")
    photographs = Photographs(large, large.samples())
    options = replace(TINY, variant="", epochs=1, epoch_steps=1, batch=2, per_photo=1, validation=2, side=136)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "load", lambda *_: Watched)
        train("fusion", photographs, photographs, options, tmp_path / "larger")
    assert set(seen) == {(136, 136)}
    for name, side, problem in (("fcn", 128, "one side only"), ("fusion", 132, "multiple of 8 from 128 on")):
        with pytest.raises(InvalidParameter, match=problem):
            train(name, photographs, photographs, replace(options, side=side), tmp_path / name)


def test_another_configuration_needs_another_folder(photographs: Photographs, tmp_path: Path) -> None:
    train("fcn", photographs, photographs, Training(epochs=1, epoch_steps=1, batch=2, per_photo=2), tmp_path)
    with pytest.raises(OutputError, match="another configuration"):
        train(
            "fcn", photographs, photographs, Training(epochs=2, epoch_steps=1, batch=2, per_photo=2), tmp_path
        )


def test_a_missing_class_is_said_before_anything_is_written(photographs: Photographs, tmp_path: Path) -> None:
    pristine = Photographs(photographs.dataset, photographs.of(manipulated=False))
    with pytest.raises(TrainingFailed, match="no manipulated photograph"):
        train("fcn", pristine, photographs, TINY, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_pristine_photographs_alone_suffice_where_all_is_forged(
    photographs: Photographs, tmp_path: Path
) -> None:
    pristine = Photographs(photographs.dataset, photographs.of(manipulated=False))
    training = Training(epochs=1, epoch_steps=1, batch=2, per_photo=2, forged=1.0)
    assert train("fcn", pristine, photographs, training, tmp_path).is_file()


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
    with pytest.raises(TrainingFailed, match=r"memory ran out.*lower batch.*last\.safetensors"):
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
        first, second = (float(row["val_pixel_auc"]) for row in csv.DictReader(file))
    assert second > first  # of the same patches each time, where the loss is of others


def test_a_damaged_result_is_made_anew(photographs: Photographs, tmp_path: Path) -> None:
    weights = train("conv_lstm", photographs, photographs, TINY, tmp_path)
    before = load_file(weights)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(OutputError, match="another configuration"):
        train("conv_lstm", photographs, photographs, TINY, tmp_path)
    weights.unlink()
    (tmp_path / "run.json").unlink()  # killed before it was written: begun anew, with what is there
    again = load_file(train("conv_lstm", photographs, photographs, TINY, tmp_path))
    assert all(torch.equal(before[name], again[name]) for name in before)


def _areas(monkeypatch: pytest.MonkeyPatch, *areas: float) -> None:
    """Let the epochs have these areas."""

    def given(module: PatchModule, batch: object) -> None:
        module.log("val_auc", areas[module.current_epoch], batch_size=1)

    monkeypatch.setattr(PatchModule, "validation_step", given)
    monkeypatch.setattr(PatchModule, "on_validation_epoch_end", lambda module: None)


def test_a_run_may_be_moved(
    photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = replace(TINY, epochs=3)
    _areas(monkeypatch, 0.9, 0.5, 0.6)
    whole = load_file(train("conv_lstm", photographs, photographs, options, tmp_path / "whole"))
    with interrupted(2):
        train("conv_lstm", photographs, photographs, options, tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    moved = load_file(train("conv_lstm", photographs, photographs, options, tmp_path / "there"))
    assert all(torch.equal(whole[name], moved[name]) for name in whole)


def test_what_ended_early_does_not_go_on(
    photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = replace(TINY, epochs=6, patience=1)
    _areas(monkeypatch, 0.5, 0.4, 0.6, 0.7, 0.8, 0.9)
    weights = train("conv_lstm", photographs, photographs, options, tmp_path)
    before = load_file(weights)
    weights.unlink()  # as if it had been killed just before
    after = load_file(train("conv_lstm", photographs, photographs, options, tmp_path))
    assert all(torch.equal(before[name], after[name]) for name in before)
    with (tmp_path / "metrics.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]


def test_another_run_may_begin_with_an_epoch_of_one_that_was_interrupted(
    photographs: Photographs, tmp_path: Path
) -> None:
    finished = load_file(
        train("fcn", photographs, photographs, replace(TINY, epochs=1, variant=""), tmp_path)
    )
    network = build_network("fcn")
    load_weights(network, tmp_path / "last.safetensors")
    assert all(torch.equal(network.state_dict()[name], values) for name, values in finished.items())
    with pytest.raises(CorruptFile, match="weights cannot be used"):
        load_weights(build_network("conv_lstm"), tmp_path / "last.safetensors")


def test_it_says_what_learned_from_what(photographs: Photographs, tmp_path: Path) -> None:
    first = train("conv_lstm", photographs, photographs, TINY, tmp_path / "first")
    train("conv_lstm", photographs, photographs, replace(TINY, start=str(first)), tmp_path / "second")
    rows = read_run(tmp_path / "second").photographs
    count = len(photographs.samples)
    assert [row["split"] for row in rows] == ["start"] * count + ["train"] * count + ["val"] * count
    assert {len(row["digest"]) for row in rows} == {16}
    with pytest.raises(CorruptFile, match="weights cannot be used"):
        load_weights(build_network("fcn"), first)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"precision": "foo"}, "precision"),
        ({"batch": 12}, "a multiple of per_photo"),
        ({"precision": "bf16-true"}, "precision"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidParameter, match=problem):
        Training(**fields)  # type: ignore[arg-type]


def test_processes_that_read_photographs_change_nothing(photographs: Photographs, tmp_path: Path) -> None:
    one, other = (
        load_file(
            train(
                "fcn",
                photographs,
                photographs,
                replace(TINY, variant="", workers=workers),
                tmp_path / f"{workers}",
            )
        )
        for workers in (0, 1)
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_two_trainings_do_not_share_a_folder(photographs: Photographs, tmp_path: Path) -> None:
    with hold(tmp_path, "training"), pytest.raises(OutputError, match="another training writes to it now"):
        train("fcn", photographs, photographs, replace(TINY, variant=""), tmp_path)


def test_photographs_that_cannot_be_used_are_said_in_one_line(tmp_path: Path) -> None:
    folder = write_set(tmp_path)
    splits = open_splits(str(folder), None, 0)
    for sample in splits["train"].samples:
        sample.image.write_bytes(b"no photograph")
    with pytest.raises(TrainingFailed, match="cannot be used") as caught:
        train("fcn", splits["train"], splits["val"], replace(TINY, variant="", workers=1), tmp_path / "run")
    assert "\n" not in str(caught.value)
