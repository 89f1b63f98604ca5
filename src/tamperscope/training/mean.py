"""The mean of what a network began with and what it learned."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from tamperscope.networks._base import Network
from tamperscope.training.module import Batch

__all__ = ["even_mean", "mean_weights"]


def even_mean(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of several states of a network, each counting alike.

    They must have begun with the same weights. Unlike `mean_weights` it needs no photographs: what
    normalizations know of means and spreads is averaged as well.

    References:
        Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy
        without increasing inference time", ICML 2022.

    """
    first, *others = states
    return {
        name: torch.stack([values, *(one[name] for one in others)]).mean(0)
        if values.is_floating_point()
        else values
        for name, values in first.items()
    }


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
    network.cpu().eval()
    normalizations = [
        one
        for one in network.modules()
        # What is frozen keeps its statistics; what has no weights cannot be.
        if isinstance(one, nn.BatchNorm2d) and (not one.affine or one.weight.requires_grad)
    ]
    if normalizations:
        # They alone see a training; torch's own update_bn would leave out evidence as well.
        for one in normalizations:
            one.reset_running_stats()
            one.momentum = None  # the mean of all batches
            one.train()
        with torch.no_grad():
            for batch in batches:
                network(*network.inputs(batch))
    return network.eval().state_dict()
