"""What a worker does with a batch of photos: examine each, write the maps, then the rows."""

import json
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import cv2

from tamperscope.cluster.places import locate
from tamperscope.cluster.stores import Store, patiently
from tamperscope.cluster.tables import FAILURES, RESULTS, encode, part_name
from tamperscope.errors import OutputError, TamperscopeError, UnreadableFile
from tamperscope.io.paths import display
from tamperscope.report.json import dumps, judged, top_score
from tamperscope.scanning.photo import Plan, examine, guarded

__all__ = ["SETTINGS", "Batch", "Done", "Job", "record_failure", "remove_parts", "work"]

SETTINGS = "scan.json"  # what a run does, and which run may write


@dataclass(frozen=True)
class Job:
    """What all batches share; passes between machines. ``run`` is the name of the run, new for each start."""

    plan: Plan
    out: str
    run: str
    maps: bool = True


@dataclass(frozen=True)
class Batch:
    """Photos that one worker does in a row."""

    uris: tuple[str, ...]


@dataclass(frozen=True)
class Done:
    """What came of a batch: how many photos were analysed, how many of them no detector could judge.

    ``top`` is the highest score. With an ``error`` the run cannot go on. If its worker died, it is ``lost``.
    """

    batch: Batch
    analysed: int = 0
    unjudged: int = 0
    failed: int = 0
    top: float | None = None
    error: TamperscopeError | None = None
    lost: bool = False


def work(batch: Batch, job: Job) -> Done:
    """Examine a batch and write what came of it; nothing is raised."""
    cv2.setNumThreads(1)  # the workers are the parallelism
    done = guarded("", lambda: _work(batch, job))
    return Done(batch, error=done) if isinstance(done, TamperscopeError) else done


def _work(batch: Batch, job: Job) -> Done:
    rows, failures = [], []
    for uri in batch.uris:
        found = guarded(display(uri), lambda uri=uri: _examine(uri, job))  # type: ignore[misc]
        if isinstance(found, OutputError):
            raise found
        if isinstance(found, TamperscopeError):
            failures.append(_failure(uri, found))
        else:
            rows.append(found)
    _write(batch, job, rows, failures)
    return Done(
        batch,
        analysed=len(rows),
        unjudged=sum(not row["judged"] for row in rows),
        failed=len(failures),
        top=max((row["top"] for row in rows if row["top"] is not None), default=None),
    )


def _examine(uri: str, job: Job) -> dict[str, Any]:
    """Return a photo's row."""
    started = time.perf_counter()
    store, path = locate(uri)
    data, identity = store.read(path, job.plan.limits.bytes)
    examined = examine(data, job.plan)
    if job.maps:
        _write_maps(job, examined.photo.digest, examined.pictures(job.plan.raw, overlays=False))
    record = examined.record(uri)
    first = record["detections"][0]
    facts = {name: record[name] for name in ("sha256", "bytes", "format", "width", "height", "version")}
    return {
        "uri": uri,
        "identity": identity,
        **facts,
        "verdict": first["verdict"],
        "score": first["score"],
        "top": top_score(record),
        "judged": bool(judged(record)),
        "record": dumps(record),
        "seconds": round(time.perf_counter() - started, 4),
    }


def _write_maps(job: Job, digest: str, pictures: Any) -> None:
    store, out = locate(job.out)
    for name, content in pictures:
        store.write(f"{out}/maps/{digest[:2]}/{digest}/{name}", content)


def _failure(uri: str, error: TamperscopeError) -> dict[str, Any]:
    return {
        "uri": uri,
        "error": type(error).__name__,
        "problem": error.problem,
        "remedy": error.remedy,
        "attempted": datetime.now(timezone.utc),
    }


def _check_run(store: Store, out: str, run: str) -> None:
    """Stop a worker of a run that is no more the one that writes: it was killed, and another resumed it."""
    settings = _settings(store, out)
    if json.loads(settings)["run"] != run:
        raise OutputError("another run writes to it now", "let that one finish", display(store.uri(out)))


def _settings(store: Store, out: str) -> bytes:
    """Return what the run's place says."""
    try:
        return patiently(lambda: store.read(f"{out}/{SETTINGS}", 2**24)[0], UnreadableFile)
    except UnreadableFile as error:
        raise OutputError(
            f"cannot be read any more ({error.problem})",
            "check the rights and the network; --resume goes on from here",
            display(store.uri(out)),
        ) from error


def _write(batch: Batch, job: Job, rows: list[dict[str, Any]], failures: list[dict[str, Any]]) -> None:
    store, out = locate(job.out)
    name = part_name(job.run, batch.uris)
    tables = {"results": (rows, RESULTS), "failures": (failures, FAILURES)}
    files = {f"{out}/{table}/{name}": encode(*content) for table, content in tables.items() if content[0]}
    _check_run(store, out, job.run)  # as late as can be
    for path, content in files.items():
        store.write(path, content)


def record_failure(batch: Batch, job: Job, error: TamperscopeError) -> Done:
    """Write that a batch could not be done.

    Raises:
        OutputError: it cannot be written, or another run writes now.

    """
    _write(batch, job, [], [_failure(uri, error) for uri in batch.uris])
    return Done(batch, failed=len(batch.uris))


def remove_parts(batch: Batch, job: Job) -> None:
    """Remove what a worker wrote of a batch before it died, so that its photos can be done one by one.

    Raises:
        OutputError: it cannot be removed.

    """
    store, out = locate(job.out)
    for table in ("results", "failures"):
        store.remove(f"{out}/{table}/{part_name(job.run, batch.uris)}")
