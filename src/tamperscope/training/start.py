"""Fresh weights that learn from the first step on."""

import torch
from torch import Tensor, nn

from tamperscope.networks._base import Network

__all__ = ["scale"]

_QUIET = 0.1  # of the last convolution's unit variance: the first answers are near "I do not know"


def scale(network: Network, pixels: Tensor) -> None:
    """Scale the weights of a network by what a first batch of ``pixels`` (n, 3, 64, 64) makes of them.

    **Ours**: the papers are silent. With PyTorch's own weights the Conv-LSTM network stays at chance:
    photographs are smooth, so a map of their filtered pixels is nearly constant, and each recurrent layer
    makes what is left smaller (docs/guide/training.md has the curves). Therefore kernels that see the pixels
    add up to nothing; each convolution is scaled to outputs of unit variance; and recurrent layers begin with
    orthogonal matrices and remember.

    References:
        Mishkin & Matas, "All you need is a good init", ICLR 2016 (unit variance layer by layer).
        Jozefowicz, Zaremba & Sutskever, "An Empirical Exploration of Recurrent Network Architectures", ICML
        2015 (a forget gate's bias of 1).

    """
    for module in network.modules():
        if isinstance(module, nn.LSTM):
            _remember(module)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    with torch.no_grad():
        for convolution in convolutions:
            if convolution.in_channels == pixels.shape[1]:
                convolution.weight -= convolution.weight.mean((2, 3), keepdim=True)
            assert convolution.bias is not None  # noqa: S101  ours have all one
            convolution.bias.zero_()
            spread = _output(network, convolution, pixels).std()
            if spread > 0:
                convolution.weight /= spread
        if network(pixels).mask is not None:
            convolutions[-1].weight *= _QUIET


def _output(network: Network, convolution: nn.Conv2d, pixels: Tensor) -> Tensor:
    found: list[Tensor] = []
    hook = convolution.register_forward_hook(lambda _module, _inputs, output: found.append(output))
    network(pixels)
    hook.remove()
    return found[0]


def _remember(lstm: nn.LSTM) -> None:
    for name, values in lstm.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(values)
        elif name.startswith("weight_hh"):
            for gate in values.chunk(4):
                nn.init.orthogonal_(gate)
        else:
            nn.init.zeros_(values)
            if name.startswith("bias_ih"):
                nn.init.ones_(values.chunk(4)[1])  # input, forget, cell, output
