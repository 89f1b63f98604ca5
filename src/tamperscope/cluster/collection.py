"""A run over a collection: what is done already, what is to be done, and what came of it."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tamperscope import __version__, plugins
from tamperscope.cluster.engines import Engine
from tamperscope.cluster.listing import Entry, find
from tamperscope.cluster.places import locate
from tamperscope.cluster.stores import Local, Store
from tamperscope.cluster.tables import FAILURES, RESULTS, Index, Keys, Seen, keys, read_index
from tamperscope.cluster.work import SETTINGS, Batch, Done, Job, record_failure, remove_parts, work
from tamperscope.errors import Defect, InvalidParameter, OutputError, TamperscopeError, UnreadableFile
from tamperscope.io.paths import display, hold
from tamperscope.scanning.batch import check
from tamperscope.scanning.photo import Plan

__all__ = ["Tally", "scan_collection"]

_PIECE = 4096  # photos that are compared with the tables at once
_LOOKERS = 16  # threads that ask what became of a manifest's photos
_MOST_LOST = 100  # photos in a row: then it is not they that kill workers


@dataclass
class Tally:
    """How many photos a run has analysed, could not analyse, and found done; the highest score.

    Of those analysed or found done, no detector could judge ``unjudged``; ``unlisted`` counts folders, names
    and rows of manifests that gave no photo.
    """

    analysed: int = 0
    failed: int = 0
    resumed: int = 0
    unjudged: int = 0
    unlisted: int = 0
    top: float | None = None

    @property
    def complete(self) -> bool:
        """Whether all photos were analysed."""
        return not (self.failed or self.unjudged or self.unlisted)

    def add(self, done: Done) -> None:
        """Count a batch."""
        self.analysed += done.analysed
        self.unjudged += done.unjudged
        self.failed += done.failed
        self._meet(done.top)

    def found(self, results: Index, rows: list[int]) -> None:
        """Count what was done before."""
        self.resumed += len(rows)
        self.unjudged += int(np.count_nonzero(~results.flags[rows]))
        tops = results.tops[rows]
        self._meet(float(np.nanmax(tops)) if np.isfinite(tops).any() else None)

    def _meet(self, top: float | None) -> None:
        self.top = max((one for one in (self.top, top) if one is not None), default=None)


def scan_collection(
    given: Iterable[str],
    out: str,
    engine: Engine,
    plan: Plan | None = None,
    *,
    size: int = 32,
    maps: bool = True,
    resume: bool = False,
    told: Callable[[Tally], None] = lambda _: None,
    problem: Callable[[TamperscopeError], None] = lambda _: None,
) -> Tally:
    """Scan the photos that URIs name, in batches of ``size``, into tables and maps at the URI ``out``.

    With ``resume``, what is in the tables already is not done again, unless the file has changed or could
    not be analysed. ``told`` hears after each batch how far the run is, ``problem`` what gave no photo.

    Raises:
        UnknownPlugin, InvalidParameter, MissingWeights: of the detectors, or no such file system.
        OutputError: ``out`` cannot be written, another run writes to it, or it holds another scan.
        CorruptFile: its tables cannot be read.

    """
    plan = plan or Plan()
    check(plan)
    plan = replace(plan, fields={name: _anywhere(own) for name, own in plan.fields.items()})
    store, path = locate(out)
    if not _is_text(path):  # tables are found by it
        raise InvalidParameter("its name is no UTF-8", "choose another --out", display(path))
    with _held(store, path):
        job = Job(plan, store.uri(path), uuid.uuid4().hex, maps)
        _claim(store, path, job, resume)
        return _Run(job, engine, store, path, told, problem).over(given, size)


def _anywhere(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a detector's fields as workers in other folders need them: its weights by their whole path."""
    weights = fields.get("weights")
    return {**fields, "weights": str(Path(weights).absolute())} if weights else dict(fields)


def _held(store: Store, path: str) -> AbstractContextManager[None]:
    return hold(Path(path), "scan") if isinstance(store, Local) else nullcontext()


def _claim(store: Store, path: str, job: Job, resume: bool) -> None:
    """Make the place this run's: workers of an earlier one that still live will write nothing more."""
    wanted = _settings(job)
    file, there = f"{path}/{SETTINGS}", display(store.uri(path))
    if store.look(file):
        stored = _stored(store, file)
        if changed := sorted(name for name in wanted if stored.get(name) != wanted[name]):
            raise OutputError(
                f"holds a scan with other {', '.join(changed)}",
                "choose another --out, or scan as then",
                there,
            )
        if not resume:
            raise OutputError("holds this scan already", "add --resume to go on with it", there)
    elif store.look(path) and any(found.name != ".lock" for found in store.inside(path)):
        raise OutputError("holds other files", "choose another --out", there)
    store.write(file, (json.dumps({**wanted, "run": job.run}, indent=2) + "\n").encode())


