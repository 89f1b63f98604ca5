"""What a scan does to one photo: decode, detect, write, and say what came of it."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tamperscope import __version__, plugins
from tamperscope.detectors._base import Detector
from tamperscope.detectors._refined import assemble, parts
from tamperscope.errors import Defect, MissingEvidence, OutputError, TamperscopeError
from tamperscope.io.decode import Limits, decode, read_file
from tamperscope.io.paths import (
    EVIDENCE,
    JUDGED,
    OWNER,
    PICTURES,
    RECORD,
    alone,
    display,
    make_folder,
    remove,
    write_whole,
)
from tamperscope.io.render import draw_evidence, draw_heatmap, draw_judged, draw_mask, draw_overlay
from tamperscope.report import json as report
from tamperscope.report.failures import FAILURES
from tamperscope.report.forms import REPORTS, Form
from tamperscope.scanning.find import Task
from tamperscope.signal.regions import find_regions
from tamperscope.types import Localization, Photo

__all__ = ["Examined", "Outcome", "Plan", "choices", "examine", "guarded", "scan_photo"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Plan:
    """What is done to every photo of a scan; passes between processes.

    ``detectors`` are names, ``fields`` their configuration where it differs from the default. With ``out``,
    results are written below it; ``raw`` adds the heatmaps as float32 arrays, ``report`` a report for people,
    and ``resume`` keeps results that are there already.
    """

    detectors: tuple[str, ...] = ("auto",)
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    out: Path | None = None
    raw: bool = False
    report: Form | None = None
    resume: bool = False
    salvage: bool = False
    limits: Limits = field(default_factory=Limits)

    @property
    def running(self) -> list[str]:
        """The detectors that may run, those that others choose from included."""
        return list(dict.fromkeys(one for name in self.detectors for one in (name, *choices(name))))

    @property
    def own(self) -> list[str]:
        """Those of this package, without their refiners."""
        names = dict.fromkeys(parts(name)[0] for name in self.running)
        return [name for name in names if name in plugins.names("detectors", own=True)]

    def build(self, name: str) -> Detector:
        """Return a detector with the fields that the user set."""
        return assemble(name, self.fields)


def choices(name: str) -> tuple[str, ...]:
    """Return the detectors that the named one may choose to run in its place."""
    detector, refiners = parts(name)
    return tuple("+".join((choice, *refiners)) for choice in plugins.load("detectors", detector).choices)


@dataclass(frozen=True)
class Outcome:
    """What came of one photo: a ``record`` as in `result.json`, or an ``error``.

    ``folder`` is where its files are, if they were written; ``resumed`` says that they were there before,
    ``unreported`` why there is no report.
    """

    path: Path
    record: dict[str, Any] | None = None
    error: TamperscopeError | None = None
    folder: Path | None = None
    resumed: bool = False
    unreported: TamperscopeError | None = None

    @property
    def analysed(self) -> bool:
        """Whether at least one detector could judge the photo."""
        return self.record is not None and bool(report.judged(self.record))

    @property
    def score(self) -> float | None:
        """The highest score of the detectors that gave one."""
        return report.top_score(self.record) if self.record else None


@dataclass(frozen=True, eq=False)
class Examined:
    """A decoded photo, what is said of it, and the maps; ``found`` has detectors by their names.

    ``detections`` are those of the record.
    """

    photo: Photo
    detections: list[dict[str, Any]]
    found: Mapping[str, tuple[Detector, Localization]]

    @property
    def sheet(self) -> list[str]:
        """The detectors that belong on an evidence sheet."""
        return _on_sheet({name: bool(result.evidence) for name, (_, result) in self.found.items()})

    def record(self, name: str) -> dict[str, Any]:
        """Return the record, in which the photo has a name for people, on one line."""
        return report.record(name, self.photo, self.detections)

    def pictures(self, raw: bool = False, *, overlays: bool = True) -> Iterator[tuple[str, bytes]]:
        """Yield the names and contents of the files of all maps, the evidence sheet excepted."""
        for name, (detector, result) in self.found.items():
            threshold = detector.own_card.threshold
            yield f"{name}.heatmap.png", draw_heatmap(result)
            yield f"{name}.mask.png", draw_mask(result, threshold)
            if result.valid is not None:
                yield f"{name}{JUDGED}", draw_judged(result.valid)
            if overlays:
                yield f"{name}.overlay.png", draw_overlay(self.photo, result, threshold)
            if raw:
                array = BytesIO()
                np.save(array, result.heatmap, allow_pickle=False)
                yield f"{name}.heatmap.npy", array.getvalue()

    def evidence(self) -> bytes:
        """Return the evidence sheet, a PNG."""
        said = {entry["name"]: entry for entry in self.detections}
        panels = [
            (f"{name}: {detector.own_card.title}", _summary(said[name]), result, detector.own_card.threshold)
            for name, (detector, result) in self.found.items()
        ]
        return draw_evidence(self.photo, panels)


def scan_photo(task: Task, plan: Plan) -> Outcome:
    """Scan one file; whatever goes wrong is in the outcome, never raised."""
    found = guarded(task.name, lambda: _scan(task, plan))
    if isinstance(found, TamperscopeError):
        return Outcome(task.path, error=found)
    if plan.report and found.folder:
        folder, form = found.folder, plan.report
        said = guarded(task.name, lambda: _report(task.path, folder, form))
        return replace(found, unreported=said)
    return found


def _report(photo: Path, folder: Path, form: Form) -> None:
    # Imported where it is needed: templates and fonts take a while.
    from tamperscope.report.content import open_case
    from tamperscope.report.write import make

    case = open_case(folder, photo=photo)
    made = make(case, form)
    if case.problems:
        raise case.problems[0]
    write_whole(folder / form.file, made)


def guarded(name: str, work: Callable[[], _T]) -> _T | TamperscopeError:
    """Return what the work on one photo returns, or the problem that it met, which names the photo."""
    try:
        return work()
    except TamperscopeError as error:
        return error.at(name)
    except MemoryError:
        problem, remedy = "this machine's memory does not suffice", "analyse it on a larger one"
    except Exception as error:  # noqa: BLE001  a defect met on one photo must not end the batch
        problem = f"Tamperscope failed ({type(error).__name__}: {display(str(error))})"
        remedy = "please report this, with the file if you may"
    return Defect(problem, remedy, name)


def _scan(task: Task, plan: Plan) -> Outcome:
    data = read_file(task.path, plan.limits.bytes)
    if plan.out and plan.resume:
        digest = hashlib.sha256(data).hexdigest()  # decoding would hash it too, which resuming spares
        for folder in _candidates(task, plan.out, digest):
            if stored := _finished(folder, digest, plan):
                return Outcome(task.path, {**stored, "path": task.name}, folder=folder, resumed=True)
    examined = examine(data, plan)
    record = examined.record(task.name)
    if not plan.out:
        return Outcome(task.path, record)
    record["evidence_sheet"] = examined.sheet
    claimed = _claim(task, plan.out, examined.photo.digest)
    _write(claimed, examined, record, plan.raw)
    return Outcome(task.path, record, folder=claimed)


def examine(data: bytes, plan: Plan) -> Examined:
    """Decode a photo's file and run the detectors of the plan; nothing is written.

    Raises:
        TamperscopeError: it cannot be decoded, or is larger than the limits.

    """
    photo = decode(data, salvage=plan.salvage, limits=plan.limits)
    return Examined(photo, *_detect(photo, plan))


def _write(folder: Path, examined: Examined, record: dict[str, Any], raw: bool) -> None:
    """Write pictures, then the record, which keeps what other detectors had found in the same file."""
    with alone(folder):
        kept, warnings = _kept(folder, record)
        others = {one["name"] for one in kept}
        write_whole(folder / OWNER, examined.photo.digest.encode())
        # Until the new record stands, none may vouch for pictures that are being replaced.
        if kept:
            _put(folder, {**record, "detections": kept, "warnings": warnings, "evidence_sheet": []})
        else:
            remove(folder / RECORD)
        for path in folder.glob("*.*.*"):
            if path.name.endswith(PICTURES) and path.name.split(".")[0] not in others:
                remove(path)
        for name in (EVIDENCE, *REPORTS):
            remove(folder / name)
        for name, content in examined.pictures(raw):
            write_whole(folder / name, content)
        if record["evidence_sheet"]:
            write_whole(folder / EVIDENCE, examined.evidence())
        _put(folder, {**record, "detections": [*record["detections"], *kept], "warnings": warnings})
        remove(folder / OWNER)  # the record tells now whose folder it is


def _kept(folder: Path, record: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what other detectors had found in the same file, and the warnings of both."""
    stored = _stored(folder) or {}
    new = {entry["name"] for entry in record["detections"]}
    try:
        # Not all warnings are alike: of a damaged file those know more who read its coefficients.
        if (_facts(stored), _salvaged(stored)) == (_facts(record), _salvaged(record)):
            kept = [one for one in stored["detections"] if one["name"] not in new]
            more = stored["warnings"] if kept else ()
            return kept, list(dict.fromkeys([*record["warnings"], *more]))
    except (KeyError, TypeError, AttributeError):  # of another version, or damaged
        pass
    return [], record["warnings"]


