import pytest
import torch
from torch.nn.functional import interpolate
from torch.testing import assert_close
from torchvision.models import resnet50

from tamperscope.networks._views import blocks
from tamperscope.networks.wcbnet import View, WcbNet


def count(module: torch.nn.Module) -> int:
    return sum(values.numel() for values in module.parameters())


def test_a_view_adds_as_little_to_resnet50_as_in_the_paper() -> None:
    with torch.device("meta"):
        backbone = resnet50()
        backbone.fc = torch.nn.Linear(2048, 1)
        plain, ours = count(backbone), count(WcbNet(views=(3,)))
    assert 0.020 < ours / plain - 1 < 0.026  # the paper: 2.3%


def views_of(network: WcbNet) -> list[View]:
    return [view for view in network.views if isinstance(view, View)]


def in_the_papers_order(view: View, found: list[torch.Tensor]) -> torch.Tensor:
    """Return the weighted features (batch, blocks * 128, height, width): resized, projected, weighed."""
    size = found[view.block].shape[2:]
    maps = []
    for project, block in zip(view.project, found, strict=True):
        resized = interpolate(block, size, mode="bilinear", align_corners=False)
        maps.append(project(resized.movedim(1, -1)).movedim(-1, 1))
    tokens = torch.stack([one.mean((2, 3)) for one in maps], dim=1)
    weights = view.attend(tokens, tokens, tokens, need_weights=False)[0].sigmoid()
    return torch.cat([one * weights[:, place, :, None, None] for place, one in enumerate(maps)], dim=1)


@pytest.mark.parametrize(("view", "stride"), [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32)])
def test_each_stage_has_the_papers_shape(view: int, stride: int) -> None:
    network = WcbNet(backbone="resnet10", views=(view,)).eval()
    levels = torch.rand(2, 3, 64, 96) - 0.5
    found = blocks(network.body, levels)
    assert [tuple(block.shape[1:]) for block in found] == [
        (maps, 64 // step, 96 // step)
        for maps, step in zip((64, 64, 128, 256, 512), (2, 4, 8, 16, 32), strict=True)
    ]
    (one,) = views_of(network)
    assert in_the_papers_order(one, found).shape == (2, 5 * 128, 64 // stride, 96 // stride)
    logit, heat = one(found)
    assert logit.shape == (2, 1)
    assert heat.shape == (2, 64 // stride, 96 // stride)
    label = network(levels).label
    assert label is not None
    assert label.shape == (2, 2)


def test_the_closed_form_is_grad_cam() -> None:
    """Grad-CAM by autograd: the paper's features weighed by the mean gradient of the logit."""
    torch.manual_seed(2)
    network = WcbNet(backbone="resnet10", views=(1, 2, 3, 4, 5)).eval()
    found = [one.detach() for one in blocks(network.body, torch.rand(3, 3, 96, 64) - 0.5)]
    for view in views_of(network):
        features = in_the_papers_order(view, found).detach()
        with torch.no_grad():  # weights that agree with the features, so that the map is not empty
            view.classify.weight.copy_(features.mean((0, 2, 3))[None])
        features.requires_grad_()
        logit = view.classify(features.mean((2, 3)))
        (gradient,) = torch.autograd.grad(logit.sum(), features)
        expected = (gradient.mean((2, 3), keepdim=True) * features).sum(1).relu()
        found_logit, heat = view(found)
        assert_close(found_logit, logit)
        assert expected.max() > 0
        assert_close(heat, expected)


def test_attention_looks_across_blocks() -> None:
    """What one block holds changes how another is weighed."""
    torch.manual_seed(0)
    view = View((8, 16), 0).eval()
    first, second = torch.rand(1, 8, 12, 12), torch.rand(1, 16, 6, 6)
    one, other = in_the_papers_order(view, [first, second]), in_the_papers_order(view, [first, 3 * second])
    assert not torch.allclose(one[:, :128], other[:, :128])


def test_any_resnet_of_torchvision_serves() -> None:
    assert WcbNet(backbone="resnet18").eval()(torch.rand(1, 3, 64, 64)).label is not None
