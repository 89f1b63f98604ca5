"""Evaluations of the forged set that the tests make."""

from pathlib import Path
from typing import Any

from dataset_trees import put, put_mask
from tamperscope import plugins
from tamperscope.evaluation.run import Evaluation, plan

__all__ = ["planned", "small_set"]


def planned(root: Path, *detectors: str, **choices: Any) -> Evaluation:
    """An evaluation of the forged set by these detectors."""
    built = {name: plugins.build("detectors", name) for name in detectors or ("adjpeg", "ela")}
    return plan("forged", root, "test", built, **choices)


def small_set(root: Path, count: int = 6, offset: int = 0) -> Path:
    """A folder of small forgeries with masks."""
    for number in range(count):
        put(root / "images" / f"{number}.jpg", number + offset, (64, 64))
        put_mask(root / "masks" / f"{number}.png", shape=(64, 64))
    return root
