import pytest
import torch
from torch import nn

from tamperscope.networks.conv_lstm import ConvLstm, to_blocks
from tamperscope.networks.fusion import Fusion
from tamperscope.training.run import build_network
from tamperscope.training.start import scale
from training_made import EVERY, made_batch

PIXELS = torch.rand(16, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.4


@pytest.mark.parametrize(("name", "variant"), EVERY)
def test_every_convolution_begins_with_unit_variance(name: str, variant: str) -> None:
    network = build_network(name, variant)
    if isinstance(network, Fusion):
        network.absent = 0.0  # else chance decides what it sees
    inputs = network.inputs(made_batch(network.sight))
    scale(network, inputs)
    spreads: list[float] = []
    convolutions = [
        module
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
        and module.weight.requires_grad  # what is frozen stays
        and module.bias is not None  # what is normalized needs no scale
    ]
    for module in convolutions:
        module.register_forward_hook(
            lambda _module, _inputs, output: spreads.append(float(output.detach().std()))
        )
    network(*inputs)
    quiet = [0.1] * len(network.last())
    expected = [*quiet, *[1.0] * (len(convolutions) - len(quiet))]
    assert sorted(spreads) == pytest.approx(expected, rel=1e-3)


def test_brightness_says_nothing_at_first() -> None:
    network = build_network("conv_lstm")
    scale(network, (PIXELS,))
    assert isinstance(network, ConvLstm)
    inside = network.first(PIXELS)[..., 8:-8, 8:-8]
    assert torch.allclose(network.first(PIXELS + 0.2)[..., 8:-8, 8:-8], inside, atol=1e-4)


def test_recurrent_layers_remember_and_see_what_varies() -> None:
    network = build_network("conv_lstm", "LSTM-64h")
    scale(network, (PIXELS,))
    assert isinstance(network, ConvLstm)
    values = dict(network.lstm.named_parameters())
    for gate in values["weight_hh_l1"].chunk(4):
        assert torch.allclose(gate @ gate.T, torch.eye(64), atol=1e-4)
    steps = to_blocks(network.first(PIXELS))
    seen = steps @ values["weight_ih_l0"].T + values["bias_ih_l0"]
    expected = torch.tensor([0.0, 1.0, 0.0, 0.0]).repeat_interleave(64)
    assert torch.allclose(seen.mean((0, 1)), expected, atol=1e-3)
    assert float((seen - expected).detach().std()) == pytest.approx(1, abs=1e-3)
    found, _ = network.lstm(steps)
    assert 0.1 < float(found.detach().std()) < 1  # three layers on, it still varies


def test_patches_without_content_do_no_harm() -> None:
    network = build_network("conv_lstm", "LSTM-64h")
    scale(network, (torch.full((4, 3, 64, 64), 0.5),))
    assert all(values.isfinite().all() for values in network.parameters())
