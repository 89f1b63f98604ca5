"""How well photos are called manipulated or pristine, both kinds weighing the same."""

from dataclasses import dataclass

from tamperscope.metrics._base import Floats, Observations, Scored, ratio

__all__ = ["BalancedAccuracy"]


@dataclass(frozen=True)
class BalancedAccuracy(Scored):
    """Mean of the shares of manipulated and of pristine photos that are rightly called."""

    title = "Balanced accuracy"
    convention = (
        "Mean of sensitivity and specificity of photos at the card's threshold. Chance is 0.5. Undefined "
        "without both kinds."
    )

    def _summarize(self, observed: Observations, weights: Floats) -> Floats:
        right = (observed.values >= observed.threshold) == observed.manipulated
        shares = [
            ratio(weights @ (right & kind), weights @ kind)
            for kind in (observed.manipulated, ~observed.manipulated)
        ]
        return (shares[0] + shares[1]) / 2
