"""How good a network is on patches, as the tables of bappy2017 have it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamperscope.detectors._learned import Learned
from tamperscope.detectors._onnx import Trained, as_input
from tamperscope.errors import TamperscopeError, TrainingFailed
from tamperscope.metrics._base import Comparison, Observations, parse_metric
from tamperscope.metrics._ranking import Curve, Ranking
from tamperscope.networks._base import PATCH, Sight
from tamperscope.training.config import Training
from tamperscope.training.data import Patches, Photographs
from tamperscope.training.wholes import Wholes

__all__ = ["PER_PHOTO", "Figures", "measure", "measure_photos", "measure_wholes"]

_FIGURES = ("pixel_auc", "pixel_f1@card", "false_alarm_area@card", "image_auc")  # of whole photographs
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
    found: dict[str, list[NDArray[np.float32]]] = {
        name: [] for name in trained.outputs if name in ("mask", "label")
    }
    step = max(1, trained.side // PATCH)  # of larger crops, as many pixels as of patches: memory holds all
    for item in map(patches.__getitem__, range(len(patches))):
        advance()
        if len(item["label"]):
            judge = trained.judge(item["context"])
            for name, answer in judge(as_input(item["pixels"])).items():
                if name in found:
                    found[name].append(answer[:, ::step, ::step] if answer.ndim == 3 else answer)
            labels.append(item["label"])
            masks.append(item["mask"][:, ::step, ::step])
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


def measure_photos(
    detector: Learned, photographs: Photographs, advance: Callable[[], None] = lambda: None
) -> dict[str, dict[str, Any]]:
    """Return how well a detector marks whole photographs of each data set, and tells them apart.

    A figure is None where it has no meaning: those of masks without manipulated photographs, say.

    Raises:
        TrainingFailed: there is no manipulated photograph that can be used.

    """
    found = {name: _of_photos(detector, own, advance) for name, own in photographs.by_source().items()}
    if not any(figures["manipulated"] for figures in found.values()):
        raise TrainingFailed("there is no manipulated photograph to measure on", "give a split that has some")
    return found


def _of_photos(detector: Learned, photographs: Photographs, advance: Callable[[], None]) -> dict[str, Any]:
    metrics = [metric for text in _FIGURES for metric in parse_metric(text)]
    values: dict[str, list[float]] = {metric.name: [] for metric in metrics}
    truths: dict[str, list[bool]] = {metric.name: [] for metric in metrics}
    counts = {True: 0, False: 0}
    threshold = detector.own_card.threshold
    for sample in photographs.samples:
        advance()
        try:
            photo, truth = photographs.read(sample, 1)
            comparison = Comparison(detector.localize(photo), truth, threshold)
        except TamperscopeError:  # what training passed over as well
            continue
        counts[comparison.manipulated] += 1
        for metric in metrics:
            value = metric.observe(comparison)
            if value is not None:
                values[metric.name].append(value)
                truths[metric.name].append(comparison.manipulated)
    figures = {}
    for metric in metrics:
        observed = Observations(np.array(values[metric.name]), np.array(truths[metric.name], bool), threshold)
        number = float(metric.summarize(observed)[0])
        figures[metric.name] = None if np.isnan(number) else round(number, 4)
    return {"manipulated": counts[True], "pristine": counts[False], **figures}


def measure_wholes(
    trained: Trained,
    photographs: Photographs,
    training: Training,
    sight: Sight,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Return how well whole photographs are told apart, as they are ("raw") and all saved once more.

    Raises:
        TrainingFailed: there are none of one class that can be used.

    """
    found: dict[str, Any] = {}
    for how, share in (("raw", 0.0), ("equalized", 1.0)):
        items = Wholes.of_each(photographs.labelled, replace(training, resaved=share), sight)
        labels, answers = [], []
        for item in map(items.__getitem__, range(len(items))):
            advance()
            if len(item["label"]):
                views = trained.run(pixels=item["pixels"].transpose(0, 3, 1, 2))["views"]
                answers.append(float(views.mean(1).max()))  # as its most suspicious window
                labels.append(bool(item["label"][0]))
        label, answer = np.array(labels), np.array(answers, np.float32)
        if len(set(labels)) < 2:
            raise TrainingFailed("a class is missing among the photographs", "give a split that has both")
        curve = Ranking.of(np.clip(answer, 0, 1), label).curve
        assert curve is not None  # noqa: S101  there are both classes
        hits = (answer > 0.5) == label
        found[how] = {
            "photographs": len(labels),
            "image_auc": round(curve.auc, 4),
            "balanced_accuracy": round(float(hits[label].mean() + hits[~label].mean()) / 2, 4),
        }
    return found


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
