"""How well photos that are called manipulated are marked, as wang2024 measures."""

from dataclasses import dataclass
from typing import ClassVar

from tamperscope.metrics._base import Comparison
from tamperscope.metrics.pixel_f1 import PixelF1

__all__ = ["PixelF1Called"]


@dataclass(frozen=True)
class PixelF1Called(PixelF1):
    """F1 score of photos that the detector calls manipulated."""

    title = "Pixel F1 of photos called manipulated"
    convention = (
        "As pixel_f1, but only of manipulated photos whose score reaches the card's threshold: n says how "
        "many. Undefined where the detector gives no score."
    )

    variants: ClassVar[tuple[str, ...]] = ("card",)

    def _observe(self, comparison: Comparison) -> float | None:
        return super()._observe(comparison) if comparison.called else None
