import torch

from tamperscope.networks.fcn import Fcn


def test_pixels_are_segmented_at_the_patchs_size() -> None:
    prediction = Fcn()(torch.rand(2, 3, 64, 64))
    assert prediction.mask is not None
    assert prediction.mask.shape == (2, 2, 64, 64)
    assert prediction.label is None


def test_it_has_three_convolutions_and_two_fully_convolutional_layers() -> None:
    layers = [layer for layer in Fcn(widths=(4, 8, 6)).segment if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.out_channels for layer in layers] == [4, 8, 6, 2, 2]
    assert {layer.kernel_size for layer in layers} == {(5, 5)}
