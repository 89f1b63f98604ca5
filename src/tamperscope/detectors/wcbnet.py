"""WCBnet: a classifier of photos at several resolutions, whose attention is fitted to objects."""

from dataclasses import dataclass
from typing import ClassVar

from tamperscope.detectors._activation import ActivationNetwork
from tamperscope.detectors._learned import Floats
from tamperscope.errors import InvalidParameter
from tamperscope.plugins import option
from tamperscope.types import Card

__all__ = ["WcbNet"]


@dataclass(frozen=True)
class WcbNet(ActivationNetwork):
    """Three views of a ResNet's blocks, weighed by attention across them.

    References:
        Wang & Abhayaratne, "Weakly-supervised Localization of Manipulated Image Regions Using
        Multi-resolution Learned Features", BMVC 2024 workshop.

    """

    view: int = option(0, "2, 3 or 4 takes a single view; 0 the geometric mean of all", low=0, high=4)

    views: ClassVar[tuple[str, ...]] = ("view 2", "view 3", "view 4")

    card: ClassVar[Card] = Card(
        title="WCBnet",
        looks_at="error levels, window by window, and where a classifier of photos looked in them",
        limits=(
            "it learned which photos are manipulated, never where: the map shows what the decision went by, "
            "and the object that fits best is marked, whether or not it was pasted; photos that were saved "
            "once or never look manipulated to it, so that its calibrated score accuses next to none"
        ),
        paper="Wang & Abhayaratne, Weakly-supervised Localization of Manipulated Image Regions, BMVC",
        year=2024,
        licence="MIT",
        deviations=(
            "windows of 256x256 of the photo as it is, on the grid of 8x8 pixels, instead of all of it in a "
            "square of 384; the most suspicious window speaks for the photo",
            "error levels are those of quality 5, which keep nearly all that a block holds; the paper gives "
            "no quality",
            "the first layer sees blocks of 8x8 pixels, and their coefficients as cosines of usual steps",
            "one small ResNet with three heads, whose places see 88 pixels, and how these differ from the "
            "rest; the paper's three ResNet-50 can be trained as variants",
            "each view's map has a maximum of 1 before the mean, at the size of the finest",
            "regions come from a graph-based segmentation unless another segmenter is set; distances within "
            "one have a maximum of 1, and Bayes' rule has estimators of ours (refine/bayes.py)",
            "with `view`, the score is that view's by the calibration of all three together",
            "the map is multiplied by the probability that the photo is manipulated",
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.view == 1:
            raise InvalidParameter("wcbnet.view cannot be 1", "give 0, 2, 3 or 4")

    def prepare(self) -> None:
        """Also see whether the weights have the view."""
        super().prepare()
        if self.view and f"view {self.view}" not in self._names():
            raise InvalidParameter(
                f"wcbnet.view cannot be {self.view}: these weights have {', '.join(self._names())}", "give 0"
            )

    def _names(self) -> tuple[str, ...]:
        """Return all three, or that of a variant with a single one, such as WCBnet_3."""
        view = self.trained.card.variant.rpartition("_")[2]
        return (f"view {view}",) if view in ("2", "3", "4") else self.views

    def _chosen(self, views: dict[str, tuple[float, Floats]]) -> list[str]:
        return [f"view {self.view}"] if self.view else list(views)
