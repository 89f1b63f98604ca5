"""What the interface and the pages both do: take photographs in, find them again, hand out what was made."""

import asyncio
import logging
import os
import shutil
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import cache
from multiprocessing import get_context
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request, UploadFile
from fastapi.responses import FileResponse

from tamperscope import plugins
from tamperscope.detectors._refined import parts
from tamperscope.errors import TamperscopeError
from tamperscope.io.paths import clipped, one_line
from tamperscope.parallel import outlive_nobody
from tamperscope.report.forms import Form
from tamperscope.serving.meters import Meters
from tamperscope.serving.places import Places
from tamperscope.serving.schemas import judged
from tamperscope.serving.settings import Settings
from tamperscope.serving.store import LONGEST, Analysis, Store, new_id
from tamperscope.types import Card

if TYPE_CHECKING:
    from tamperscope.report.content import Case

__all__ = ["Desk", "cards", "desk", "unkept", "whole"]

_MOST_LETTERS, _MOST_REFINERS = 400, 2  # of all detectors together, and of one
_MOST_REPORTS = 20  # asked for at once
_BLOCK = 2**20  # bytes
_log = logging.getLogger(__name__)


class Desk:
    """One service's settings, database and figures, and the process that makes its reports."""

    def __init__(self, settings: Settings, store: Store, meters: Meters) -> None:
        self.settings, self.store, self.meters = settings, store, meters
        self._taking = threading.Lock()
        self._reporter: ProcessPoolExecutor | None = None
        self._reports = 0

    def take(self, files: Sequence[UploadFile], detectors: Sequence[str], salvage: bool) -> list[Analysis]:
        """Keep photographs, and queue their analyses.

        Raises:
            HTTPException: too many or too large, too many wait, no such detector, or the disk is full.

        """
        detectors = _known(detectors) or list(self.settings.detectors)
        self._check(files)
        entries: list[dict[str, Any]] = [
            {
                "id": new_id(),
                "name": _name(file.filename),
                "size": file.size or 0,
                "detectors": detectors,
                "salvage": salvage,
            }
            for file in files
        ]
        kept: list[Places] = []
        with self._taking:  # two uploads at once must not both find the last free places
            if self.store.waiting() + len(files) > self.settings.queue:
                self.meters.refused.inc(len(files))
                raise HTTPException(
                    429, "too many photographs wait already; try later", {"Retry-After": "30"}
                )
            try:
                for entry, file in zip(entries, files, strict=True):
                    kept.append(self._keep(entry["id"], file))
                self.store.add(entries)
            except BaseException as error:
                for places in kept:
                    places.remove()
                if isinstance(error, OSError):
                    raise unkept(error) from error
                raise
        self.meters.uploads.inc(len(files))
        return [Analysis(**entry, status="queued") for entry in entries]

    def _check(self, files: Sequence[UploadFile]) -> None:
        most = min(self.settings.files, self.settings.queue)
        if not 0 < len(files) <= most:
            raise HTTPException(413, f"send 1 to {most} photographs at once")
        for file in files:
            if (file.size or 0) > self.settings.limits.bytes:
                raise HTTPException(
                    413, f"{_name(file.filename)} has more than {self.settings.limits.bytes:,} bytes"
                )

    def _keep(self, key: str, file: UploadFile) -> Places:
        arriving, places = Places.arriving(self.settings.data, key), Places.of(self.settings.data, key)
        try:
            arriving.folder.mkdir(parents=True)
            with arriving.sent.open("wb") as copy:
                shutil.copyfileobj(file.file, copy, _BLOCK)
            places.folder.parent.mkdir(parents=True, exist_ok=True)
            arriving.folder.rename(places.folder)
        except BaseException:
            arriving.remove()
            raise
        return places

    def find(self, key: str) -> tuple[Analysis, Places]:
        """Return an analysis and its files.

        Raises:
            HTTPException: there is none of that id.

        """
        found = self.store.get(key)
        if found is None:
            raise HTTPException(404, "there is no such analysis; it may have been deleted")
        return found, Places.of(self.settings.data, key)

    def done(self, key: str) -> tuple[Analysis, Places]:
        """Return an analysis that is done, and its files.

        Raises:
            HTTPException: there is none, or it is not.

        """
        found, places = self.find(key)
        if found.status != "done":
            raise HTTPException(409, f"the analysis is {found.status}")
        return found, places

    def judged(self, key: str, detector: str) -> Places:
        """Return the files of an analysis that is done and in which a detector judged the photo.

        Raises:
            HTTPException: there is none, it is not done, or that detector did not.

        """
        found, places = self.done(key)
        if detector not in [entry["name"] for entry in judged(found)]:
            raise HTTPException(404, "no such detector judged this photo")
        return places

    def forget(self, key: str) -> None:
        """Delete an analysis and its files.

        Raises:
            HTTPException: there is none of that id.

        """
        found, places = self.find(key)
        self.store.delete(key)
        places.remove()
        if found.status in ("queued", "running"):  # its worker may write more, and die: `clear` comes back
            with suppress(OSError):
                Places.arriving(self.settings.data, key).folder.mkdir(parents=True, exist_ok=True)

    async def report(self, key: str, form: Form, position: bool) -> bytes:
        """Return the report of an analysis that is done; another process makes it, so that all else goes on.

        Raises:
            HTTPException: there is none, it is not done, its files are gone, too many are asked for, or it
                takes longer than an analysis may.

        """
        _, places = await asyncio.to_thread(self.done, key)
        if self._reports >= _MOST_REPORTS:
            raise HTTPException(429, "too many reports are being made; try later", {"Retry-After": "5"})
        self._reports += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._pool(), _report, places, form, position, self.settings
            )
        except BrokenProcessPool as error:
            self._reporter = None  # the next report gets another
            said = "the process that makes reports crashed, or took too long over one; try again"
            raise HTTPException(503, said, {"Retry-After": "5"}) from error
        except TamperscopeError as error:
            raise HTTPException(410, error.problem) from error
        finally:
            self._reports -= 1

    def _pool(self) -> ProcessPoolExecutor:
        if self._reporter is None:
            self._reporter = ProcessPoolExecutor(1, get_context("spawn"), _begin)
        return self._reporter

    def close(self) -> None:
        """Let the process go that makes reports."""
        if self._reporter is not None:
            self._reporter.shutdown(wait=False, cancel_futures=True)


