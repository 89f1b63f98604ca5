"""Scanning many photos, in this process or in several."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path
from typing import Any

from tamperscope import plugins
from tamperscope.errors import Defect, InvalidParameter, OutputError, TamperscopeError
from tamperscope.io.decode import Limits
from tamperscope.io.paths import display
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
        UnknownPlugin, InvalidParameter: of the detectors. OutputError: the folder cannot be written.

    """
    for name in {*plan.detectors, *plan.fields}:
        plugins.build("detectors", name, **plan.fields.get(name, {}))
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
    if workers > 1 and len(tasks) > 1:
        yield from _in_processes(tasks, plan, min(workers, len(tasks)))
    else:
        for task in tasks:
            yield scan_photo(task, plan)


def _in_processes(tasks: list[Task], plan: Plan, workers: int) -> Iterator[Outcome]:
    waiting = iter(tasks)
    running: deque[tuple[Task, Future[Outcome]]] = deque()
    pool = _pool(plan, workers)
    try:
        while True:
            for task in islice(waiting, 4 * workers - len(running)):
                running.append((task, _submit(pool, task)))
            if not running:
                return
            task, future = running.popleft()
            try:
                outcome = future.result()
            except BrokenProcessPool:
                # A worker died, and took the pool with it. Whose fault it was shows when each runs alone.
                pool.shutdown(wait=False, cancel_futures=True)
                for lost, result in [(task, future), *running]:
                    finished = result.done() and not result.cancelled() and not result.exception()
                    yield result.result() if finished else _alone(lost, plan)
                running.clear()
                pool = _pool(plan, workers)
            else:
                yield outcome
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, task: Task) -> Future[Outcome]:
    try:
        return pool.submit(_scan_in_worker, task)
    except BrokenProcessPool as error:  # found out here or at the result: treated alike there
        failed: Future[Outcome] = Future()
        failed.set_exception(error)
        return failed


def _alone(task: Task, plan: Plan) -> Outcome:
    with _pool(plan, 1) as pool:
        try:
            return pool.submit(_scan_in_worker, task).result()
        except BrokenProcessPool:
            error = Defect(
                "the analysis crashed or was killed, perhaps for want of memory",
                "retry it alone with --workers 1; if it fails again, please report it",
                display(task.path),
            )
            return Outcome(task.path, error=error)


_plan = Plan()


def _pool(plan: Plan, workers: int) -> ProcessPoolExecutor:
    # Never fork: threads of OpenCV or of the caller would be copied in whatever state they are.
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    if sys.platform != "win32":
        context.set_forkserver_preload([__name__, *(f"tamperscope.detectors.{name}" for name in plan.own)])
    return ProcessPoolExecutor(workers, context, _start_worker, (plan,))


def _start_worker(plan: Plan) -> None:  # pragma: no cover  (runs in a forked server's child)
    import cv2

    global _plan  # noqa: PLW0603  set once per worker process, instead of sent with every task
    _plan = plan
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; a photo begun is finished whole
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_outlive_nobody, daemon=True).start()
    cv2.setNumThreads(1)  # the workers are the parallelism


def _outlive_nobody() -> None:  # pragma: no cover  (as above)
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)  # killed, it could not tell its workers


def _scan_in_worker(task: Task) -> Outcome:  # pragma: no cover  (as above)
    return scan_photo(task, _plan)
