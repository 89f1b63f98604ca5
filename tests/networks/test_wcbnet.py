import pytest
import torch
from torch.testing import assert_close
from torchvision.models import resnet50

from tamperscope.networks.wcbnet import CrossBlockAttention, WcbNet


def count(module: torch.nn.Module) -> int:
    return sum(values.numel() for values in module.parameters())


def test_a_view_adds_as_little_to_resnet50_as_in_the_paper() -> None:
    with torch.device("meta"):
        backbone = resnet50()
        backbone.fc = torch.nn.Linear(2048, 1)
        plain, ours = count(backbone), count(WcbNet(views=(3,)))
    assert 0.020 < ours / plain - 1 < 0.026  # the paper: 2.3%


@pytest.mark.parametrize(("view", "stride"), [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32)])
def test_each_stage_has_the_papers_shape(view: int, stride: int) -> None:
    network = WcbNet(backbone="resnet10", views=(view,)).eval()
    levels = torch.rand(2, 3, 64, 96) - 0.5
    blocks = network.blocks(levels)
    assert [tuple(block.shape[1:]) for block in blocks] == [
        (maps, 64 // step, 96 // step)
        for maps, step in zip((64, 64, 128, 256, 512), (2, 4, 8, 16, 32), strict=True)
    ]
    features = network.attention[0](blocks)
    assert features.shape == (2, 5 * 128, 64 // stride, 96 // stride)
    label = network(levels).label
    assert label is not None
    assert label.shape == (2, 2)


def test_the_closed_form_is_grad_cam() -> None:
    """Grad-CAM by autograd: the features weighed by the mean gradient of the logit by each of them."""
    torch.manual_seed(2)
    network = WcbNet(backbone="resnet10").eval()
    levels = torch.rand(3, 3, 96, 64) - 0.5
    with torch.no_grad():  # weights that agree with the features, so that the maps are not empty
        for attention, classify in zip(network.attention, network.classify, strict=True):
            assert isinstance(classify, torch.nn.Linear)
            classify.weight.copy_(attention(network.blocks(levels)).mean((0, 2, 3))[None])
    logits, maps = network.look(levels)
    for place, attention in enumerate(network.attention):
        features = attention(network.blocks(levels)).detach().requires_grad_()
        logit = network.classify[place](features.mean((2, 3)))
        assert_close(logit[:, 0], logits[:, place])
        (gradient,) = torch.autograd.grad(logit.sum(), features)
        weights = gradient.mean((2, 3), keepdim=True)
        expected = (weights * features).sum(1).relu()
        assert expected.max() > 0
        assert_close(maps[place], expected)


def test_attention_looks_across_blocks() -> None:
    """What one block holds changes how another is weighed."""
    torch.manual_seed(0)
    attention = CrossBlockAttention((8, 16), 0).eval()
    first, second = torch.rand(1, 8, 12, 12), torch.rand(1, 16, 6, 6)
    one, other = attention([first, second]), attention([first, 3 * second])
    assert not torch.allclose(one[:, :128], other[:, :128])


def test_projecting_first_is_resizing_first() -> None:
    attention = CrossBlockAttention((8, 16), 1).eval()
    block = torch.rand(1, 8, 12, 12)
    resized = torch.nn.functional.interpolate(block, (6, 6), mode="bilinear", align_corners=False)
    projected = torch.nn.functional.interpolate(
        attention.project[0](block), (6, 6), mode="bilinear", align_corners=False
    )
    assert_close(attention.project[0](resized), projected)


def test_any_resnet_of_torchvision_serves() -> None:
    assert WcbNet(backbone="resnet18").eval()(torch.rand(1, 3, 64, 64)).label is not None
