"""Evaluations of the forged set that the tests make."""

from pathlib import Path
from typing import Any

from tamperscope import plugins
from tamperscope.evaluation.run import Evaluation, plan

__all__ = ["planned"]


def planned(root: Path, *detectors: str, **choices: Any) -> Evaluation:
    """An evaluation of the forged set by these detectors."""
    built = {name: plugins.build("detectors", name) for name in detectors or ("adjpeg", "ela")}
    return plan("forged", root, "test", built, **choices)