def desk(request: Request) -> Desk:
    """Return the service's desk."""
    found: Desk = request.app.state.desk
    return found


def unkept(error: OSError) -> HTTPException:
    """Return what is answered if the disk takes no photographs."""
    return HTTPException(507, f"photographs cannot be kept: {error.strerror}")


def whole(path: Path) -> FileResponse:
    """Answer with a picture.

    Raises:
        HTTPException: it is gone.

    """
    if not path.is_file():
        raise HTTPException(410, "its files are gone")
    return FileResponse(path)


def cards() -> dict[str, Card]:
    """Return the cards of the detectors that can run here: one without weights cannot."""
    kinds = {name: _kind(name) for name in plugins.names("detectors")}
    return {name: kind.card for name, kind in kinds.items() if kind and kind().ready}


@cache  # every page asks, and the log tells it once
def _kind(name: str) -> type[Any] | None:
    """Return a detector's class; of a broken plugin none, and the others go on."""
    try:
        return plugins.load("detectors", name)
    except TamperscopeError as error:
        _log.error("%s", error)
        return None


def _known(detectors: Sequence[str]) -> list[str]:
    wanted = list(
        dict.fromkeys(name.strip() for text in detectors for name in text.split(",") if name.strip())
    )
    if sum(map(len, wanted)) > _MOST_LETTERS:
        raise HTTPException(
            422, f"the names of the detectors have more than {_MOST_LETTERS} letters together; ask for fewer"
        )
    offered = {"detectors": tuple(cards()), "refine": plugins.names("refine")}
    for one in wanted:
        detector, refiners = parts(one)
        if len(refiners) > _MOST_REFINERS:
            raise HTTPException(422, f"at most {_MOST_REFINERS} refiners of a detector")
        for kind, name in (("detectors", detector), *(("refine", refiner) for refiner in refiners)):
            if name not in offered[kind]:
                known = ", ".join(offered[kind])
                raise HTTPException(
                    422, f"there is no {one_line(clipped(name, 50))!r} among the {kind}: {known}"
                )
    return wanted


def _name(given: str | None) -> str:
    """Return the last part of a name for people; it names no file here."""
    last = PureWindowsPath(PurePosixPath(given or "").name).name
    return clipped(
        one_line((last if last.strip(". ") else "photo").encode("utf-8", "replace").decode()), LONGEST
    )


def _begin() -> None:
    os.nice(5)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service decides
    outlive_nobody()


def _report(places: Places, form: Form, position: bool, settings: Settings) -> bytes:
    signal.setitimer(signal.ITIMER_REAL, settings.seconds)  # ends this process, whatever it is at
    try:
        made, case = _made(places, form, position, settings)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)  # else it ends this process later, at another report
    if case.problems:
        raise case.problems[0]
    return made


def _made(places: Places, form: Form, position: bool, settings: Settings) -> "tuple[bytes, Case]":
    from tamperscope.report.content import open_alone
    from tamperscope.report.write import make

    case = open_alone(places.results, position=position, photo=places.sent, limits=settings.limits)
    return make(case, form), case
