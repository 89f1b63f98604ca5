"""Analyses in a database: the queue, and what came of it.

Each state is changed by one statement that names the state before it, so that of several processes one
succeeds: an analysis ends once, whoever was killed meanwhile.
"""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import Any

import alembic.command
import alembic.config
from alembic.util import CommandError
from sqlalchemy import (
    JSON,
    URL,
    Engine,
    Float,
    Index,
    String,
    Text,
    case,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.sql import ColumnElement, delete, insert, update

from tamperscope.errors import InvalidParameter, OutputError
from tamperscope.io.paths import one_line

__all__ = ["ID", "LONGEST", "Analysis", "Store", "new_id", "open_store"]

ID = "[0-9a-f]{32}"  # what `new_id` returns

_ATTEMPTS = 3  # of an analysis; what kills its worker as often is not tried again
_LEASE = 20.0  # seconds after which an analysis of which nothing is heard is begun anew
LONGEST = 200  # letters of a name
_CRASHED = "the analysis crashed or was killed, perhaps for want of memory; try it on a larger machine"


class Base(DeclarativeBase):
    """Tables as the last migration leaves them."""


class Analysis(Base):
    """A photo that was sent, by seconds since 1970 when; ``record`` is what `result.json` holds.

    ``lease`` is the time until which its worker is believed to be alive.
    """

    __tablename__ = "analyses"
    __table_args__ = (
        Index("analyses_queue", "status", "created"),
        Index("analyses_history", "created"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST))
    size: Mapped[int]
    detectors: Mapped[list[str]] = mapped_column(JSON)
    salvage: Mapped[bool]
    status: Mapped[str] = mapped_column(String(16), default="queued")
    created: Mapped[float] = mapped_column(Float(53))
    started: Mapped[float | None] = mapped_column(Float(53))
    finished: Mapped[float | None] = mapped_column(Float(53))
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(String(64))
    lease: Mapped[float | None] = mapped_column(Float(53))
    verdict: Mapped[str | None] = mapped_column(String(32))
    score: Mapped[float | None] = mapped_column(Float(53))
    error: Mapped[str | None] = mapped_column(Text)
    record: Mapped[dict[str, Any] | None] = mapped_column(JSON)


def new_id() -> str:
    """Return a name for an analysis that nobody can guess."""
    return secrets.token_hex(16)


class Store:
    """The analyses; all methods may be called from several threads and processes at once."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def add(self, entries: Sequence[dict[str, Any]]) -> None:
        """Queue analyses, each given by ``id``, ``name``, ``size``, ``detectors`` and ``salvage``."""
        now = time.time()
        # Within an upload the order is kept.
        rows = [{**entry, "created": now + place * 1e-6} for place, entry in enumerate(entries)]
        with self._session() as session:
            session.execute(insert(Analysis), rows)

    def get(self, key: str) -> Analysis | None:
        """Return an analysis by its id."""
        with self._session() as session:
            return session.get(Analysis, key)

    def find(
        self, text: str = "", status: str = "", verdict: str = "", *, before: float | None = None, most: int
    ) -> list[Analysis]:
        """Return analyses without their records, the newest first: of photos whose names hold a text."""
        wanted: list[ColumnElement[bool]] = []
        text, verdict = (one.replace("\0", "") for one in (text, verdict))  # PostgreSQL knows no such letter
        if text:
            wanted.append(Analysis.name.icontains(text, autoescape=True))
        if status:
            wanted.append(Analysis.status == status)
        if verdict:
            wanted.append(Analysis.verdict == verdict)
        if before is not None:
            wanted.append(Analysis.created < before)
        columns = [column for column in Analysis.__table__.columns if column.name != "record"]
        query = select(*columns).where(*wanted).order_by(Analysis.created.desc()).limit(most)
        with self._session() as session:
            return [Analysis(**row._mapping) for row in session.execute(query)]

    def ping(self) -> None:
        """Ask the database for nothing.

        Raises:
            SQLAlchemyError: it does not answer.

        """
        with self._session() as session:
            session.execute(select(1))

    def waiting(self) -> int:
        """Return how many analyses wait."""
        with self._session() as session:
            return session.scalar(select(func.count()).where(Analysis.status == "queued")) or 0

    def counts(self) -> dict[str, int]:
        """Return how many analyses there are by status."""
        query = select(Analysis.status, func.count()).group_by(Analysis.status)
        with self._session() as session:
            return {row[0]: row[1] for row in session.execute(query)}

    def ahead(self, one: Analysis) -> int:
        """Return how many analyses wait that are older."""
        query = select(func.count()).where(Analysis.status == "queued", Analysis.created < one.created)
        with self._session() as session:
            return session.scalar(query) or 0

    def delete(self, key: str) -> bool:
        """Forget an analysis; return whether there was one."""
        with self._session() as session:
            return bool(_changed(session.execute(delete(Analysis).where(Analysis.id == key))))

    def expired(self, age: float) -> list[str]:
        """Return the ids of analyses that ended longer than ``age`` seconds ago."""
        query = select(Analysis.id).where(Analysis.finished < time.time() - age)
        with self._session() as session:
            return list(session.scalars(query))

    def claim(self, worker: str) -> Analysis | None:
        """Return the next analysis, which is now the worker's; None if nothing waits."""
        now, waits = time.time(), Analysis.status == "queued"
        first = select(Analysis.id).where(waits).order_by(Analysis.created, Analysis.id).limit(1)
        with self._session() as session:
            # PostgreSQL lets others pass by a row that is being claimed; SQLite writes one at a time anyway.
            claimed = session.scalar(
                update(Analysis)
                .where(Analysis.id == first.with_for_update(skip_locked=True).scalar_subquery(), waits)
                .values(
                    status="running",
                    worker=worker,
                    # It may have been queued while this waited for the database.
                    started=case((Analysis.created > now, Analysis.created), else_=now),
                    lease=now + _LEASE,
                    attempts=Analysis.attempts + 1,
                )
                .returning(Analysis.id)
            )
            return session.get(Analysis, claimed) if claimed else None

    def renew(self, worker: str) -> None:
        """Say that a worker is alive."""
        with self._session() as session:
            session.execute(update(Analysis).where(*_of(worker)).values(lease=time.time() + _LEASE))

    def finish(
        self, key: str, worker: str, record: dict[str, Any] | None, error: str | None, **facts: Any
    ) -> bool:
        """End a worker's analysis with a record or an error; return whether it still was that worker's."""
        values = {"record": record, "error": error, "finished": time.time(), **facts}
        status = "failed" if record is None else "done"
        ended = update(Analysis).where(Analysis.id == key, *_of(worker)).values(status=status, **values)
        with self._session() as session:
            return bool(_changed(session.execute(ended)))

    def release(self, worker: str, *, blamed: bool = True) -> None:
        """Queue again what a worker that is no more had begun; unless it is to blame, that was no attempt."""
        if not blamed:
            with self._session() as session:
                fewer = {"attempts": Analysis.attempts - 1}
                session.execute(update(Analysis).where(*_of(worker)).values(fewer))
        self._release(*_of(worker))

    def sweep(self) -> None:
        """Queue again what was begun by workers of which nothing is heard any more."""
        self._release(Analysis.status == "running", Analysis.lease < time.time())

    def _release(self, *lost: ColumnElement[bool]) -> None:
        again = update(Analysis).where(*lost, Analysis.attempts < _ATTEMPTS)
        ended = update(Analysis).where(*lost)
        with self._session() as session:
            session.execute(again.values(status="queued", worker=None))
            session.execute(ended.values(status="failed", error=_CRASHED, finished=time.time()))

    def abandon(self, worker: str, error: str) -> None:
        """End what a worker has begun with an error."""
        ended = update(Analysis).where(*_of(worker))
        with self._session() as session:
            session.execute(ended.values(status="failed", error=error, finished=time.time()))


def _of(worker: str) -> tuple[ColumnElement[bool], ...]:
    return Analysis.worker == worker, Analysis.status == "running"


def _changed(result: Any) -> int:
    return int(result.rowcount)


def open_store(url: str | URL, *, migrated: bool = False) -> Store:
    """Return the analyses in a database, whose tables are made or brought up to date unless they are already.

    Raises:
        InvalidParameter: the URL means nothing, or its driver is not installed.
        OutputError: the database cannot be reached, or is of a newer version.

    """
    try:
        engine = create_engine(url, **_options(url))
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise InvalidParameter(
            f"the database's URL cannot be used ({error})",
            "give sqlite:///FILE or postgresql+pg8000://USER:PASSWORD@HOST/NAME",
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
    try:
        if not migrated:
            migrate(engine)
    except (SQLAlchemyError, CommandError, OSError) as error:
        engine.dispose()
        raise OutputError(
            f"the database cannot be used ({one_line(str(getattr(error, 'orig', error)))[:300]})",
            "check --database, whether its server runs, and that this version is no older than its tables",
        ) from error
    return Store(engine)


def _options(url: str | URL) -> dict[str, Any]:
    local = make_url(url).get_backend_name() == "sqlite"
    return {} if local else {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20}


def _prepare(connection: Any, _: Any) -> None:
    """Let readers and a writer of SQLite work at once, and writers wait for one another."""
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def migrate(engine: Engine) -> None:
    """Bring the tables up to date."""
    with as_file(files("tamperscope.serving") / "migrations") as folder, engine.begin() as connection:
        config = alembic.config.Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")