def _put(folder: Path, record: dict[str, Any]) -> None:
    write_whole(folder / RECORD, (report.dumps(record, indent=2) + "\n").encode())


def _facts(record: dict[str, Any]) -> tuple[Any, ...]:
    """Return what must be the same for two records to be of one file, by one version."""
    return record["schema_version"], record["version"], record["sha256"]


def _salvaged(record: dict[str, Any]) -> bool:
    return any(warning.startswith("salvaged") for warning in record["warnings"])


def _summary(entry: dict[str, Any]) -> str:
    score = "no score" if entry["score"] is None else f"score {report.written(entry['score'])}"
    return f"{entry['verdict']}, {score}"


def _detect(
    photo: Photo, plan: Plan
) -> tuple[list[dict[str, Any]], dict[str, tuple[Detector, Localization]]]:
    detections: dict[str, dict[str, Any]] = {}
    results = {}
    for requested in plan.detectors:
        started = time.perf_counter()
        detector, why = plan.build(requested).resolve(photo, plan.build)
        name = plugins.name_of(detector)
        if name in detections:  # auto chose one that was asked for by name as well
            continue
        threshold = detector.own_card.threshold
        try:
            result = detector.localize(photo)
        except MissingEvidence as error:
            answer = report.not_applicable(threshold, str(error))
        else:
            results[name] = detector, result
            doubt = detector.own_card.doubt
            answer = report.detection(result, threshold, find_regions(result, threshold), doubt)
            # What decoders make up for missing or damaged data looks manipulated, or hides what was.
            if photo.jpeg and not photo.jpeg.whole:
                answer["verdict"] = "cannot tell"
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


