"""Fresh weights that learn from the first step on."""

from typing import Any

import torch
from torch import Tensor, nn

from tamperscope.networks._base import Network

__all__ = ["scale"]

_LEAST = 1e-6  # spread, where all patches look alike
_QUIET = 0.1  # of the last convolutions' unit variance: the first answers are near "I do not know"


def scale(network: Network, inputs: tuple[Tensor, ...]) -> None:
    """Scale the weights of a network by what a first batch makes of them; patches come first in ``inputs``.

    **Ours**: the papers are silent. With PyTorch's own weights the Conv-LSTM network stays at chance:
    photographs are smooth, so a map of their filtered pixels is nearly constant, and each recurrent layer
    makes what is left smaller (docs/guide/training.md has the curves). Therefore kernels that see a patch as
    it is add up to nothing; each convolution is scaled to outputs of unit variance; and recurrent layers see
    inputs of mean 0 and unit variance, begin with orthogonal matrices, and remember.

    References:
        Mishkin & Matas, "All you need is a good init", ICLR 2016 (unit variance layer by layer).
        Jozefowicz, Zaremba & Sutskever, "An Empirical Exploration of Recurrent Network Architectures", ICML
        2015 (a forget gate's bias of 1).

    """
    with torch.no_grad():
        for module in network.unpublished():
            # A convolution without biases is followed by a normalization, which scales it.
            if isinstance(module, nn.Conv2d) and module.weight.requires_grad and module.bias is not None:
                _scale_convolution(network, module, inputs)
            elif isinstance(module, nn.LSTM):
                _scale_lstm(module, _seen(network, module, inputs)[0])
        for last in network.last():
            last.weight *= _QUIET


def _scale_convolution(network: Network, convolution: nn.Conv2d, inputs: tuple[Tensor, ...]) -> None:
    if _seen(network, convolution, inputs)[0] is inputs[0]:
        convolution.weight -= convolution.weight.mean((2, 3), keepdim=True)
    assert convolution.bias is not None  # noqa: S101  ours have all one
    convolution.bias.zero_()
    spread = _seen(network, convolution, inputs)[1].std()
    if spread > 0:
        convolution.weight /= spread


def _scale_lstm(lstm: nn.LSTM, steps: Tensor) -> None:
    """Let what each layer's gates see of its input have mean 0 and unit variance; ``steps`` are the input."""
    for layer in range(lstm.num_layers):
        entry, state, bias, other = (
            getattr(lstm, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        for gate in state.chunk(4):
            nn.init.orthogonal_(gate)
        seen = steps @ entry.T
        spread = (seen - seen.mean((0, 1))).std().clamp_min(_LEAST)
        entry /= spread
        bias.copy_(-seen.mean((0, 1)) / spread)
        bias.chunk(4)[1].add_(1)  # input, forget, cell, output: it remembers
        other.zero_()
        single = nn.LSTM(steps.shape[2], lstm.hidden_size, batch_first=True)
        single.load_state_dict(
            {"weight_ih_l0": entry, "weight_hh_l0": state, "bias_ih_l0": bias, "bias_hh_l0": other}
        )
        steps, _ = single(steps)


def _seen(network: Network, module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, Any]:
    """Return what a module gets, and what it makes of it, while the network predicts."""
    found: list[tuple[Tensor, Any]] = []
    hook = module.register_forward_hook(lambda _module, inputs, output: found.append((inputs[0], output)))
    network(*given)
    hook.remove()
    return found[0]
