"""ManTra-Net: traces of manipulations, and where they differ from the rest of the photo."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, normalize, pad

from tamperscope.networks._base import Network, Prediction, Sight

__all__ = ["ManTraNet", "high_passes"]

# Maps of the 3x3 convolutions, by group. The first convolution of the first group is another one.
_GROUPS = ((32,), (64, 64), (128, 128, 128), (256, 256, 256), (256, 256))
_PLACES = [(0, 1), *((group, place) for group in range(1, 5) for place in range(len(_GROUPS[group])))]
_PLAIN, _BAYAR = 4, 3  # filters of the first layer that learn freely, and under Bayar's constraint
_FEATURES, _REDUCED, _HIDDEN = 256, 64, 8
_WINDOWS = (7, 15, 31)  # pixels, of a side, over which a place is compared with its surroundings
_LEAST = 1e-5  # standard deviation


class ManTraNet(Network):
    """Traces of 385 manipulations, and a recurrent network over their deviations from larger windows.

    Nothing is pooled; photos may be of any size.

    References:
        Wu, AbdAlmageed & Natarajan, "ManTra-Net: Manipulation Tracing Network for Detection and Localization
        of Image Forgeries With Anomalous Features", CVPR 2019.

    """

    variants: ClassVar[dict[str, dict[str, Any]]] = {"ManTraNet": {}}
    sight = Sight(side=256)

    def __init__(self) -> None:
        super().__init__()
        self.first = _Combined()
        widths = [_PLAIN + _BAYAR + len(high_passes()), *(width for group in _GROUPS for width in group)]
        self.traces = nn.ModuleList(nn.Conv2d(given, made, 3) for given, made in pairwise(widths))
        self.transform = nn.Conv2d(widths[-1], _FEATURES, 3)
        self.reduce = nn.Parameter(torch.randn(_REDUCED, _FEATURES, 1, 1))
        self.norm = nn.BatchNorm2d(_REDUCED, eps=1e-3, affine=False)
        self.least = nn.Parameter(torch.full((1, _REDUCED, 1, 1), _LEAST))
        self.recur = _ConvLstm(_REDUCED, _HIDDEN, 7)
        self.predict = nn.Conv2d(_HIDDEN, 1, 7, padding=3)

    def forward(self, *inputs: Tensor) -> Prediction:
        """Predict for crops (batch, 3, height, width)."""
        features = self.trace(*inputs)
        places = self.norm(conv2d(features, normalize(self.reduce, dim=1)))
        heat = self.predict(self.recur(self.deviations(places)))[:, 0]
        return Prediction(mask=torch.stack([torch.zeros_like(heat), heat], dim=1), label=None)

    def examples(self) -> dict[str, Tensor]:
        """Return crops that are no squares."""
        shape = 2, 3, 40, 56
        return {"pixels": torch.rand(shape, generator=torch.Generator().manual_seed(0))}

    def varying(self, name: str) -> dict[int, str]:
        """Return that photos may be of any size."""
        first = 1 if name == "mask" else 2
        return {0: "batch", first: "height", first + 1: "width"}

    def trace(self, pixels: Tensor) -> Tensor:
        """Return manipulation traces (batch, 256, height, width), each place's of length 1."""
        maps = self.first(2 * pixels - 1).relu()
        for convolution in self.traces:
            maps = convolution(_mirrored(maps, 1)).relu()
        return normalize(self.transform(_mirrored(maps, 1)), dim=1)

    def convert(self, path: Path) -> None:
        """Take the weights that the authors published as HDF5 for Keras, ManTraNet_Ptrain4.h5."""
        state = self.state_dict()
        given = dict(_arrays(path))
        names = dict(self._names())
        if missing := set(names.values()) - set(given):
            raise KeyError(f"it has no {', '.join(sorted(missing))}")
        for mine, theirs in names.items():
            values = torch.from_numpy(given[theirs])
            if values.ndim == 4:
                # Keras: height, width, maps given, maps made. Deviations are (1, 1, 1, maps) there.
                values = values.permute(0, 3, 1, 2) if mine == "least" else values.permute(3, 2, 0, 1)
            if values.shape != state[mine].shape:
                raise ValueError(f"its {theirs} is {tuple(given[theirs].shape)}")
            if not values.isfinite().all() or (mine == "norm.running_var" and (values < 0).any()):
                raise ValueError(f"its {theirs} holds what cannot be")
            state[mine] = values.contiguous()
        self.load_state_dict(state)

    def _names(self) -> Iterator[tuple[str, str]]:
        """Yield the names of our tensors, and theirs."""
        yield from (("first.plain", "b1c1/regular_kernel"), ("first.bayar", "b1c1/bayar_kernel"))
        layers = [f"b{group + 1}c{place + 1}" for group, place in _PLACES]
        pairs = [
            *((f"traces.{place}", name) for place, name in enumerate(layers)),
            ("transform", "transform"),
        ]
        for mine, theirs in (*pairs, ("recur.entry", "cLSTM"), ("predict", "pred")):
            yield f"{mine}.weight", f"{theirs}/kernel"
            yield f"{mine}.bias", f"{theirs}/bias"
        yield "recur.state.weight", "cLSTM/recurrent_kernel"
        yield from (("reduce", "outlierTrans/kernel"), ("least", "glbStd/min_std"))
        yield from (("norm.running_mean", "bnorm/moving_mean"), ("norm.running_var", "bnorm/moving_variance"))

    def deviations(self, places: Tensor) -> list[Tensor]:
        """Return how far each place is from the mean around it, in standard deviations of the photo.

        One for each window, then one for the whole photo.
        """
        means = [avg_pool2d(places, size, 1, size // 2, count_include_pad=False) for size in _WINDOWS]
        means.append(places.mean((2, 3), keepdim=True))
        spread = places.std((2, 3), correction=0, keepdim=True)
        spread = torch.maximum(spread, self.least.clamp_min(0) + _LEAST / 10)
        return [((places - mean) / spread).abs() for mean in means]


class _Combined(nn.Module):
    """Filters that learn, fixed high-passes, and filters that predict a pixel by those around it."""

    fixed: Tensor
    middle: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.plain = nn.Parameter(torch.empty(_PLAIN, 3, 5, 5))
        self.bayar = nn.Parameter(torch.empty(_BAYAR, 3, 5, 5))
        for filters in (self.plain, self.bayar):
            nn.init.xavier_uniform_(filters)
        self.register_buffer("fixed", torch.from_numpy(high_passes()), persistent=False)
        middle = torch.zeros(1, 1, 5, 5)
        middle[..., 2, 2] = 1
        self.register_buffer("middle", middle, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        around = self.bayar * (1 - self.middle)
        constrained = around / (around.sum((2, 3), keepdim=True) + 1e-7) - self.middle
        filters = torch.cat([self.plain, self.fixed, constrained])
        return conv2d(_mirrored(pixels, 2), filters)


class _ConvLstm(nn.Module):
    """A recurrent network whose matrices are convolutions; Keras's ConvLSTM2D."""

    def __init__(self, given: int, hidden: int, size: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.entry = nn.Conv2d(given, 4 * hidden, size, padding=size // 2)
        self.state = nn.Conv2d(hidden, 4 * hidden, size, padding=size // 2, bias=False)

    def forward(self, steps: list[Tensor]) -> Tensor:
        """Return the last step's output (batch, hidden, height, width)."""
        batch, _, height, width = steps[0].shape
        output = cell = steps[0].new_zeros(batch, self.hidden, height, width)
        for step in steps:
            gates = self.entry(step) + self.state(output)
            entry, forget, new, out = gates.chunk(4, dim=1)
            cell = _hard(forget) * cell + _hard(entry) * new.tanh()
            output = _hard(out) * cell.tanh()
        return output


def high_passes() -> NDArray[np.float32]:
    """Return three filters of steganalysis (Fridrich & Kodovsky 2012) for each colour: (9, 3, 5, 5)."""
    second = np.array([1, -2, 1])
    square = np.zeros((5, 5))
    square[1:4, 1:4] = -np.outer(second, second) / 4
    fourth = np.array(
        [[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]]
    )
    line = np.zeros((5, 5))
    line[2, 1:4] = second / 2
    filters = np.zeros((9, 3, 5, 5), np.float32)
    for place, kernel in enumerate((square, fourth / 12, line)):
        for colour in range(3):
            filters[3 * place + colour, colour] = kernel
    return filters


def _arrays(path: Path) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the arrays in a file of weights of Keras, named layer/array, wherever they lie in it."""
    import h5py

    with h5py.File(path, "r") as file:
        found: list[tuple[str, Any]] = []
        file.visititems(lambda name, item: found.append((name, item)))
        for name, item in found:
            if isinstance(item, h5py.Dataset):
                *_, layer, array = ["", *name.split("/")]
                yield f"{layer}/{array.partition(':')[0]}", np.asarray(item, np.float32)


def _hard(gate: Tensor) -> Tensor:
    """Keras's sigmoid in three pieces."""
    return (0.2 * gate + 0.5).clamp(0, 1)


def _mirrored(maps: Tensor, width: int) -> Tensor:
    """Continue maps beyond their borders, which are repeated: PyTorch's reflection leaves them out."""
    if width == 1:
        return pad(maps, (1, 1, 1, 1), mode="replicate")
    maps = torch.cat([maps[:, :, :width].flip(2), maps, maps[:, :, -width:].flip(2)], dim=2)
    return torch.cat([maps[..., :width].flip(3), maps, maps[..., -width:].flip(3)], dim=3)
