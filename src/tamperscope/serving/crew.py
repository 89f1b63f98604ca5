"""The worker processes of a service: started, watched, and replaced when they die or hang."""

import logging
import multiprocessing
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from tamperscope.parallel import outlive_nobody
from tamperscope.serving.places import Places, strays
from tamperscope.serving.settings import Settings
from tamperscope.serving.store import Store
from tamperscope.serving.work import work

__all__ = ["Crew"]

_LOOK = 0.5  # seconds between looks at the workers
_TIDY = 10.0  # seconds between looks at what is left over
_YOUNG = 5.0  # seconds; what dies younger is not replaced at once, lest a fault fills the log
_DAY = 86_400.0
_log = logging.getLogger(__name__)


class Crew:
    """Keeps as many workers as the settings say at work."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        self.workers: dict[str, BaseProcess] = {}
        self._born: dict[str, float] = {}
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start the workers, and a thread that watches them."""
        self._watch.start()

    def stop(self) -> None:
        """Stop the workers; what they had begun waits for the next start."""
        self._over.set()
        self._watch.join()
        for process in self.workers.values():
            process.terminate()
        for name, process in self.workers.items():
            process.join()
            self.store.release(name)

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
        except Exception:  # noqa: BLE001  a database that is away comes back
            _log.exception("the workers could not be looked after")

    def _look(self) -> None:
        for name, process in list(self.workers.items()):
            if not process.is_alive():
                # Forgotten last: if the database is away now, the next look tries again.
                self.store.release(name)
                del self.workers[name]
                if time.monotonic() < self._born.pop(name) + _YOUNG:
                    return
            elif self.store.overdue(name, self.settings.seconds):
                limit = f"the analysis took longer than {self.settings.seconds:g} seconds"
                process.kill()
                process.join()
                self.store.abandon(name, f"{limit}; analyse it on a faster machine")
        while len(self.workers) < self.settings.workers:
            self._hire()

    def _hire(self) -> None:
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        # Never forked: threads of the server would be copied in whatever state they are.
        process = multiprocessing.get_context("spawn").Process(
            target=_begin, args=(self.settings, name), name=name, daemon=True
        )
        process.start()
        self.workers[name], self._born[name] = process, time.monotonic()

    def _tidy(self) -> None:
        self.store.sweep()
        if self.settings.days:
            for one in self.store.expired(self.settings.days * _DAY):
                self.store.delete(one)
                Places.of(self.settings.data, one).remove()
        for places in strays(self.settings.data, self.store.known):
            places.remove()


def _begin(settings: Settings, name: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service decides
    outlive_nobody()
    work(settings, name)
