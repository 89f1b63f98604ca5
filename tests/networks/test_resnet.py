import torch
from torch.testing import assert_close

from tamperscope.networks._views import blocks
from tamperscope.networks.resnet import ResNetView


def test_its_map_is_grad_cam_of_the_last_block() -> None:
    torch.manual_seed(3)
    network = ResNetView(backbone="resnet18").eval()
    levels = torch.rand(2, 3, 96, 64) - 0.5
    features = blocks(network.body, levels)[-1].detach().requires_grad_()
    with torch.no_grad():  # weights that agree with the features, so that the map is not empty
        network.classify.weight.copy_(features.mean((0, 2, 3))[None])
    logit = network.classify(features.mean((2, 3)))
    (gradient,) = torch.autograd.grad(logit.sum(), features)
    expected = (gradient.mean((2, 3), keepdim=True) * features).sum(1).relu()
    logits, (heat,) = network.look(levels)
    assert_close(logits, logit)
    assert expected.max() > 0
    assert_close(heat, expected)


def test_its_default_is_small_and_the_papers_is_resnet50() -> None:
    sizes = {
        name: sum(values.numel() for values in ResNetView(**fields).parameters())
        for name, fields in ResNetView.variants.items()
    }
    assert sizes["ResNet-50"] == 25_557_032 - 1000 * 2049 + 2049  # He et al., with one class for a thousand
    assert sizes["small"] * 4 < 25 * 2**20  # bytes of a file of weights
