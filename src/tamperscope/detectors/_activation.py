"""Detectors that never saw a mask: where a classifier of whole photos looked, and the object that fits it."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from tamperscope.detectors._learned import Floats, Learned, Look, suspicion
from tamperscope.plugins import option
from tamperscope.refine.bayes import Bayes
from tamperscope.signal.error_level import whole_levels
from tamperscope.types import Localization, Photo

__all__ = ["ActivationNetwork"]


@dataclass(frozen=True)
class ActivationNetwork(Learned):
    """Classifies the error levels of a photo; the activation maps of its views, refined, say where.

    References:
        Wang & Abhayaratne, "Weakly-supervised Localization of Manipulated Image Regions Using
        Multi-resolution Learned Features", BMVC 2024 workshop.

    """

    quality: int = option(90, "of the JPEG that error levels are taken at", low=1, high=100)
    segmenter: str = option("felzenszwalb", "see `tamperscope segmenters`; none if empty: the map as it is")
    segments: str = option("", "fields of the segmenter, such as scale=500,least=100")

    views: ClassVar[tuple[str, ...]]  # names of the maps that its network answers with

    def __post_init__(self) -> None:
        super().__post_init__()
        self._refiner()  # fails now, not at the first photo

    def prepare(self) -> None:
        """Open the weights, and make the segmenter ready."""
        super().prepare()
        if refiner := self._refiner():
            refiner.prepare()

    def look(self, photo: Photo) -> Look:
        """Return the map that the views agree on, refined; of what the photo must be, their mean says it."""
        levels = whole_levels(photo.pixels[: photo.decoded_rows or None], self.quality, self.trained.side)
        answers = self.trained.run(pixels=levels.transpose(2, 0, 1)[None])
        views = {
            name: (float(probability), heat / max(float(heat.max()), 1e-12))  # as Grad-CAM's, 1 at most
            for name, probability, heat in zip(
                self._names(), answers["views"][0], answers["maps"][0], strict=True
            )
        }
        chosen = self._chosen(views)
        probability = float(np.mean([views[name][0] for name in chosen]))
        agreed = np.prod([views[name][1] for name in chosen], axis=0) ** np.float32(1 / len(chosen))
        heatmap = cv2.resize(agreed, (photo.width, photo.height), interpolation=cv2.INTER_LINEAR)
        if refiner := self._refiner():
            heatmap = refiner.refine(photo, Localization(np.clip(heatmap, 0, 1), None), 0.5).heatmap
        said = ", ".join(f"{name} {probability:.2f}" for name, (probability, _) in views.items())
        return Look(
            np.clip(heatmap * np.float32(probability), 0, 1, dtype=np.float32),
            suspicion(probability),
            f"the network calls the photo manipulated with a probability of {probability:.2f} ({said})",
            {name: np.clip(heat, 0, 1) for name, (_, heat) in views.items()},
        )

    def _names(self) -> tuple[str, ...]:
        """Return the names of the views that these weights have."""
        return self.views

    def _chosen(self, views: dict[str, tuple[float, Floats]]) -> list[str]:
        """Return the names of the views that count."""
        return list(views)

    def _refiner(self) -> Bayes | None:
        return Bayes(segmenter=self.segmenter, options=self.segments) if self.segmenter else None
