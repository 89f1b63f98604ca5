"""The worker processes of a service: started, watched, and replaced when they die or hang."""

import logging
import multiprocessing
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

from tamperscope.parallel import outlive_nobody
from tamperscope.serving.places import Places, clear
from tamperscope.serving.settings import Settings
from tamperscope.serving.store import Store
from tamperscope.serving.work import work

__all__ = ["Crew"]

_LOOK = 0.5  # seconds between looks at the workers
_TIDY = 10.0  # seconds between looks at what is left over
_YOUNG = 5.0  # seconds; what dies younger is not replaced at once, lest a fault fills the log
_LONGEST_PAUSE = 60.0  # seconds
_AWAY = 5.0  # seconds after which a database that is away is asked again
_DAY = 86_400.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Worker:
    process: BaseProcess
    begun: Any  # since when it is at a photo, see `work`
    born: float


class Crew:
    """Keeps as many workers as the settings say at work."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        self.workers: dict[str, _Worker] = {}
        self._rest = (0.0, 0.0)  # until when nobody is hired, and how long the last pause was
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start the workers, and a thread that watches them."""
        self._watch.start()

    def stop(self) -> None:
        """Stop the workers; what they had begun waits for the next start."""
        self._over.set()
        self._watch.join()
        for worker in self.workers.values():
            worker.process.terminate()
        for name, worker in self.workers.items():
            worker.process.join()
            self.store.release(name, blamed=False)

    def _run(self) -> None:
        tidied = 0.0
        while not self._over.is_set():
            self._safely(self._look)
            if time.monotonic() > tidied + _TIDY:
                tidied = time.monotonic()
                self._safely(self._tidy)
            self._over.wait(_LOOK)

    def _safely(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001  a database that is away comes back
            _log.error("the workers cannot be looked after: %s", error)
            self._over.wait(_AWAY)

    def _look(self) -> None:
        now = time.monotonic()
        for name, worker in list(self.workers.items()):
            if not worker.process.is_alive():
                # Forgotten last: if the database is away now, the next look tries again.
                self.store.release(name)
                del self.workers[name]
                self._pause(now - worker.born)
            elif 0 < worker.begun.value < now - self.settings.seconds:
                worker.process.kill()
                worker.process.join()
                limit = f"the analysis took longer than {self.settings.seconds:g} seconds"
                self.store.abandon(name, f"{limit}; analyse it on a faster machine")
        while len(self.workers) < self.settings.workers and now >= self._rest[0]:
            self._hire()

    def _pause(self, age: float) -> None:
        """Hire nobody for a while if workers die young: twice as long each time."""
        pause = min(_LONGEST_PAUSE, max(1.0, 2 * self._rest[1])) if age < _YOUNG else 0.0
        self._rest = (time.monotonic() + pause, pause)

    def _hire(self) -> None:
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        # Never forked: threads of the server would be copied in whatever state they are.
        context = multiprocessing.get_context("spawn")
        begun = context.Value("d", 0.0)
        process = context.Process(target=_begin, args=(self.settings, name, begun), name=name, daemon=True)
        process.start()
        self.workers[name] = _Worker(process, begun, time.monotonic())

    def _tidy(self) -> None:
        self.store.sweep()
        if self.settings.days:
            for one in self.store.expired(self.settings.days * _DAY):
                self.store.delete(one)
                Places.of(self.settings.data, one).remove()
        clear(self.settings.data)


def _begin(settings: Settings, name: str, begun: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service decides
    outlive_nobody()
    work(settings, name, begun)
