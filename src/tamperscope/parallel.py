"""The same function over many tasks, in this process or in several, with results in the tasks' order."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.context import BaseContext
from multiprocessing.synchronize import Event
from typing import Any, TypeVar

__all__ = ["ordered", "outlive_nobody"]

Task = TypeVar("Task")
Result = TypeVar("Result")


def ordered(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    workers: int = 1,
    *,
    lost: Callable[[Task], Result],
    preload: Sequence[str] = (),
    apart: bool = False,
) -> Iterator[Result]:
    """Yield ``function(task)`` for each task; tasks are taken only as fast as they are worked off.

    More than one worker, or one ``apart``, means processes that were not forked from the caller:
    ``function``, tasks and results are pickled, and ``preload`` names modules that all workers share.
    ``lost(task)`` is the result of a task on which a worker died, whatever killed it; all others are kept.
    """
    if workers > 1 or apart:
        yield from _in_processes(function, tasks, workers, lost, preload)
    else:
        yield from map(function, tasks)


def _in_processes(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    workers: int,
    lost: Callable[[Task], Result],
    preload: Sequence[str],
) -> Iterator[Result]:
    waiting = iter(tasks)
    running: deque[tuple[Task, Future[Result]]] = deque()
    stop = _context().Event()
    pool = _pool(function, workers, preload, stop)
    try:
        while True:
            for task in islice(waiting, 4 * workers - len(running)):
                running.append((task, _submit(pool, task)))
            if not running:
                return
            task, future = running.popleft()
            try:
                result = future.result()
            except BrokenProcessPool:
                # A worker died, and took the pool with it. Whose fault it was shows when each runs alone.
                pool.shutdown(wait=False, cancel_futures=True)
                for again, state in [(task, future), *running]:
                    finished = state.done() and not state.cancelled() and not state.exception()
                    yield state.result() if finished else _alone(function, again, lost, preload)
                running.clear()
                pool = _pool(function, workers, preload, stop)
            else:
                yield result
    finally:
        stop.set()  # a pool cannot take back what it has handed to its workers, begun or not
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ProcessPoolExecutor, task: Any) -> Future[Any]:
    try:
        return pool.submit(_work, task)
    except BrokenProcessPool as error:  # found out here or at the result: treated alike there
        failed: Future[Any] = Future()
        failed.set_exception(error)
        return failed


def _alone(
    function: Callable[[Task], Result], task: Task, lost: Callable[[Task], Result], preload: Sequence[str]
) -> Result:
    with _pool(function, 1, preload) as pool:
        try:
            result: Result = pool.submit(_work, task).result()
            return result
        except BrokenProcessPool:
            return lost(task)


def _context() -> BaseContext:
    # Never fork: threads of OpenCV or of the caller would be copied in whatever state they are.
    return multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")


def _pool(
    function: Callable[[Any], Any], workers: int, preload: Sequence[str], stop: Event | None = None
) -> ProcessPoolExecutor:
    context = _context()
    if sys.platform != "win32":
        context.set_forkserver_preload([__name__, *preload])
    return ProcessPoolExecutor(workers, context, _start_worker, (function, stop))


_function: Callable[[Any], Any]
_stop: Event | None


def _start_worker(
    function: Callable[[Any], Any], stop: Event | None
) -> None:  # pragma: no cover  (in a forked server's child)
    import cv2

    global _function, _stop
    _function, _stop = function, stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; a task begun is finished whole
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    outlive_nobody()
    cv2.setNumThreads(1)  # the workers are the parallelism


def outlive_nobody() -> None:
    """Let this process end as soon as the one that started it does, which, killed, could not tell it."""
    parent = multiprocessing.parent_process()

    def wait() -> None:  # pragma: no cover  (in a process that ends without a word)
        if parent:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _work(task: Any) -> Any:  # pragma: no cover  (as above)
    return None if _stop and _stop.is_set() else _function(task)
