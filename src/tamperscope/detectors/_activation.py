"""Detectors that never saw a mask: where a classifier of whole photos looked, and the object that fits it."""

import math
from dataclasses import dataclass, replace
from itertools import chain
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from tamperscope.detectors._learned import Floats, Learned, Look, suspicion
from tamperscope.plugins import option
from tamperscope.refine.bayes import Bayes
from tamperscope.signal.error_level import grid_windows, whole_levels
from tamperscope.signal.windows import interpolate_blocks
from tamperscope.types import Card, Localization, Photo

__all__ = ["ActivationNetwork"]

_QUALITY = 90  # of weights that do not say


@dataclass(frozen=True, eq=False)
class _Seen:
    """The probability of each view (views,), and their maps (views, rows, columns).

    A place of a map is of ``step`` x ``step`` pixels from the top left; 0: the map is of the whole photo.
    """

    views: Floats
    maps: Floats
    step: int


@dataclass(frozen=True)
class ActivationNetwork(Learned):
    """Classifies the error levels of a photo; the activation maps of its views, refined, say where.

    Weights that learned from windows of photos see all windows; the most suspicious speaks for the photo.

    References:
        Wang & Abhayaratne, "Weakly-supervised Localization of Manipulated Image Regions Using
        Multi-resolution Learned Features", BMVC 2024 workshop.

    """

    quality: int = option(
        0,
        "of the JPEG that error levels are taken at; 0: that which the weights learned from",
        low=0,
        high=100,
    )
    segmenter: str = option("felzenszwalb", "see `tamperscope segmenters`; none if empty: the map as it is")
    segments: str = option("", "fields of the segmenter, such as scale=500,least=100")
    calibrated: bool = option(
        True, "the score; else it reaches the threshold where the network itself says one half"
    )

    views: ClassVar[tuple[str, ...]]  # names of the maps that its network answers with

    def __post_init__(self) -> None:
        super().__post_init__()
        self._refiner()  # fails now, not at the first photo

    def prepare(self) -> None:
        """Open the weights, and make the segmenter ready."""
        super().prepare()
        if refiner := self._refiner():
            refiner.prepare()

    @property
    def own_card(self) -> Card:
        """Also say that the score is not calibrated, if it is not to be."""
        card = super().own_card
        return card if self.calibrated else replace(card, calibrated="", doubt=None)

    @property
    def line(self) -> tuple[float, float] | None:
        """See `Learned.line`; without the calibration, a score at the threshold means one half."""
        return super().line if self.calibrated else (1.0, float(logit(self.own_card.threshold)))

    def look(self, photo: Photo) -> Look:
        """Return the map that the views agree on, refined; of what the photo must be, their mean says it."""
        seen = (self._windows if self.trained.card.sight.get("grid") else self._whole)(photo.pixels)
        views = {
            name: (float(probability), heat / max(float(heat.max()), 1e-12))  # as Grad-CAM's, 1 at most
            for name, probability, heat in zip(self._names(), seen.views, seen.maps, strict=True)
        }
        chosen = self._chosen(views)
        probability = float(np.mean([views[name][0] for name in chosen]))
        agreed = np.prod([views[name][1] for name in chosen], axis=0) ** np.float32(1 / len(chosen))
        heatmap = (
            interpolate_blocks(agreed, (photo.height, photo.width), seen.step)
            if seen.step
            else cv2.resize(agreed, (photo.width, photo.height), interpolation=cv2.INTER_LINEAR)
        )
        if refiner := self._refiner():
            heatmap = refiner.refine(photo, Localization(np.clip(heatmap, 0, 1), None), 0.5).heatmap
        said = ", ".join(f"{name} {probability:.2f}" for name, (probability, _) in views.items())
        return Look(
            np.clip(heatmap * np.float32(probability), 0, 1, dtype=np.float32),
            suspicion(probability),
            f"the network calls the photo manipulated with a probability of {probability:.2f} ({said})",
            {name: np.clip(heat, 0, 1) for name, (_, heat) in views.items()},
        )

    def _whole(self, pixels: NDArray[np.uint8]) -> "_Seen":
        """Show the network the whole photo, brought to a square."""
        levels = whole_levels(pixels, self._quality, self.trained.side)
        answers = self.trained.run(pixels=levels.transpose(2, 0, 1)[None])
        return _Seen(answers["views"][0], answers["maps"][0], 0)

    def _windows(self, pixels: NDArray[np.uint8]) -> "_Seen":
        """Show it the photo as it is, window by window; where they overlap, the later one counts."""
        side, views, pieces = self.trained.side, [], {}
        for corner, levels in grid_windows(pixels, self._quality, side):
            answers = self.trained.run(pixels=levels.transpose(2, 0, 1)[None])
            views.append(answers["views"][0])
            pieces[corner] = answers["maps"][0]
        cell = side // pieces[0, 0].shape[1]
        step = math.gcd(cell, *chain.from_iterable(pieces))  # the last ones may begin within a cell of others
        last = max(pieces)
        maps = np.zeros((len(views[0]), (last[0] + side) // step, (last[1] + side) // step), np.float32)
        for (row, column), answer in pieces.items():
            heat = answer.repeat(cell // step, axis=1).repeat(cell // step, axis=2)
            maps[:, row // step : (row + side) // step, column // step : (column + side) // step] = heat
        rows, columns = (-(-length // step) for length in pixels.shape[:2])  # without what was mirrored
        return _Seen(max(views, key=np.mean), maps[:, :rows, :columns], step)

    @property
    def _quality(self) -> int:
        return self.quality or int(self.trained.card.sight.get("levels", _QUALITY))

    def _names(self) -> tuple[str, ...]:
        """Return the names of the views that these weights have."""
        return self.views

    def _chosen(self, views: dict[str, tuple[float, Floats]]) -> list[str]:
        """Return the names of the views that count."""
        return list(views)

    def _refiner(self) -> Bayes | None:
        return Bayes(segmenter=self.segmenter, options=self.segments) if self.segmenter else None
