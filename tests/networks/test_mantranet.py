from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from networks_made import write_published
from tamperscope.networks.mantranet import ManTraNet, high_passes


def test_it_has_as_many_parameters_as_the_paper_says() -> None:
    network = ManTraNet()
    count = sum(values.numel() for values in network.parameters())
    assert count == 3_804_950  # what learns in the authors' code; "3.8 million" in the paper


def test_nothing_is_pooled_and_any_size_goes() -> None:
    network = ManTraNet().eval()
    with torch.no_grad():
        for size in ((40, 33), (17, 64)):
            pixels = torch.rand(1, 3, *size)
            assert network.trace(pixels).shape == (1, 256, *size)
            assert_close(network.trace(pixels).norm(dim=1), torch.ones(1, *size))
            mask = network(pixels).mask
            assert mask is not None
            assert mask.shape == (1, 2, *size)


def test_the_high_passes_are_those_of_steganalysis() -> None:
    filters = high_passes()
    assert filters.shape == (9, 3, 5, 5)
    assert np.abs(filters.sum((2, 3))).max() < 1e-6  # what is constant leaves nothing
    assert filters[0, 0, 2, 2] == -1
    assert filters[3, 0, 2, 2] == -1
    assert list(filters[6, 0, 2]) == [0, 0.5, -1, 0.5, 0]
    assert not filters[0, 1].any()  # each sees one colour


def test_filters_under_bayars_constraint_predict_a_pixel_by_those_around_it() -> None:
    network = ManTraNet()
    flat = torch.full((1, 3, 9, 9), 0.25)
    found = network.first(flat)
    assert_close(found[:, -3:], torch.zeros(1, 3, 9, 9), atol=1e-4, rtol=0)


def test_deviations_are_from_the_mean_within_each_window() -> None:
    places = torch.rand(1, 64, 20, 24)
    *windows, whole = ManTraNet().deviations(places)
    spread = places.std((2, 3), correction=0)[0, 5]
    for size, found in zip((7, 15, 31), windows, strict=True):
        half = size // 2
        around = places[0, 5, max(0, 10 - half) : 11 + half, max(0, 2 - half) : 3 + half]
        assert_close(found[0, 5, 10, 2], ((places[0, 5, 10, 2] - around.mean()) / spread).abs())
    assert_close(whole[0, 5, 10, 2], ((places[0, 5, 10, 2] - places[0, 5].mean()) / spread).abs())


def test_the_recurrent_layer_is_keras_s() -> None:
    """One step by hand, with kernels of one place: what is not in the middle is 0."""
    network = ManTraNet()
    recur = network.recur
    with torch.no_grad():
        for module in (recur.entry, recur.state):
            module.weight.zero_()
        recur.entry.weight[:, 0, 3, 3] = torch.linspace(-1, 1, 32)
        assert recur.entry.bias is not None
        recur.entry.bias.zero_()
    step = torch.full((1, 64, 4, 4), 2.0)
    entry, _, new, out = (2 * torch.linspace(-1, 1, 32)).chunk(4)
    opened = (0.2 * entry + 0.5).clamp(0, 1), (0.2 * out + 0.5).clamp(0, 1)
    expected = opened[1] * (opened[0] * new.tanh()).tanh()
    assert_close(recur([step])[0, :, 1, 1], expected)


def test_published_weights_are_taken(tmp_path: Path) -> None:
    values = write_published(tmp_path / "published.h5")
    network = ManTraNet().eval()
    network.convert(tmp_path / "published.h5")
    state = network.state_dict()
    kernel, plain = values["Featex/b3c2/kernel"], values["Featex/b1c1/regular_kernel"]
    again = values["cLSTM/cLSTM/recurrent_kernel"]
    assert_close(state["traces.4.weight"][7, 5, 2, 1], torch.tensor(kernel[2, 1, 5, 7]))
    assert_close(state["first.plain"][3, 1, 0, 4], torch.tensor(plain[0, 4, 1, 3]))
    assert_close(
        state["recur.state.weight"][9, 2, 6, 0],
        torch.tensor(again[6, 0, 2, 9]),
    )
    assert_close(state["least"][0, :, 0, 0], torch.tensor(values["glbStd/glbStd/min_std"][0, 0, 0]))
    assert_close(state["norm.running_var"], torch.tensor(values["bnorm/bnorm/moving_variance"]))


def test_files_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    write_published(tmp_path / "part.h5", leave_out="cLSTM/cLSTM/bias")
    with pytest.raises(KeyError, match="cLSTM/bias"):
        ManTraNet().convert(tmp_path / "part.h5")
    for name, number in (("Featex/transform/kernel", np.nan), ("bnorm/bnorm/moving_variance", -1)):
        write_published(tmp_path / "odd.h5", spoiled={name: number})
        with pytest.raises(ValueError, match="holds what cannot be"):
            ManTraNet().convert(tmp_path / "odd.h5")
    (tmp_path / "none.h5").write_bytes(b"no HDF5")
    with pytest.raises(OSError, match="signature"):
        ManTraNet().convert(tmp_path / "none.h5")
