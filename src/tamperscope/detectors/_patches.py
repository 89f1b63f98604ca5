"""Detectors whose network sees a photo patch by patch, as in bappy2017."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tamperscope import plugins
from tamperscope.detectors._learned import Floats, Learned, Look, suspicion
from tamperscope.detectors._onnx import Trained
from tamperscope.errors import InvalidParameter
from tamperscope.plugins import option
from tamperscope.refine._gate import gate
from tamperscope.refine._smooth import smooth
from tamperscope.signal.windows import mirrored, starts, whole
from tamperscope.types import Photo

__all__ = ["DRAWN", "SCALED", "SMOOTHED", "PatchNetwork", "top_mean"]

# Deviations that the cards of several networks name.
SMOOTHED = (
    "the map is smoothed once its patches are laid together, by a `sigma` of ours; the paper smooths each "
    "patch, and gives no width"
)
DRAWN = (
    "it learned from patches drawn evenly from the 8x8 grid, each sort by itself, instead of those around "
    "the boxes of contours"
)
SCALED = "fresh weights are scaled by what a first batch makes of them (training/start.py)"

_GRID = 8  # pixels: patches keep the JPEG grid
_GATES = ("hard", "soft", "none")
_TOP = 0.1  # share of the patches that speak for the photo, those most like manipulated ones


@dataclass(frozen=True)
class PatchNetwork(Learned):
    """Cuts patches on the 8x8 grid, lays what the network says of them together, smooths and gates it."""

    stride: int = option(
        32, "pixels from patch to patch, a multiple of 8; 64 as in the paper", low=8, high=64
    )
    sigma: float = option(8.0, "of the Gaussian that smooths the map, pixels", low=0.0, high=64.0)
    gating: str = option(
        "hard",
        "the map is multiplied by the labels of patches (hard), if there are any, by their probabilities "
        "(soft) or nothing (none)",
    )
    batch: int = option(32, "patches that are judged at once", low=1, high=1024)

    smallest: ClassVar[int] = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        name = plugins.name_of(self)
        if self.stride % _GRID:
            raise InvalidParameter(f"{name}.stride cannot be {self.stride}", f"give a multiple of {_GRID}")
        if self.gating not in _GATES:
            raise InvalidParameter(f"{name}.gating cannot be {self.gating!r}", f"give {', '.join(_GATES)}")

    def look(self, photo: Photo) -> Look:
        """Return what the network says of a photo, its patches laid together."""
        maps, patches = self.lay(photo.pixels)
        heatmap = smooth(maps["mask"] if "mask" in maps else maps["label"], self.sigma)
        if {"mask", "label"} <= set(maps) and self.gating != "none":
            heatmap = gate(heatmap, maps["label"])
        heatmap = np.clip(heatmap, 0, 1)
        if patches is None:
            reason = "a map by the network; these weights classify no patches, so there is no score"
            return Look(heatmap, None, reason)
        reason = f"the network calls {(patches > 0.5).sum()} of {patches.size} patches manipulated"
        return Look(heatmap, suspicion(top_mean(patches)), reason)

    def lay(self, pixels: NDArray[np.uint8]) -> tuple[dict[str, Floats], Floats | None]:
        """Return what the network says, laid over the photo (height, width), and its patches' labels (n,).

        Where patches overlap, a pixel takes what they say of it the more, the nearer it lies to their middle.
        """
        shape, side = pixels.shape[:2], self.trained.side
        if min(shape) < side:  # a photo smaller than what the network sees is mirrored, on its grid
            pixels = mirrored(pixels, side)
        corners = [starts(length, side, self.stride) for length in pixels.shape[:2]]
        rows, columns = (int(begins[-1]) + side for begins in corners)
        window = _window(side, self.stride)
        maps = {name: np.zeros((rows, columns), np.float32) for name in self.trained.outputs}
        patches = []
        for places, answer in _answers(pixels, corners, self.trained, self.batch):
            if "label" in answer:
                patches.append(answer["label"])
                if self.gating == "hard" and "mask" in answer:
                    answer["label"] = np.asarray(answer["label"] > 0.5, np.float32)
            for place, (row, column) in enumerate(places):
                box = np.s_[row : row + side, column : column + side]
                for name, said in answer.items():
                    maps[name][box] += window * said[place]
        total = _total(corners, window)
        beyond = [(0, max(0, pixels.shape[0] - rows)), (0, max(0, pixels.shape[1] - columns))]
        for name, laid in maps.items():  # what lies beyond the grid is less than a block
            maps[name] = np.pad(laid / total, beyond, mode="edge")[: shape[0], : shape[1]]
        return maps, np.concatenate(patches) if patches else None


def top_mean(labels: Floats) -> float:
    """Return how manipulated a photo looks: the mean of its most suspicious patches (n,)."""
    return float(np.sort(labels)[-max(1, round(_TOP * labels.size)) :].mean(dtype=np.float64))


def _window(side: int, stride: int) -> Floats:
    """Return a patch's weights (side, side): even without overlap, else falling to the sides."""
    if stride == side:
        return np.ones((side, side), np.float32)
    distance = np.minimum(np.arange(side) + 1, np.arange(side, 0, -1))
    return np.outer(distance, distance).astype(np.float32) / (side / 2) ** 2


def _total(corners: list[NDArray[np.intp]], window: Floats) -> Floats:
    """Return the weights that fell on each pixel; they are products of those along the two axes."""
    side = len(window)
    line = window[side // 2] / np.sqrt(window[side // 2, side // 2])
    axes = []
    for begins in corners:
        axis = np.zeros(int(begins[-1]) + side, np.float32)
        for start in begins:
            axis[start : start + side] += line
        axes.append(axis)
    return np.outer(*axes)


def _answers(
    pixels: NDArray[np.uint8], corners: list[NDArray[np.intp]], trained: Trained, batch: int
) -> Iterator[tuple[NDArray[Any], dict[str, Floats]]]:
    """Yield the patches' corners (n, 2), and what the network says of them, batch by batch."""
    places = np.stack(np.meshgrid(*corners, indexing="ij"), axis=-1).reshape(-1, 2)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (trained.side, trained.side), axis=(0, 1))
    judge = trained.judge(whole(pixels, trained.context))
    for start in range(0, len(places), batch):
        part = places[start : start + batch]
        given = windows[part[:, 0], part[:, 1]]  # (n, 3, side, side)
        yield part, judge(np.asarray(given / np.float32(255), np.float32))