def _candidates(task: Task, out: Path, digest: str) -> list[Path]:
    """Return the folders that may be this photo's; the first needs a stem that no other photo has."""
    stem = task.path.stem if task.path.stem.strip(". ") else "photo"
    if stem.casefold() == FAILURES:  # whose place that is
        stem = "photo"
    long = os.fsdecode(os.fsencode(stem)[:190])  # leaves room for the digest in a name of 255 bytes
    return [out / stem, out / f"{long}-{digest[:8]}", out / f"{long}-{digest}"]


def _claim(task: Task, out: Path, digest: str) -> Path:
    """Return the photo's folder, made now or by an earlier scan of the same bytes; never another one.

    A folder is made beside its place, with a note of its owner inside, and moved there: of two processes
    that want the same name, one gets it, and the other sees whose it is.
    """
    candidates = _candidates(task, out, digest)
    for folder in candidates:
        if _owner(folder) == digest:  # also of a scan of more photos, or of fewer
            return folder
    for folder in candidates[task.ambiguous :]:
        draft = Path(make_folder(out))
        try:
            (draft / OWNER).write_text(digest)
            draft.rename(folder)
        except OSError:  # it is there already, or the disk is full, which writing will tell
            remove(draft / OWNER)
            draft.rmdir()
        owner = _owner(folder)
        damaged = owner is None and (folder / RECORD).exists()
        if owner == digest or damaged or not os.path.lexists(folder):  # or nothing can be written there
            return folder
    raise OutputError("every folder for it is taken", "choose another --out folder", display(task.path))


def _owner(folder: Path) -> str | None:
    """Return the digest of the photo whose results a folder holds, if it holds any."""
    try:
        return (folder / OWNER).read_text()  # first: it goes once the record stands
    except OSError:
        stored = _stored(folder)
        return str(stored.get("sha256")) if stored else None


def _stored(folder: Path) -> dict[str, Any] | None:
    try:
        value = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _finished(folder: Path, digest: str, plan: Plan) -> dict[str, Any] | None:
    """Return the stored record if it is what this scan would make again."""
    stored = _stored(folder) or {}
    try:
        now = report.SCHEMA_VERSION, __version__, digest
        if _facts(stored) != now or (_salvaged(stored) and not plan.salvage):
            return None
        found = [
            next((entry for entry in stored["detections"] if _same(entry, requested, plan, folder)), None)
            for requested in plan.detectors
        ]
    except (KeyError, TypeError, AttributeError, TamperscopeError):  # of another version, or damaged
        return None
    entries = {entry["name"]: entry for entry in found if entry}  # auto may have chosen one named as well
    judged = [entry for entry in entries.values() if entry["verdict"] != "not applicable"]
    wanted = _on_sheet({entry["name"]: bool(entry.get("evidence")) for entry in judged})
    if wanted and (stored.get("evidence_sheet") != wanted or not (folder / EVIDENCE).is_file()):
        return None
    return {**stored, "detections": list(entries.values())} if all(found) else None


def _on_sheet(judged: Mapping[str, bool]) -> list[str]:
    """Return the detectors on the evidence sheet, of those that judged and whether they have more maps."""
    return list(judged) if len(judged) > 1 or any(judged.values()) else []


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
    if entry["verdict"] == "not applicable":  # which leaves no pictures
        return True
    kinds = [kind for kind in PICTURES if kind != JUDGED and (plan.raw or not kind.endswith(".npy"))]
    return all((folder / f"{entry['name']}{kind}").is_file() for kind in kinds)