def _settings(job: Job) -> dict[str, Any]:
    """Return what makes two scans different, fit for JSON; not limits: what they stopped is tried again."""
    built = {name: job.plan.build(name) for name in job.plan.running}
    settings = {
        "version": __version__,
        "detectors": list(job.plan.detectors),
        "fields": {name: plugins.parameters(one) for name, one in built.items()},
        "weights": {name: one.weights_digest for name, one in built.items()},
        "salvage": job.plan.salvage,
        "maps": job.maps,
        "raw": job.plan.raw,
    }
    plain: dict[str, Any] = json.loads(json.dumps(settings, default=str))
    return plain


def _stored(store: Store, file: str) -> dict[str, Any]:
    try:
        stored = json.loads(store.read(file, 2**24)[0])
    except ValueError:
        stored = None
    if isinstance(stored, dict):
        return stored
    raise OutputError("is damaged", "choose another --out", display(store.uri(file)))


class _Run:
    """One run: the tables as it found them, and its tally."""

    def __init__(
        self,
        job: Job,
        engine: Engine,
        store: Store,
        path: str,
        told: Callable[[Tally], None],
        problem: Callable[[TamperscopeError], None],
    ) -> None:
        self.job, self.engine, self.told, self.problem = job, engine, told, problem
        self.results = read_index(store, f"{path}/results", RESULTS)
        self.failures = read_index(store, f"{path}/failures", FAILURES)
        self.seen, self.tally, self.lost = Seen(), Tally(), 0
        self._forget(self.results.keys)  # a run killed between two files may have left both

    def over(self, given: Iterable[str], size: int) -> Tally:
        for done in self._run(_batches(self._wanted(given), size)):
            self.tally.add(done)
            self._forget(keys(done.batch.uris))
            self.told(self.tally)
        return self.tally

    def _listed(self, given: Iterable[str]) -> Iterator[Entry]:
        for entry in find(given):
            if isinstance(entry, TamperscopeError):
                problem: TamperscopeError = entry
            elif _is_text(entry.uri):
                yield entry
                continue
            else:
                problem = UnreadableFile("its name is no UTF-8", "rename it", display(entry.uri))
            self.tally.unlisted += 1
            self.problem(problem)

    def _wanted(self, given: Iterable[str]) -> Iterator[str]:
        """Yield the photos that are to be done, each once."""
        entries = self._listed(given)
        while piece := list(islice(entries, _PIECE)):
            asked = keys(entry.uri for entry in piece)
            fresh, rows = self.seen.new(asked), self.results.find(asked)
            known = [(entry, int(row)) for entry, new, row in zip(piece, fresh, rows, strict=True) if new]
            kept = self._kept([(entry, row) for entry, row in known if row >= 0])
            self.tally.found(self.results, list(kept))
            # Rows of changed files go before the new ones come: no reader may meet both.
            self.results.drop({row for _, row in known if row >= 0} - kept)
            yield from (entry.uri for entry, row in known if row not in kept)

    def _kept(self, known: list[tuple[Entry, int]]) -> set[int]:
        """Return the rows whose files are as they were, or gone."""
        with ThreadPoolExecutor(_LOOKERS) as pool:
            now = pool.map(_identified, (entry for entry, _ in known))
            return {
                row
                for found, (_, row) in zip(now, known, strict=True)
                if found is None or self.results.same(row, found.identity)
            }

    def _run(self, batches: Iterable[Batch], *, alone: bool = False) -> Iterator[Done]:
        """Run batches; those that are lost photo by photo, which tells whose fault it was."""
        for done in self.engine.run(partial(work, job=self.job), batches):
            if done.error:
                raise done.error
            if not done.lost:
                self.lost = 0
                yield done
                continue
            remove_parts(done.batch, self.job)
            if alone:
                yield self._give_up(done.batch)
            else:
                yield from self._run([Batch((uri,)) for uri in done.batch.uris], alone=True)

    def _give_up(self, batch: Batch) -> Done:
        self.lost += 1
        if self.lost >= _MOST_LOST:
            raise Defect(
                f"{_MOST_LOST} analyses in a row crashed or were killed",
                "look for what kills them, perhaps want of memory; then go on with --resume",
            )
        return record_failure(
            batch,
            self.job,
            Defect(
                "the analysis crashed or was killed, perhaps for want of memory",
                "it is tried again with --resume; if it fails again, please report it",
            ),
        )

    def _forget(self, asked: Keys) -> None:
        """Take failures out of their table whose photos were tried again since."""
        rows = self.failures.find(asked)
        self.failures.drop(rows[rows >= 0].tolist())


def _is_text(name: str) -> bool:
    """Tell whether a name can stand in a table: those of files may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _identified(entry: Entry) -> Entry | None:
    """Return the entry with its file's identity, or nothing if that cannot be told now."""
    if entry.identity is not None:
        return entry
    try:
        store, path = locate(entry.uri)
        found = store.look(path)
    except TamperscopeError:
        return None
    return Entry(entry.uri, found.identity) if found else None


def _batches(uris: Iterator[str], size: int) -> Iterator[Batch]:
    while some := tuple(islice(uris, size)):
        yield Batch(some)
