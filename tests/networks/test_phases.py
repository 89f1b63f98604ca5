import numpy as np
import pytest
import torch

from tamperscope.networks._phases import Phases
from tamperscope.networks._views import Apart, blocks, resnet
from tamperscope.networks.wcbnet import WcbNet
from tamperscope.signal.dct import ZIGZAG, block_idct
from tamperscope.signal.error_level import grid_levels


def known(levels: torch.Tensor) -> torch.Tensor:
    """Return what is known of blocks before anything is learned: (frequencies, steps + 2) of the first."""
    stem = Phases(32 + 21 * 22)
    with torch.no_grad():
        stem.mix.weight.copy_(torch.eye(21 * 22)[:, :, None, None])
        found = stem(levels)[0, : 21 * 22, 0, 0]
    return torch.cat([found[: 21 * 20].reshape(21, 20), found[21 * 20 :].reshape(2, 21).T], 1)


def block(place: int, value: float) -> torch.Tensor:
    """Return the levels of grey blocks with a single coefficient, at that place in zigzag order."""
    coefficients = np.zeros((1, 1, 64), np.float32)
    coefficients[..., ZIGZAG[place]] = value
    plane = block_idct(coefficients.reshape(1, 1, 8, 8)) / 255
    return torch.from_numpy(plane)[None, None].expand(1, 3, 8, 8)


@pytest.mark.parametrize(("place", "step", "index"), [(1, 10, 8), (3, 7, 5), (21, 40, 19)])
def test_a_multiple_of_a_step_has_its_phase_and_others_do_not(place: int, step: int, index: int) -> None:
    found = known(block(place, 3 * step))
    assert found[place - 1, index] == pytest.approx(1, abs=1e-3)
    assert known(block(place, 2.5 * step))[place - 1, index] == pytest.approx(-1, abs=1e-3)
    assert found[place - 1, 20] == pytest.approx(1)
    assert found[place - 1, 21] == pytest.approx(np.log1p(3 * step) / 2, abs=1e-4)
    others = torch.arange(21) != place - 1
    assert found[others].abs().max() < 1e-3  # zeros say nothing of any step


def test_a_saving_shows_in_the_levels_of_a_low_quality() -> None:
    """What the network is for: steps of an earlier saving are found in pixels that were saved finer."""
    import photos
    from tamperscope.io.jpeg import standard_table
    from tamperscope.signal.error_level import recompress

    pixels = photos.crop(256, 256)
    step = int(standard_table(60)[0, 1])  # of the first coefficient in zigzag order: 9
    once, twice = recompress(pixels, 95), recompress(recompress(pixels, 60), 95)
    stem, phase = Phases(), []
    for one in (once, twice):
        levels = torch.from_numpy(grid_levels(one, 5, 64)).permute(2, 0, 1)[None]
        with torch.no_grad():
            stem.mix.weight.zero_()
            stem.mix.weight[0, 7] = 1  # of the first coefficient by steps of 9
            phase.append(float(stem(levels)[0, 0].mean()))
    assert step == 9
    assert phase[1] > phase[0] + 0.2


def test_blocks_take_the_place_of_the_first_layers() -> None:
    body = resnet("blocks10").eval()
    found = blocks(body, torch.rand(1, 3, 64, 128) - 0.5)
    assert [tuple(one.shape[1:]) for one in found] == [
        (maps, 64 // step, 128 // step)
        for maps, step in zip((64, 64, 128, 256, 512), (8, 8, 16, 16, 16), strict=True)
    ]
    network = WcbNet(backbone="blocks10")
    assert network.sight.grid
    assert network.sight.side == network.examples()["pixels"].shape[-1] == 256
    assert not WcbNet(backbone="resnet10").sight.grid


def test_what_differs_from_the_rest_stands_out_whatever_the_rest_is() -> None:
    maps = torch.zeros(2, 1, 10, 10)
    maps[:, :, 3, 4] = 1
    maps[1] = 50 - 7 * maps[1]
    found = Apart()(maps)
    assert torch.equal(found[:, :1], maps)
    assert found[0, 1, 3, 4] == 8  # of 9.9, the most that counts
    assert found[1, 1, 3, 4] == -8
    assert found[:, 1, :3].abs().max() < 0.2
    assert torch.equal(Apart()(torch.full((1, 3, 4, 4), 2.0))[:, 3:], torch.zeros(1, 3, 4, 4))
