"""`tamperscope scan --engine`: collections, many photos into tables."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import typer

from tamperscope.cli._app import FAILED, FOUND, answering, progress, say
from tamperscope.errors import InvalidParameter

if TYPE_CHECKING:
    from tamperscope.cluster.collection import Tally
    from tamperscope.cluster.engines import Engine
    from tamperscope.scanning.photo import Plan

__all__ = ["Collection", "Engines"]

_EVERY = 30  # seconds between lines, where there is no terminal
_MOST = 256  # processes, where no engine shares them out


class Engines(str, Enum):
    """What runs a scan of a collection."""

    processes = "processes"
    ray = "ray"


@dataclass(frozen=True)
class Collection:
    """The options that concern collections alone."""

    engine: Engines | None
    workers: int
    address: str | None
    batch: int | None
    maps: bool

    def check(self, out: str | None, *, printed: bool) -> None:
        """Refuse what cannot be meant together."""
        if not self.engine:
            if self.address or self.batch or not self.maps or self.workers > _MOST:
                raise typer.BadParameter(
                    f"--address, --batch, --no-maps and more than {_MOST} --workers need --engine"
                )
            return
        if not out:
            raise typer.BadParameter("--engine needs --out")
        if printed:
            raise typer.BadParameter("--json and --report do not go with --engine, which writes tables")
        if self.address and self.engine is not Engines.ray:
            raise typer.BadParameter("--address needs --engine ray")

    def scan(self, uris: list[str], out: str, plan: "Plan", *, resume: bool, fail_on: float | None) -> int:
        """Scan a collection, say what came of it, and return the exit code."""
        started = time.monotonic()
        with answering(resume="finished batches are whole, --resume goes on from here"):
            engine = _engine(self, plan)
            from tamperscope.cluster.collection import scan_collection

            with engine, _telling() as told:
                tally = scan_collection(
                    uris,
                    out,
                    engine,
                    plan,
                    size=self.batch or 32,
                    maps=self.maps,
                    resume=resume,
                    told=told,
                    problem=lambda error: say(str(error)),
                )
        typer.echo(_sentence(tally, out, time.monotonic() - started))
        if fail_on is not None and tally.top is not None and tally.top >= fail_on:
            return FOUND
        return 0 if tally.complete else FAILED


def _engine(how: Collection, plan: "Plan") -> "Engine":
    try:
        from tamperscope.cluster import engines, work
    except ImportError as error:
        raise InvalidParameter(
            f"--engine needs {error.name}, which is not installed", "pip install 'tamperscope[cluster]'"
        ) from error
    if how.engine is Engines.ray:
        return engines.Ray(how.workers, how.address)
    detectors = [f"tamperscope.detectors.{name}" for name in plan.own]
    return engines.Processes(how.workers, [work.__name__, *detectors])


@contextmanager
def _telling() -> Iterator[Callable[["Tally"], None]]:
    """Show how far a run is: a bar on a terminal, else a line now and then."""
    started = last = time.monotonic()
    shown = 0
    with progress("scanning", None) as advance:

        def told(tally: "Tally") -> None:
            nonlocal last, shown
            done, now = tally.analysed + tally.failed, time.monotonic()
            advance(done - shown)
            shown = done
            if now - last >= _EVERY and not (sys.stderr and sys.stderr.isatty()):
                say(_counts(tally, now - started))
                last = now

        yield told


def _sentence(tally: "Tally", out: str, seconds: float) -> str:
    where = f"; what failed is in {out}/failures" if tally.failed else ""
    return f"{_counts(tally, seconds)}{where}"


def _counts(tally: "Tally", seconds: float) -> str:
    resumed = f", {tally.resumed} were done before" if tally.resumed else ""
    unjudged = f", {tally.unjudged} without what the detector needs" if tally.unjudged else ""
    rate = (tally.analysed + tally.failed) / max(seconds, 1e-3)
    photos = f"{tally.analysed} photo{'s' * (tally.analysed != 1)} analysed"
    return f"{photos}{unjudged}, {tally.failed} failed{resumed}; {rate:.1f} photos/s"
