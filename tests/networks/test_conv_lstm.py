import pytest
import torch
from torch.testing import assert_close

from tamperscope.networks._base import Prediction, Truth
from tamperscope.networks.conv_lstm import ConvLstm, from_blocks, to_blocks


@pytest.mark.parametrize("variant", ConvLstm.variants)
def test_every_variant_predicts_what_its_row_says(variant: str) -> None:
    prediction = ConvLstm(**ConvLstm.variants[variant])(torch.rand(3, 3, 64, 64))
    assert (prediction.mask is None) == variant.startswith("P-")
    assert (prediction.label is None) == variant.startswith("S-")
    if prediction.mask is not None:
        assert prediction.mask.shape == (3, 2, 64, 64)
    if prediction.label is not None:
        assert prediction.label.shape == (3, 2)


def test_each_stage_has_the_papers_shape() -> None:
    network = ConvLstm()
    first = network.first(torch.rand(2, 3, 64, 64))
    assert first.shape == (2, 1, 64, 64)
    blocks = to_blocks(first)
    assert blocks.shape == (2, 64, 64)
    steps, _ = network.lstm(blocks)
    assert steps.shape == (2, 64, 256)
    assert from_blocks(steps).shape == (2, 1, 128, 128)
    assert network.segment is not None
    assert [
        tuple(layer.weight.shape[:2]) for layer in network.segment if isinstance(layer, torch.nn.Conv2d)
    ] == [
        (32, 1),
        (2, 32),
        (2, 2),
    ]
    assert network.lstm.num_layers == 3


@pytest.mark.parametrize("block", [(0, 0), (0, 5), (3, 6), (7, 2)])
def test_a_delta_in_a_block_comes_back_in_that_block(block: tuple[int, int]) -> None:
    """Blocks are read and laid in the same order: a mix-up would transpose the map."""
    row, column = block
    picture = torch.zeros(1, 1, 64, 64)
    picture[0, 0, 8 * row + 3, 8 * column + 1] = 1
    blocks = to_blocks(picture)
    assert blocks[0, 8 * row + column].sum() == 1
    assert_close(from_blocks(blocks), picture)


def test_blocks_of_colours_are_the_pixels() -> None:
    pixels = torch.rand(2, 3, 64, 64)
    blocks = to_blocks(pixels)
    assert blocks.shape == (2, 64, 192)
    assert_close(blocks[1, 8 * 2 + 5], pixels[1, :, 16:24, 40:48].flatten())


def test_the_sequence_runs_through_the_blocks_in_row_major_order() -> None:
    """What lies later in the sequence cannot change an earlier block's features."""
    network = ConvLstm(features=0)
    pixels = torch.rand(1, 3, 64, 64)
    changed = pixels.clone()
    changed[..., 24:32, 32:40] = 0
    before, after = (network.lstm(to_blocks(picture))[0] for picture in (pixels, changed))
    step = 8 * 3 + 4
    assert_close(before[:, :step], after[:, :step])
    assert not torch.allclose(before[:, step], after[:, step])


def test_the_loss_adds_both_entropies() -> None:
    """Equal logits cost log 2, a logit of 1 where it is right log(1 + 1/e)."""
    mask, label = torch.zeros(2, 2, 64, 64), torch.zeros(2, 2)
    label[:, 1] = 1
    truth = Truth(torch.zeros(2, 64, 64, dtype=torch.long), torch.ones(2, dtype=torch.long))
    network = ConvLstm(hidden=64)
    parts = torch.log(torch.tensor(2.0)), torch.log1p(torch.exp(torch.tensor(-1.0)))
    assert_close(network.loss(Prediction(mask, label), truth), parts[0] + parts[1])
    assert_close(network.loss(Prediction(mask, None), truth), parts[0])
    assert_close(network.loss(Prediction(None, label), truth), parts[1])
