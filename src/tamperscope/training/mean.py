"""The mean of what a network began with and what it learned."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from tamperscope.networks._base import Network
from tamperscope.training.module import Batch

__all__ = ["mean_weights"]


def mean_weights(
    network: Network,
    begun: Mapping[str, Tensor],
    learned: Mapping[str, Tensor],
    share: float,
    batches: Iterable[Batch],
) -> dict[str, Tensor]:
    """Return the mean of two states of a network, ``share`` of what it began with.

    It lies in the same valley, since one began with the other, and does better than either where the training
    forgot something. What normalizations know of means and spreads cannot be averaged: it is measured anew on
    ``batches``.

    References:
        Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022. Izmailov et al., "Averaging
        Weights Leads to Wider Optima and Better Generalization", UAI 2018 (the normalizations).

    """
    network.load_state_dict(
        {
            name: torch.lerp(values, begun[name].to(values), share) if values.is_floating_point() else values
            for name, values in learned.items()
        }
    )
    # Whatever else differs in training, such as what is left out, stays as in use.
    network.cpu().eval()
    normalizations = [one for one in network.modules() if isinstance(one, nn.BatchNorm2d)]
    usual = [one.momentum for one in normalizations]
    if normalizations:
        for one in normalizations:
            one.reset_running_stats()
            one.momentum = None  # the mean of all batches
            one.train()
        with torch.no_grad():
            for batch in batches:
                network(*network.inputs(batch))
        for one, momentum in zip(normalizations, usual, strict=True):
            one.momentum = momentum
            one.eval()
    return network.state_dict()
