"""How good a network is on patches, as the tables of bappy2017 have it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamperscope.detectors._onnx import Trained, as_input
from tamperscope.errors import TrainingFailed
from tamperscope.metrics._ranking import Curve, Ranking
from tamperscope.networks._base import Sight
from tamperscope.training.config import Training
from tamperscope.training.data import Patches, Photographs

__all__ = ["PER_PHOTO", "Figures", "measure"]

PER_PHOTO = 16  # patches, half of them manipulated as far as a photograph has both sorts


@dataclass(frozen=True, eq=False)
class Figures:
    """Accuracies and curves of patches and of their pixels; None for what the network does not predict.

    ``patch_chance`` and ``pixel_chance`` are those of calling all pristine, or all manipulated if that is
    better; ``patches`` and ``photographs`` count what was measured, ``skipped`` what could not be used.
    """

    photographs: int
    skipped: int
    patches: int
    patch_chance: float
    pixel_chance: float
    patch_accuracy: float | None
    segmentation_accuracy: float | None
    patch_curve: Curve | None
    pixel_curve: Curve | None

    @property
    def record(self) -> dict[str, Any]:
        """The numbers, fit for JSON."""
        found = {
            "photographs": self.photographs,
            "skipped": self.skipped,
            "patches": self.patches,
            "patch_accuracy": self.patch_accuracy,
            "patch_chance": self.patch_chance,
            "patch_auc": self.patch_curve.auc if self.patch_curve else None,
            "segmentation_accuracy": self.segmentation_accuracy,
            "pixel_chance": self.pixel_chance,
            "pixel_auc": self.pixel_curve.auc if self.pixel_curve else None,
        }
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in found.items()}


def measure(
    trained: Trained,
    photographs: Photographs,
    training: Training,
    *,
    resaved: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> Figures:
    """Measure on `PER_PHOTO` patches drawn from each manipulated photograph, always the same ones.

    ``resaved`` saves each photograph once more as JPEG before, of a quality that is drawn. Of the
    ``training`` its seed counts, and what a manipulated patch is. ``advance`` is called for each photograph.

    Raises:
        TrainingFailed: there is no manipulated photograph that can be used.

    """
    manipulated = Photographs(photographs.dataset, photographs.of(manipulated=True))
    options = replace(training, positive=0.5, validation=PER_PHOTO, resaved=float(resaved))
    patches = Patches.of_each(manipulated, options, Sight(trained.side, trained.context))
    labels, masks = [], []
    found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in trained.outputs}
    for item in map(patches.__getitem__, range(len(patches))):
        advance()
        if len(item["label"]):
            judge = trained.judge(item["context"])
            for name, answer in judge(as_input(item["pixels"])).items():
                found[name].append(answer)
            labels.append(item["label"])
            masks.append(item["mask"])
    if not labels:
        raise TrainingFailed("there is no manipulated photograph to measure on", "give a split that has some")
    label, mask = np.concatenate(labels), np.concatenate(masks)
    patch, pixel = _compare(found.get("label"), label), _compare(found.get("mask"), mask)
    return Figures(
        photographs=len(labels),
        skipped=len(patches) - len(labels),
        patches=len(label),
        patch_chance=_chance(label),
        pixel_chance=_chance(mask),
        patch_accuracy=patch[0],
        segmentation_accuracy=pixel[0],
        patch_curve=patch[1],
        pixel_curve=pixel[1],
    )


def _compare(
    answers: list[NDArray[np.float32]] | None, truth: NDArray[np.bool_]
) -> tuple[float | None, Curve | None]:
    if answers is None:
        return None, None
    found = np.concatenate(answers)
    # The probability of being manipulated may exceed 1 by what rounding adds; ranks do not allow that.
    return float(((found > 0.5) == truth).mean()), Ranking.of(np.clip(found, 0, 1), truth).curve


def _chance(truth: NDArray[np.bool_]) -> float:
    share = float(truth.mean())
    return max(share, 1 - share)
