"""Segmenters whose weights others published; they run on PyTorch, which the extra `segment` brings."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from tamperscope.errors import MissingWeights
from tamperscope.io.published import MEAN, SPREAD
from tamperscope.plugins import option
from tamperscope.segmenters._base import Masks, Segmenter

__all__ = ["LearnedSegmenter", "SemanticSegmenter", "scaled"]


@dataclass(frozen=True)
class LearnedSegmenter(Segmenter):
    """Divides a photo by a network; subclasses implement `_regions` and `_load`, which keeps it."""

    weights: str = option("", "published weights on this machine; if empty, fetched once and kept")

    def prepare(self) -> None:
        """Load the network, its weights fetched if they are not here.

        Raises:
            MissingWeights: they, or the libraries that run them, cannot be had.
            CorruptFile: they are not what was published.

        """
        self.network()

    def network(self) -> Any:
        """Return the network, with as many threads as OpenCV has: a single one in each of several workers."""
        try:
            import torch

            torch.set_num_threads(max(1, cv2.getNumThreads()))
            return self._load(self.weights)
        except ImportError as error:
            raise MissingWeights(
                f"{self.title} needs a library ({error})", "pip install 'tamperscope[segment]'"
            ) from error

    @staticmethod
    @abstractmethod
    def _load(weights: str) -> Any:
        """Return the network in evaluation mode."""


@dataclass(frozen=True)
class SemanticSegmenter(LearnedSegmenter):
    """Regions are the connected parts of what a network of classes tells apart; subclasses give `_logits`."""

    least: int = option(100, "pixels of a region", low=1, high=2**24)

    background: ClassVar[int | None] = None  # the class of what is no thing

    def _regions(self, pixels: NDArray[np.uint8]) -> Masks:
        import torch
        from torch.nn.functional import interpolate

        size = pixels.shape[:2]
        with torch.inference_mode():
            logits = self._logits(torch.from_numpy(scaled(pixels)[None]))
            classes = interpolate(logits, size, mode="bilinear", align_corners=False)[0].argmax(0).numpy()
        found = [np.zeros((0, *size), np.bool_)]
        for one in np.setdiff1d(classes, [] if self.background is None else [self.background]):
            _, labels, figures, _ = cv2.connectedComponentsWithStats((classes == one).astype(np.uint8))
            large = 1 + np.flatnonzero(figures[1:, cv2.CC_STAT_AREA] >= self.least)
            found.append(labels == large[:, None, None])
        return np.concatenate(found)

    @abstractmethod
    def _logits(self, pixels: Any) -> Any:
        """Return logits (1, classes, any height and width) for `scaled` pixels (1, 3, height, width)."""


def scaled(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return pixels (height, width, 3) as networks trained on ImageNet take them, (3, height, width)."""
    found = (pixels / np.float32(255) - np.array(MEAN, np.float32)) / np.array(SPREAD, np.float32)
    return np.ascontiguousarray(found.transpose(2, 0, 1), np.float32)
