"""What runs batches: processes of this machine, or Ray on one machine or on many."""

import os
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from tamperscope.cluster.work import Batch, Done
from tamperscope.errors import Defect, InvalidParameter
from tamperscope.io.paths import clipped, display
from tamperscope.parallel import ordered

__all__ = ["Engine", "Processes", "Ray"]

_STORE = 128 * 2**20  # bytes for objects that Ray passes around: ours are names and counts


class Engine(ABC):
    """Runs batches; use it as a context, which ends what it started."""

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:  # noqa: B027  most have nothing to end
        pass

    @abstractmethod
    def run(self, work: Callable[[Batch], Done], batches: Iterable[Batch]) -> Iterator[Done]:
        """Yield what comes of each batch, in any order; a batch that killed its worker is ``lost``.

        Batches are taken only as fast as they are worked off. ``work`` and what it takes are pickled.
        """


class Processes(Engine):
    """Processes of this machine, also if it is one: what kills it must not end the run."""

    def __init__(self, workers: int = 1, preload: Sequence[str] = ()) -> None:
        self.workers, self.preload = workers, preload

    def run(self, work: Callable[[Batch], Done], batches: Iterable[Batch]) -> Iterator[Done]:
        """Yield what comes of the batches, in their order."""
        return ordered(work, batches, self.workers, lost=_lost, preload=self.preload, apart=True)


def _lost(batch: Batch) -> Done:
    return Done(batch, lost=True)


class Ray(Engine):
    """Ray's tasks, one core each: on the cluster at ``address``, else on a Ray of our own on this machine.

    Ray starts with the first batch. One that runs in this process already is used, and left running.

    Raises:
        InvalidParameter: Ray is not installed, or no cluster answers.

    """

    def __init__(self, workers: int = 1, address: str | None = None) -> None:
        try:
            import ray
        except ImportError as error:
            raise InvalidParameter("Ray is not installed", "pip install 'tamperscope[cluster]'") from error
        self._ray: Any = ray
        self.workers, self.address = workers, address or os.environ.get("RAY_ADDRESS") or None
        self._ours = False

    def run(self, work: Callable[[Batch], Done], batches: Iterable[Batch]) -> Iterator[Done]:
        """Yield what comes of the batches, as they are done."""
        waiting = iter(batches)
        running: dict[Any, Batch] = {}
        # A Ray of our own has as many cores as workers: one more batch each waits there, so that none idles.
        most = 2 * self.workers if self.address is None else self.workers
        try:
            while True:
                for batch in islice(waiting, most - len(running)):
                    running[self._submit(work, batch)] = batch
                if not running:
                    return
                (ready, *_), _ = self._ray.wait(list(running), num_returns=1)
                yield self._result(ready, running.pop(ready))
        finally:
            for task in running:
                self._ray.cancel(task, force=True)

    def __exit__(self, *_: object) -> None:
        if self._ours:  # ends it, or leaves the cluster
            self._ray.shutdown()

    def _submit(self, work: Callable[[Batch], Done], batch: Batch) -> Any:
        self._start()
        # What a dead worker leaves is tried again photo by photo, which Ray itself cannot know.
        return self._task.remote(work, batch)

    def _start(self) -> None:
        if hasattr(self, "_task"):
            return
        if not self._ray.is_initialized():
            self._join()
        self._task = self._ray.remote(num_cpus=1, max_retries=0)(_call)

    def _join(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody asked to report home
        os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # the first that ends a run is told by us
        place: dict[str, Any] = {"address": self.address}
        if self.address is None:
            place = {
                "address": "local",
                "num_cpus": self.workers,
                "include_dashboard": False,
                "object_store_memory": _STORE,
            }
        handler = signal.getsignal(signal.SIGTERM)
        try:
            self._ray.init(**place, log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError) as error:
            raise InvalidParameter(
                f"Ray cannot be reached at {self.address or 'this machine'} ({_line(_first(error))})",
                "check --address, its token if it asks for one, and that the versions of Ray and Python are "
                "the same everywhere",
            ) from error
        self._ours = True
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # Ray puts its own in its place

    def _result(self, task: Any, batch: Batch) -> Done:
        from ray.exceptions import RayError, RayTaskError

        try:
            found: Done = self._ray.get(task)
        except RayTaskError as error:
            problem = f"a worker could not begin ({_line(error.cause or error)})"
            remedy = "check that the same Tamperscope is installed on every machine"
            return Done(batch, error=Defect(problem, remedy))
        except RayError:  # the worker died, or its machine did
            return _lost(batch)
        return found


def _call(work: Callable[[Batch], Done], batch: Batch) -> Done:
    return work(batch)


def _first(error: BaseException) -> BaseException:
    """Return what an error came of."""
    while error.__cause__:
        error = error.__cause__
    return error


def _line(error: BaseException) -> str:
    return clipped(display(str(error).partition("\n")[0]), 300)
