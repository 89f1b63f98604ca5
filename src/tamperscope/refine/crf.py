"""A fully connected conditional random field: pixels that look alike and lie near each other agree."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from tamperscope.plugins import option
from tamperscope.refine._base import Refiner
from tamperscope.signal.guided import guided
from tamperscope.signal.permutohedral import Lattice
from tamperscope.types import Localization, Photo

__all__ = ["Crf"]

_SURE = 1e-3  # heat is no nearer to 0 and 1 than this, so that its logit is finite
_RADIUS, _FLAT = 2, 1e-4  # of the guided filter: pixels, and the variance of brightness that is no edge

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Crf(Refiner):
    """Mean-field inference in a fully connected CRF with Potts compatibility and two Gaussian kernels.

    The unary term is the logit of the heat, less that of the threshold, and bounded: where a map that is no
    probability is 0, it would outvote everything. Each pixel then hears from all: those near it and alike in
    colour (appearance), and those next to it (smoothness), each kernel normalized symmetrically. The sums
    hold the pixel itself, which the paper leaves out: what is alone of its kind believes itself.
    Widths count pixels of the photo brought to at most ``size`` pixels, where inference runs; a guided filter
    brings the result to the edges of the full photo.

    References:
        Kraehenbuehl & Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials",
        NIPS 2011, sections 2 and 3. He & Sun, "Fast Guided Filter", 2015 (for the upsampling).

    """

    appearance: float = option(3.0, "weight of pixels near and alike", low=0.0, high=1e3)
    near: float = option(60.0, "standard deviation of nearness, pixels", low=1.0, high=1e4)
    alike: float = option(13.0, "standard deviation of likeness, grey levels", low=1.0, high=1e3)
    smoothness: float = option(1.0, "weight of neighbouring pixels", low=0.0, high=1e3)
    width: float = option(3.0, "standard deviation of neighbourhood, pixels", low=0.3, high=1e3)
    sharpness: float = option(1.0, "factor of the heat's logit: how far it is believed", low=0.01, high=100)
    certainty: float = option(
        1.0, "how far that logit lies from the threshold's, at most", low=0.01, high=100
    )
    iterations: int = option(5, "of mean-field inference", low=1, high=100)
    size: int = option(131_072, "pixels of the photo where inference runs, at most", low=1024, high=2**22)

    title: ClassVar[str] = "Fully connected CRF"
    looks_at: ClassVar[str] = "colours: the map's borders move to those of the photo, specks are taken out"
    paper: ClassVar[str] = "Kraehenbuehl & Koltun, Efficient Inference in Fully Connected CRFs, NIPS 2011"

    def _refine(self, photo: Photo, found: Localization, threshold: float) -> Floats:
        heat = found.heatmap if found.valid is None else np.where(found.valid, found.heatmap, threshold)
        offset = np.float32(logit(threshold))
        unary = np.clip(self.sharpness * (_logit(heat) - offset), -self.certainty, self.certainty)
        pixels = photo.pixels
        shrink = min(1.0, (self.size / heat.size) ** 0.5)
        if shrink == 1:
            return _heat(self._infer(pixels, unary) + offset)
        shape = [max(1, round(length * shrink)) for length in heat.shape[::-1]]
        small, coarse = (cv2.resize(array, shape, interpolation=cv2.INTER_AREA) for array in (pixels, unary))
        return _heat(_upsample(self._infer(small, coarse), small, pixels) + offset)

    def _infer(self, pixels: NDArray[np.uint8], unary: Floats) -> Floats:
        """Return the logits (height, width) of what is manipulated, given those of the unary term."""
        alike = Lattice(_places(pixels, self.near, self.alike))
        norm = np.asarray(1 / np.sqrt(self._blur(np.ones_like(unary))), np.float32)
        found = unary
        for _ in range(self.iterations):
            label = np.tanh(found / 2)  # the difference of both probabilities
            near = (alike @ label.ravel()).reshape(label.shape)
            found = unary + self.appearance * near + self.smoothness * norm * self._blur(label * norm)
        return found

    def _blur(self, values: Floats) -> Floats:
        blurred = cv2.GaussianBlur(values, (0, 0), self.width, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(blurred, np.float32)


def _logit(heat: Floats) -> Floats:
    return np.asarray(logit(np.clip(heat, _SURE, 1 - _SURE)), np.float32)


def _heat(logits: Floats) -> Floats:
    return np.asarray(expit(logits), np.float32)


def _places(pixels: NDArray[np.uint8], near: float, alike: float) -> Floats:
    """Return each pixel's row, column and colour (n, 5), in standard deviations."""
    rows, columns = np.indices(pixels.shape[:2], np.float32) / np.float32(near)
    return np.dstack([rows, columns, pixels / np.float32(alike)]).reshape(-1, 5)


def _upsample(values: Floats, small: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> Floats:
    """Return values (h, w), found on the ``small`` photo, for the pixels of the full one, with its edges.

    Around each pixel they are a line of brightness, which is fitted where they are known.
    """
    guide, full = (
        cv2.cvtColor(one, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32) / 255 for one in (small, pixels)
    )
    return guided(values, guide, full, _RADIUS, _FLAT)
