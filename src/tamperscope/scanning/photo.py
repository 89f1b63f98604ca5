"""What a scan does to one photo: decode, detect, write, and say what came of it."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from tamperscope import __version__, plugins
from tamperscope.detectors._base import Detector
from tamperscope.errors import Defect, MissingEvidence, TamperscopeError
from tamperscope.io.decode import Limits, decode, read_file
from tamperscope.io.paths import display, write_whole
from tamperscope.io.render import draw_heatmap, draw_mask, draw_overlay
from tamperscope.refine.regions import find_regions
from tamperscope.report import json as report
from tamperscope.scanning.find import Task
from tamperscope.types import Localization, Photo

__all__ = ["Outcome", "Plan", "scan_photo"]


@dataclass(frozen=True)
class Plan:
    """What is done to every photo of a scan; passes between processes.

    ``detectors`` are names, ``fields`` their configuration where it differs from the default. With ``out``,
    results are written below it; ``raw`` adds the heatmaps as float32 arrays, and ``resume`` keeps results
    that are there already.
    """

    detectors: tuple[str, ...] = ("auto",)
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    out: Path | None = None
    raw: bool = False
    resume: bool = False
    salvage: bool = False
    limits: Limits = field(default_factory=Limits)

    def build(self, name: str) -> Detector:
        """Return a detector with the fields that the user set."""
        built: Detector = plugins.build("detectors", name, **self.fields.get(name, {}))
        return built


@dataclass(frozen=True)
class Outcome:
    """What came of one photo: a ``record`` as in `result.json`, or an ``error``.

    ``folder`` is where its files are, if they were written; ``resumed`` says that they were there before.
    """

    path: Path
    record: dict[str, Any] | None = None
    error: TamperscopeError | None = None
    folder: Path | None = None
    resumed: bool = False

    @property
    def analysed(self) -> bool:
        """Whether at least one detector could judge the photo."""
        return self.record is not None and any(
            detection["verdict"] != "not applicable" for detection in self.record["detections"]
        )

    @property
    def score(self) -> float | None:
        """The highest score of the detectors that gave one."""
        scores = [entry["score"] for entry in self.record["detections"]] if self.record else []
        return max((score for score in scores if score is not None), default=None)


def scan_photo(task: Task, plan: Plan) -> Outcome:
    """Scan one file; whatever goes wrong is in the outcome, never raised."""
    try:
        return _scan(task, plan)
    except TamperscopeError as error:
        return Outcome(task.path, error=error.at(display(task.path)))
    except MemoryError:
        problem, remedy = "this machine's memory does not suffice", "analyse it on a larger one"
    except Exception as error:  # noqa: BLE001  a defect met on one photo must not end the batch
        problem = f"Tamperscope failed ({type(error).__name__}: {display(str(error))})"
        remedy = "please report this, with the file if you may"
    return Outcome(task.path, error=Defect(problem, remedy, display(task.path)))


def _scan(task: Task, plan: Plan) -> Outcome:
    data = read_file(task.path, plan.limits.bytes)
    digest = hashlib.sha256(data).hexdigest()
    folder = _folder(task, plan, digest)
    if folder and plan.resume and (stored := _finished(folder, digest, plan)):
        return Outcome(task.path, {**stored, "path": display(task.path)}, folder=folder, resumed=True)
    photo = decode(data, salvage=plan.salvage, limits=plan.limits)
    detections, results = _detect(photo, plan)
    record = report.record(task.path, photo, detections)
    if folder:
        for name, (detector, result) in results.items():
            _write_pictures(folder, name, photo, result, detector.card.threshold, plan.raw)
        # Last, so that its presence says that the rest is complete.
        write_whole(folder / "result.json", (report.dumps(record, indent=2) + "\n").encode())
    return Outcome(task.path, record, folder=folder)


def _detect(
    photo: Photo, plan: Plan
) -> tuple[list[dict[str, Any]], dict[str, tuple[Detector, Localization]]]:
    detections: dict[str, dict[str, Any]] = {}
    results = {}
    for requested in plan.detectors:
        started = time.perf_counter()
        detector, why = plan.build(requested).resolve(photo, plan.build)
        name = type(detector).__module__.rpartition(".")[2]
        if name in detections:  # auto chose one that was asked for by name as well
            continue
        threshold = detector.card.threshold
        try:
            result = detector.localize(photo)
        except MissingEvidence as error:
            answer = report.not_applicable(threshold, str(error))
        else:
            results[name] = detector, result
            answer = report.detection(result, threshold, find_regions(result, threshold))
        answer["reason"] = "; ".join(filter(None, (why, answer["reason"])))
        detections[name] = {
            "name": name,
            "requested": requested,
            "parameters": plugins.parameters(detector),
            "weights_digest": detector.weights_digest,
            **answer,
            "seconds": round(time.perf_counter() - started, 4),
        }
    return list(detections.values()), results


def _folder(task: Task, plan: Plan, digest: str) -> Path | None:
    """Return the photo's folder: its planned one, unless another photo's results lie there."""
    if not plan.out:
        return None
    folder = plan.out / task.folder
    stored = _stored(folder)
    if stored and stored.get("sha256") != digest:
        return plan.out / f"{task.folder}-{digest[:8]}"
    return folder


def _stored(folder: Path) -> dict[str, Any] | None:
    try:
        value = json.loads((folder / "result.json").read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _finished(folder: Path, digest: str, plan: Plan) -> dict[str, Any] | None:
    """Return the stored record if it is what this scan would make again."""
    stored = _stored(folder) or {}
    try:
        facts = stored["schema_version"], stored["version"], stored["sha256"]
        if facts != (report.SCHEMA_VERSION, __version__, digest):
            return None
        done = all(
            any(_same(entry, requested, plan, folder) for entry in stored["detections"])
            for requested in plan.detectors
        )
    except (KeyError, TypeError, TamperscopeError):  # not written by this version, or damaged
        return None
    return stored if done else None


def _same(entry: dict[str, Any], requested: str, plan: Plan, folder: Path) -> bool:
    """Tell whether a stored detection is what ``requested`` would make again, pictures included."""
    if requested not in (entry["requested"], entry["name"]):
        return False
    detector = plan.build(entry["name"])
    if (plugins.parameters(detector), detector.weights_digest) != (
        entry["parameters"],
        entry["weights_digest"],
    ):
        return False
    kinds = ["heatmap.png", "mask.png", "overlay.png", *(["heatmap.npy"] if plan.raw else [])]
    pictures = [] if entry["verdict"] == "not applicable" else kinds
    return all((folder / f"{entry['name']}.{kind}").is_file() for kind in pictures)


def _write_pictures(
    folder: Path, name: str, photo: Photo, result: Localization, threshold: float, raw: bool
) -> None:
    write_whole(folder / f"{name}.heatmap.png", draw_heatmap(result))
    write_whole(folder / f"{name}.mask.png", draw_mask(result, threshold))
    write_whole(folder / f"{name}.overlay.png", draw_overlay(photo, result, threshold))
    if raw:
        array = BytesIO()
        np.save(array, result.heatmap, allow_pickle=False)
        write_whole(folder / f"{name}.heatmap.npy", array.getvalue())
