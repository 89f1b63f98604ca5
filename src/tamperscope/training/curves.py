"""Curves of trainings, and of what they led to, as pictures."""

import csv
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from tamperscope.metrics._ranking import GRID, Curve

__all__ = ["draw_curves", "draw_roc"]


def draw_curves(metrics: Path, picture: Path, title: str) -> None:
    """Draw losses on the left, the validation's other figures on the right, by epoch."""
    from matplotlib.figure import Figure

    with metrics.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, others = figure.subplots(1, 2)
    for name in [name for name in rows[0] if name not in ("epoch", "seconds", "skipped")]:
        axes = losses if name.endswith("loss") else others
        label = name.replace("_", " ").replace("val", "validation,").replace("train", "training,")
        axes.plot([int(row["epoch"]) + 1 for row in rows], [float(row[name]) for row in rows], label=label)
    for axes, what in ((losses, "loss"), (others, "validation")):
        axes.set(xlabel="epoch", title=what)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(frameon=False)
    figure.suptitle(title)
    figure.savefig(picture, dpi=120)


def draw_roc(panels: Mapping[str, Mapping[str, Curve]], title: str) -> bytes:
    """Return a PNG of ROC curves with their areas, a panel for each sort; empty panels are left out."""
    from matplotlib.figure import Figure

    shown = {what: curves for what, curves in panels.items() if curves}
    figure = Figure(figsize=(4.6 * len(shown), 4.9), layout="constrained")
    for axes, (what, curves) in zip(
        figure.subplots(1, len(shown), squeeze=False)[0], shown.items(), strict=True
    ):
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
        for place, (label, curve) in enumerate(curves.items()):
            style = {"color": f"C{place // 2}", "linestyle": ("-", "--")[place % 2]}  # raw, and saved again
            axes.plot(GRID, curve.rates, label=f"{label}: {curve.auc:.3f}", **style)
        axes.set(
            xlabel="false positive rate", ylabel="true positive rate", title=what, xlim=(0, 1), ylim=(0, 1)
        )
        axes.set_aspect("equal")
        axes.legend(frameon=False, fontsize="small", loc="lower right")
    figure.suptitle(title)
    stream = BytesIO()
    figure.savefig(stream, dpi=120)
    return stream.getvalue()
