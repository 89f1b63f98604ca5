"""Charts as SVG text, to be put into a page; drawn the same for the same numbers, byte for byte."""

from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tamperscope.metrics._ranking import GRID

__all__ = ["distributions", "lines", "roc"]

Floats = NDArray[np.float64]

# Okabe & Ito's colours, told apart with every kind of colour vision; and each line its own dashes as well.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))


def roc(curves: Mapping[str, Floats], title: str) -> str:
    """Draw ROC curves, each its true positive rates ``(101,)`` at the false positive rates `GRID`."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
        for place, (label, rates) in enumerate(curves.items()):
            axes.plot(GRID, rates, label=label, **_style(place))
        axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.005))
        axes.set_aspect("equal")
        axes.legend(loc="lower right", frameon=False)

    return _svg(draw, title, (3.9, 4.0))


def distributions(manipulated: Floats, pristine: Floats, threshold: float, title: str) -> str:
    """Draw how the scores of both kinds of photos are distributed, each kind as shares of its own number."""

    def draw(axes: Any) -> None:
        bins = np.linspace(0, 1, 21)
        both = ((pristine, "pristine", 0), (manipulated, "manipulated", 1))
        for scores, label, place in both:
            if scores.size:
                shares = np.full(scores.size, 1 / scores.size)
                axes.hist(
                    scores,
                    bins,
                    weights=shares,
                    label=f"{label}, n {scores.size}",
                    color=_COLOURS[place],
                    alpha=0.55,
                )
        axes.axvline(threshold, color="0.3", linewidth=1, linestyle="--", label=f"threshold {threshold:g}")
        axes.set(xlabel="score", ylabel="share of the photos", xlim=(0, 1))
        axes.legend(frameon=False)

    return _svg(draw, title, (3.9, 2.9))


def lines(
    strengths: Sequence[str],
    series: Mapping[str, Sequence[tuple[float, float, float]]],
    title: str,
    label: str,
) -> str:
    """Draw each series' (value, low, high) over strengths, a band between low and high; NaN is left out."""

    def draw(axes: Any) -> None:
        places = np.arange(len(strengths))
        for place, (name, points) in enumerate(series.items()):
            value, low, high = np.array(points, float).T
            axes.plot(places, value, label=name, marker="o", markersize=3, **_style(place))
            axes.fill_between(
                places, low, high, color=_COLOURS[place % len(_COLOURS)], alpha=0.12, linewidth=0
            )
        axes.set_xticks(places, strengths)
        axes.set(ylabel=label, ylim=(0, 1))
        axes.legend(frameon=False)

    return _svg(draw, title, (3.9, 2.9))


def _style(place: int) -> dict[str, Any]:
    return {
        "color": _COLOURS[place % len(_COLOURS)],
        "linestyle": _DASHES[place % len(_DASHES)],
        "linewidth": 1.6,
    }


def _svg(draw: Callable[[Any], None], title: str, size: tuple[float, float]) -> str:
    # Text stays text: it can be read aloud, searched and scaled. The salt makes identifiers reproducible.
    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": title,
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.set_title(title, fontsize=10)
        stream = StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = stream.getvalue()
    return text[text.index("<svg") :]
