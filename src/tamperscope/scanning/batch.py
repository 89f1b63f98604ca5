"""Scanning many photos, in this process or in several."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tamperscope.detectors._refined import parts
from tamperscope.errors import Defect, InvalidParameter, OutputError, TamperscopeError
from tamperscope.io.decode import Limits
from tamperscope.io.paths import display
from tamperscope.parallel import ordered
from tamperscope.report.failures import note_failures
from tamperscope.scanning.find import Task, find_photos, plan_tasks
from tamperscope.scanning.photo import Outcome, Plan, scan_photo

__all__ = ["run", "scan"]


def scan(
    paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    detectors: str | Iterable[str] = "auto",
    *,
    fields: Mapping[str, Mapping[str, Any]] | None = None,
    out: str | os.PathLike[str] | None = None,
    raw: bool = False,
    recursive: bool = False,
    workers: int = 1,
    resume: bool = False,
    salvage: bool = False,
    limits: Limits | None = None,
) -> Iterator[Outcome]:
    """Scan photos, folders and glob patterns; yield an `Outcome` for each file.

    They come in the order of the files, after those of paths that name no file.
    ``fields`` configures detectors: ``{"ela": {"quality": 95}}``. With ``out``, results are also written to
    a folder for each photo. More than one worker means processes: call from under
    ``if __name__ == "__main__":`` in a script.

    Raises:
        UnknownPlugin: no detector of that name. InvalidParameter: a field that does not fit.
        MissingWeights, CorruptFile: its weights cannot be used.
        OutputError: the output folder cannot be written.

    """
    plan = Plan(
        detectors=(detectors,) if isinstance(detectors, str) else tuple(detectors),
        fields=fields or {},
        out=Path(out) if out else None,
        raw=raw,
        resume=resume,
        salvage=salvage,
        limits=limits or Limits(),
    )
    if workers < 1:
        raise InvalidParameter(f"workers cannot be {workers}", "give at least 1")
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    check(plan)
    return _scan_all(list(find_photos(given, recursive=recursive)), plan, workers)


def _scan_all(found: list[Path | TamperscopeError], plan: Plan, workers: int) -> Iterator[Outcome]:
    for entry in found:
        if isinstance(entry, TamperscopeError):
            yield Outcome(Path(entry.source), error=entry)
    tasks = plan_tasks([entry for entry in found if isinstance(entry, Path)])
    yield from run(tasks, plan, workers)


def check(plan: Plan) -> None:
    """Fail now, before any photo is read, on what would fail for every photo.

    Raises:
        UnknownPlugin, InvalidParameter: of the detectors. MissingWeights, CorruptFile: of their weights.
        OutputError: the folder cannot be written.

    """
    if not plan.detectors:
        raise InvalidParameter("no detector is named", "name at least one")
    for one in plan.running:
        plan.build(one).prepare()
    known = {plugin for one in plan.running for plugin in (parts(one)[0], *parts(one)[1])}
    if unknown := sorted(set(plan.fields) - known):
        raise InvalidParameter(
            f"fields are given for {', '.join(unknown)}, which does not run", "name it among the detectors"
        )
    if plan.out:
        try:
            plan.out.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise _unwritable(plan.out, "it is a file, not a folder") from error
        except OSError as error:
            raise _unwritable(plan.out, error.strerror or str(error)) from error
        if not os.access(plan.out, os.W_OK | os.X_OK):
            raise _unwritable(plan.out, "permission denied")


def _unwritable(folder: Path, reason: str) -> OutputError:
    return OutputError(f"cannot be written ({reason})", "choose another --out folder", display(folder))


def run(tasks: list[Task], plan: Plan, workers: int = 1) -> Iterator[Outcome]:
    """Scan the files of the tasks, yielding outcomes in their order."""
    preload = [__name__, *(f"tamperscope.detectors.{name}" for name in plan.own)]
    outcomes = ordered(
        partial(scan_photo, plan=plan), tasks, min(workers, len(tasks)), lost=_crashed, preload=preload
    )
    yield from _noted(outcomes, plan.out) if plan.out else outcomes


def _noted(outcomes: Iterable[Outcome], out: Path) -> Iterator[Outcome]:
    """Yield the outcomes; keep a list of the files that failed, without those that succeed now."""
    said: dict[str, str | None] = {}
    try:
        for outcome in outcomes:
            # Called by its whole path, under which a later scan from elsewhere meets it again.
            path = os.path.abspath(outcome.path)  # noqa: PTH100  ".." goes, links stay
            said[display(path)] = str(outcome.error) if outcome.error else None
            yield outcome
    finally:
        with suppress(OutputError):  # each photo tells as much
            note_failures(out, said)


def _crashed(task: Task) -> Outcome:
    error = Defect(
        "the analysis crashed or was killed, perhaps for want of memory",
        "retry it alone with --workers 1; if it fails again, please report it",
        display(task.path),
    )
    return Outcome(task.path, error=error)
