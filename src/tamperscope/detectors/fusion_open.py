"""The network of `fusion` with weights that anyone may use: learned from free photographs alone."""

from dataclasses import dataclass, replace
from typing import ClassVar

from tamperscope.detectors.fusion import LARGER, Fusion
from tamperscope.plugins import option
from tamperscope.types import Card

__all__ = ["FusionOpen"]


@dataclass(frozen=True)
class FusionOpen(Fusion):
    """As `fusion`; all that its weights learned was forged from photographs whose use is not restricted.

    References: ours; see `networks.fusion` for what it builds on.

    """

    # It is louder on small photographs, having seen few but reduced ones.
    larger: float = option(0.5, LARGER, low=0, high=2)

    network: ClassVar[str] = "fusion"
    usual: ClassVar[int] = 256 * 256

    card: ClassVar[Card] = replace(
        Fusion.card,
        title="Fusion network, from free photographs",
        limits=(
            "a map for a person to read: it learned from 379 photographs, and finds less than fusion; "
            "whether a photo was edited it cannot say; " + Fusion.card.limits
        ),
        deviations=(
            *Fusion.card.deviations,
            "what tells copies from what is alike was fitted on CASIA 1 and COVERAGE, as for fusion",
        ),
    )
