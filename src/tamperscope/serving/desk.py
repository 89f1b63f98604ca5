"""What the interface and the pages both do: take photographs in, find them again, hand out what was made."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from fastapi import HTTPException, Request, UploadFile

from tamperscope.detectors._refined import parts
from tamperscope.errors import TamperscopeError
from tamperscope.io.paths import clipped, one_line, write_whole
from tamperscope.parallel import outlive_nobody
from tamperscope.plugins import names
from tamperscope.report.forms import Form
from tamperscope.serving.meters import Meters
from tamperscope.serving.places import Places
from tamperscope.serving.settings import Settings
from tamperscope.serving.store import Analysis, Store, new_id

__all__ = ["Desk", "desk"]

_LONGEST = 200  # letters of a name


class Desk:
    """One service's settings, database and figures, and the process that makes its reports."""

    def __init__(self, settings: Settings, store: Store, meters: Meters) -> None:
        self.settings, self.store, self.meters = settings, store, meters
        self._reporter: ProcessPoolExecutor | None = None

    def take(self, files: Sequence[UploadFile], detectors: Sequence[str], salvage: bool) -> list[Analysis]:
        """Keep photographs, and queue their analyses.

        Raises:
            HTTPException: too many or too large, too many wait, or no such detector.

        """
        detectors = _known(detectors) or list(self.settings.detectors)
        if not 0 < len(files) <= self.settings.files:
            raise HTTPException(413, f"send 1 to {self.settings.files} photographs at once")
        entries: list[dict[str, Any]] = [
            {"id": new_id(), "name": _name(file.filename), "detectors": detectors, "salvage": salvage}
            for file in files
        ]
        places = [Places.of(self.settings.data, entry["id"]) for entry in entries]
        try:
            for entry, place, file in zip(entries, places, files, strict=True):
                entry["size"] = self._keep(file, place)
            queued = self.store.add(entries, self.settings.queue)
        except BaseException:
            _remove(places)
            raise
        if not queued:
            _remove(places)
            self.meters.refused.inc(len(files))
            raise HTTPException(
                429, f"{self.settings.queue} photographs wait already; try later", {"Retry-After": "30"}
            )
        self.meters.uploads.inc(len(files))
        return [Analysis(**entry, status="queued") for entry in entries]

    def _keep(self, file: UploadFile, place: Places) -> int:
        most = self.settings.limits.bytes
        content = file.file.read(most + 1)
        if len(content) > most:
            raise HTTPException(413, f"{_name(file.filename)} has more than {most:,} bytes")
        write_whole(place.sent, content)
        return len(content)

    def find(self, name: str) -> tuple[Analysis, Places]:
        """Return an analysis and its files.

        Raises:
            HTTPException: there is none of that id.

        """
        found = self.store.get(name)
        if found is None:
            raise HTTPException(404, "there is no such analysis; it may have been deleted")
        return found, Places.of(self.settings.data, name)

    def done(self, name: str) -> tuple[Analysis, Places]:
        """Return an analysis that is done, and its files.

        Raises:
            HTTPException: there is none, or it is not.

        """
        found, places = self.find(name)
        if found.status != "done":
            raise HTTPException(409, f"the analysis is {found.status}")
        return found, places

    def forget(self, name: str) -> None:
        """Delete an analysis and its files.

        Raises:
            HTTPException: there is none of that id.

        """
        _, places = self.find(name)
        self.store.delete(name)
        places.remove()

    async def report(self, name: str, form: Form, position: bool) -> bytes:
        """Return the report of an analysis that is done; another process makes it, so that all else goes on.

        Raises:
            HTTPException: there is none, it is not done, or its files are gone.

        """
        _, places = await asyncio.to_thread(self.done, name)
        loop = asyncio.get_running_loop()
        for again in (True, False):
            if self._reporter is None:
                self._reporter = ProcessPoolExecutor(1, get_context("spawn"), _begin)
            try:
                found = await loop.run_in_executor(self._reporter, _report, places, form, position)
            except BrokenProcessPool:
                self.close()
                if not again:
                    raise
            except TamperscopeError as error:
                raise HTTPException(409, error.problem) from error
            else:
                break
        return found

    def close(self) -> None:
        """Let the process go that makes reports."""
        if self._reporter is not None:
            self._reporter.shutdown(wait=False, cancel_futures=True)
            self._reporter = None


def desk(request: Request) -> Desk:
    """Return the service's desk."""
    found: Desk = request.app.state.desk
    return found


def _known(detectors: Sequence[str]) -> list[str]:
    wanted = list(
        dict.fromkeys(name.strip() for text in detectors for name in text.split(",") if name.strip())
    )
    for one in wanted:
        detector, refiners = parts(one)
        for kind, name in (("detectors", detector), *(("refine", refiner) for refiner in refiners)):
            if name not in names(kind):
                raise HTTPException(
                    422,
                    f"there is no {one_line(clipped(name, 50))!r} among the {kind}: {', '.join(names(kind))}",
                )
    return wanted


def _name(given: str | None) -> str:
    """Return the last part of a name for people; it names no file here."""
    last = PureWindowsPath(PurePosixPath(given or "").name).name
    return clipped(
        one_line((last if last.strip(". ") else "photo").encode("utf-8", "replace").decode()), _LONGEST
    )


def _remove(places: Sequence[Places]) -> None:
    for place in places:
        place.remove()


def _begin() -> None:
    os.nice(5)
    outlive_nobody()


def _report(places: Places, form: Form, position: bool) -> bytes:
    from tamperscope.report.content import open_case
    from tamperscope.report.write import make

    case = open_case(places.results, position=position, photo=places.sent)
    made = make(case, form)
    if case.problems:
        raise case.problems[0]
    return made
