"""A training's curves as a picture."""

import csv
from pathlib import Path

__all__ = ["draw_curves"]


def draw_curves(metrics: Path, picture: Path, title: str) -> None:
    """Draw losses on the left, the validation's other figures on the right, by epoch."""
    from matplotlib.figure import Figure

    with metrics.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, others = figure.subplots(1, 2)
    for name in [name for name in rows[0] if name not in ("epoch", "skipped")]:
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
