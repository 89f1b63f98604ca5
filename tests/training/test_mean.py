"""The mean of two states of a network, and what its normalizations know then."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.torch import load_file

from tamperscope import plugins
from tamperscope.errors import InvalidParameter
from tamperscope.training.config import Training
from tamperscope.training.data import open_splits
from tamperscope.training.mean import mean_weights
from tamperscope.training.run import build_network, train
from training_made import TINY, made_batch, write_set


def test_weights_are_averaged_and_normalizations_measured_anew() -> None:
    torch.manual_seed(0)
    first, second = (build_network("resnet", "small") for _ in range(2))
    begun, learned = first.state_dict(), second.state_dict()
    mixed = build_network("resnet", "small")
    batch = {"pixels": torch.randn(4, 3, 96, 96)}
    found = mean_weights(mixed, begun, learned, 0.25, [batch])
    name = "body.conv1.weight"
    assert_allclose(found[name], 0.25 * begun[name] + 0.75 * learned[name], atol=1e-6)
    with torch.no_grad():
        seen = torch.nn.functional.conv2d(batch["pixels"], found[name], stride=2, padding=3)
    assert_allclose(found["body.bn1.running_mean"], seen.mean((0, 2, 3)), atol=1e-5)
    assert_allclose(found["body.bn1.running_var"], seen.var((0, 2, 3)), atol=1e-4)
    assert not any(module.training for module in mixed.modules())


def test_what_is_frozen_keeps_what_it_knows() -> None:
    network = build_network("resnet", "small")
    frozen = network.get_submodule("body.bn1")
    assert isinstance(frozen, torch.nn.BatchNorm2d)
    assert frozen.running_mean is not None
    frozen.requires_grad_(False)
    frozen.running_mean.fill_(0.37)
    begun = {name: values.clone() for name, values in network.state_dict().items()}
    found = mean_weights(network, begun, begun, 0.5, [{"pixels": torch.randn(4, 3, 96, 96)}])
    assert (found["body.bn1.running_mean"] == 0.37).all()
    assert not torch.equal(found["body.layer1.0.bn1.running_mean"], begun["body.layer1.0.bn1.running_mean"])


def test_a_normalization_without_weights_is_measured_anew() -> None:
    network = build_network("mantranet")
    begun = {name: values.clone() for name, values in network.state_dict().items()}
    found = mean_weights(network, begun, begun, 0.5, [network.examples()])
    assert not torch.equal(found["norm.running_mean"], begun["norm.running_mean"])


def test_a_network_without_normalizations_needs_no_photographs() -> None:
    batch = made_batch(build_network("mfcn").sight)
    network = build_network("mfcn")
    begun = {name: values.clone() for name, values in network.state_dict().items()}
    found = mean_weights(network, begun, begun, 0.5, iter(()))
    assert all(torch.equal(found[name], values) for name, values in begun.items())
    assert network(*network.inputs(batch)).mask.isfinite().all()


def test_a_training_keeps_a_share_of_what_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = plugins.load("networks", "fusion")
    monkeypatch.setattr(kind, "sight", replace(kind.sight, side=64, least=0))  # the photographs are small
    splits = open_splits(str(write_set(tmp_path)), None, 0, ("train", "val"))
    options = replace(TINY, variant="", epochs=1, batch=2, per_photo=1, validation=2, choose="last")
    runs = [tmp_path / name for name in ("first", "learned", "mean")]
    train("fusion", splits["train"], splits["val"], options, runs[0])
    options = replace(options, start=str(runs[0] / "network.safetensors"))
    train("fusion", splits["train"], splits["val"], options, runs[1])
    train("fusion", splits["train"], splits["val"], replace(options, kept=0.5), runs[2])
    first, learned, mean = (load_file(run / "network.safetensors") for run in runs)
    name = next(name for name, values in learned.items() if values.dim() == 4)
    assert not torch.equal(first[name], learned[name])
    assert_allclose(mean[name], (first[name] + learned[name]) / 2, atol=1e-6)


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="without start"):
        Training(kept=0.5)
