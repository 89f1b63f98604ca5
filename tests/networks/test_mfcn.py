from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close
from torchvision.models import vgg16

from tamperscope.networks import mfcn
from tamperscope.networks._base import Truth
from tamperscope.networks.mfcn import Mfcn, edges

NARROW = Mfcn.variants["narrow"]


@pytest.mark.parametrize("size", [(32, 64), (256, 256)])
def test_both_heads_answer_at_the_crops_size(size: tuple[int, int]) -> None:
    prediction = Mfcn(**NARROW)(torch.rand(2, 3, *size))
    assert prediction.label is None
    for logits in (prediction.mask, prediction.edge):
        assert logits is not None
        assert logits.shape == (2, 2, *size)


def test_its_convolutions_are_vgg16s(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    peer = vgg16()
    monkeypatch.setattr(mfcn, "VGG16_Weights", SimpleNamespace(IMAGENET1K_V1=None))
    monkeypatch.setattr(mfcn, "tensors", lambda _weights: peer.state_dict())
    network = Mfcn(**Mfcn.variants["VGG-16"])
    network.pretrain()
    pixels = torch.rand(1, 3, 64, 64)
    maps = (pixels - network.mean) / network.spread
    expected = peer.features(maps)
    for group in network.groups:
        maps = torch.nn.functional.max_pool2d(group(maps), 2)
    assert_close(maps, expected)


def test_the_narrow_one_takes_no_published_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mfcn, "tensors", None)
    Mfcn(**NARROW).pretrain()


def test_an_edge_is_where_the_mask_changes() -> None:
    mask = torch.zeros(1, 8, 8, dtype=torch.long)
    mask[0, 2:6, 3:] = 1
    expected = torch.zeros(8, 8, dtype=torch.long)
    expected[1:7, 2:] = 1
    expected[3:5, 4:] = 0
    assert torch.equal(edges(mask)[0], expected)
    assert not edges(torch.ones(1, 8, 8, dtype=torch.long)).any()


def test_the_loss_adds_the_edges_with_both_sorts_weighing_the_same() -> None:
    network = Mfcn(**NARROW)
    prediction = network(torch.rand(1, 3, 64, 64))
    mask = torch.zeros(1, 64, 64, dtype=torch.long)
    mask[0, 10:50, 20:40] = 1
    true = edges(mask)
    entropy = cross_entropy(prediction.edge, true, reduction="none")
    expected = (
        cross_entropy(prediction.mask, mask) + (entropy[true == 1].mean() + entropy[true == 0].mean()) / 2
    )
    assert_close(network.loss(prediction, Truth(mask, torch.ones(1, dtype=torch.long))), expected)
    nothing = Truth(torch.zeros_like(mask), torch.zeros(1, dtype=torch.long))
    assert network.loss(prediction, nothing).isfinite()
