from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close
from torchvision.models import ResNet18_Weights, resnet18

from tamperscope.io.published import tensors
from tamperscope.networks import semi_global
from tamperscope.networks.conv_lstm import ConvLstm
from tamperscope.networks.semi_global import SemiGlobal


@pytest.mark.parametrize("branch", ["light", "resnet18"])
def test_each_stage_has_the_papers_shape(branch: str) -> None:
    network = SemiGlobal(branch=branch)
    features = network.look(torch.rand(3, 3, 224, 224))
    assert features.shape == (3, 256)
    prediction = network(torch.rand(5, 3, 64, 64), torch.rand(3, 3, 224, 224), torch.tensor([0, 0, 1, 2, 2]))
    assert prediction.mask is not None
    assert prediction.label is not None
    assert prediction.mask.shape == (5, 2, 64, 64)
    assert prediction.label.shape == (5, 2)
    assert network.classify is not None
    assert network.classify.in_features == 512


def test_the_light_branch_is_that_of_the_public_code() -> None:
    layers = [layer for layer in SemiGlobal().globe.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.out_channels for layer in layers] == [16, 16, 32, 32, 64]
    assert {(layer.kernel_size, layer.stride) for layer in layers} == {((3, 3), (2, 2))}


def test_the_photo_speaks_to_the_label_alone() -> None:
    network, pixels, photos = SemiGlobal(), torch.rand(2, 3, 64, 64), torch.rand(2, 3, 224, 224)
    one, other = (network(pixels, photos, torch.tensor(numbers)) for numbers in ([0, 0], [1, 1]))
    assert_close(one.mask, other.mask)
    assert not torch.allclose(one.label, other.label)


def test_each_patch_knows_its_own_photo() -> None:
    network, pixels, photos = SemiGlobal(), torch.rand(3, 3, 64, 64), torch.rand(2, 3, 224, 224)
    label = network(pixels, photos, torch.tensor([1, 0, 1])).label
    for patch, photo in ((0, 1), (1, 0), (2, 1)):
        alone = network.judge(pixels[patch : patch + 1], network.look(photos[photo : photo + 1])).label
        assert_close(label[patch : patch + 1], alone)


def test_it_begins_where_the_conv_lstm_network_ended() -> None:
    before, after = ConvLstm(), SemiGlobal()
    after.start(before.state_dict())
    pixels = torch.rand(2, 3, 64, 64)
    was, now = before(pixels), after(pixels, torch.rand(1, 3, 224, 224), torch.tensor([0, 0]))
    assert_close(now.mask, was.mask)
    assert_close(now.label, was.label)
    again = SemiGlobal()
    again.start(after.state_dict())
    assert_close(again.look(torch.ones(1, 3, 224, 224)), after.look(torch.ones(1, 3, 224, 224)))
    with pytest.raises(RuntimeError):
        after.start(ConvLstm(hidden=64).state_dict())


def test_what_is_frozen_does_not_learn() -> None:
    network = SemiGlobal(branch="resnet18")  # as it is made: Lightning calls no `train`
    before = network.globe.state_dict()["body.bn1.running_mean"].clone()
    network.look(torch.rand(2, 3, 224, 224)).sum().backward()  # type: ignore[no-untyped-call]
    assert torch.equal(network.globe.state_dict()["body.bn1.running_mean"], before)
    learning = {name for name, values in network.globe.named_parameters() if values.grad is not None}
    assert learning == {"project.weight", "project.bias"}


def published(folder: Path, *, right: bool = True) -> SimpleNamespace:
    """Weights as torchvision publishes them, at an address on this machine."""
    import hashlib

    torch.manual_seed(5)
    torch.save(resnet18().state_dict(), folder / "draft.pth")
    digest = hashlib.sha256((folder / "draft.pth").read_bytes()).hexdigest()
    name = f"resnet18-{digest[:8] if right else '00000000'}.pth"
    (folder / "draft.pth").rename(folder / name)
    original = ResNet18_Weights.IMAGENET1K_V1
    address = (folder / name).as_uri()

    def get_state_dict(**options: object) -> object:
        return torch.hub.load_state_dict_from_url(address, **options)  # type: ignore[arg-type]

    assert original.url.endswith(".pth")
    return SimpleNamespace(url=address, get_state_dict=get_state_dict)


def test_imagenets_weights_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    weights = published(tmp_path)
    monkeypatch.setattr(semi_global, "ResNet18_Weights", SimpleNamespace(IMAGENET1K_V1=weights))
    network = SemiGlobal(branch="resnet18")
    network.pretrain()
    assert_close(network.globe.state_dict()["body.conv1.weight"], tensors(weights)["conv1.weight"])


def test_one_that_goes_on_from_the_conv_lstm_network_takes_them_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    weights = published(tmp_path)
    monkeypatch.setattr(semi_global, "ResNet18_Weights", SimpleNamespace(IMAGENET1K_V1=weights))
    network = SemiGlobal(branch="resnet18")
    network.start(ConvLstm().state_dict())
    assert_close(network.globe.state_dict()["body.conv1.weight"], tensors(weights)["conv1.weight"])
