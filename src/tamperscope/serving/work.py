"""A worker: a process that analyses what waits, one photo after the other."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from tamperscope.errors import TamperscopeError
from tamperscope.report.json import gravest, top_score
from tamperscope.scanning.find import Task
from tamperscope.scanning.photo import Outcome, Plan, guarded, scan_photo
from tamperscope.serving.places import Places
from tamperscope.serving.settings import Settings
from tamperscope.serving.store import Analysis, Store, open_store
from tamperscope.serving.views import draw_views

__all__ = ["analyse", "work"]

_PAUSE = 0.2  # seconds between looks at an empty queue
_PULSE = 5.0  # seconds between signs of life
_NICE = 10  # so that the service answers while photographs are analysed


def work(settings: Settings, name: str, begun: Any) -> None:
    """Work off the queue until the process that started this one is no more.

    ``begun`` is shared with it: since when, by the monotonic clock, this worker is at a photo; 0: at none.
    """
    import cv2

    os.nice(_NICE)
    with suppress(OSError):  # where memory is short, a photo goes before the service
        Path("/proc/self/oom_score_adj").write_text("1000")
    cv2.setNumThreads(1)  # the workers are the parallelism
    store = open_store(settings.url, migrated=True)
    threading.Thread(target=_live, args=(store, name), daemon=True).start()
    while True:
        if not serve_one(store, settings, name, begun):
            time.sleep(_PAUSE)


def _live(store: Store, name: str) -> None:
    """Say now and then that this worker is alive."""
    while True:
        time.sleep(_PULSE)
        with suppress(SQLAlchemyError):  # the database is away: if that lasts, the worker itself will meet it
            store.renew(name)


def serve_one(store: Store, settings: Settings, worker: str, begun: Any) -> bool:
    """Analyse what has waited longest, if anything does; return whether it did."""
    claimed = store.claim(worker)
    if claimed is None:
        return False
    places = Places.of(settings.data, claimed.id)
    begun.value = time.monotonic()
    outcome = analyse(claimed, places, settings)
    begun.value = 0.0
    error = str(outcome.error) if outcome.error else None
    ended = store.finish(claimed.id, worker, outcome.record, error, **_summary(outcome.record))
    if not ended and store.get(claimed.id) is None:  # forgotten meanwhile
        places.remove()
    return True


def analyse(claimed: Analysis, places: Places, settings: Settings) -> Outcome:
    """Analyse a photo that was sent, and write what pages show; nothing is raised."""
    plan = Plan(
        detectors=tuple(claimed.detectors),
        out=places.folder,
        salvage=claimed.salvage,
        limits=settings.limits,
    )
    outcome = scan_photo(Task(places.sent, called=claimed.name), plan)
    if outcome.record is None:
        return outcome
    names = [entry["name"] for entry in outcome.record["detections"]]
    drawn = guarded(claimed.name, lambda: draw_views(places, plan, names))
    return Outcome(outcome.path, error=drawn) if isinstance(drawn, TamperscopeError) else outcome


def _summary(record: dict[str, Any] | None) -> dict[str, Any]:
    if record is None:
        return {}
    return {"verdict": gravest(record), "score": top_score(record)}
