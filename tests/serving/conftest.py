"""A database server and a running service, made once for all tests that need them."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services import Service, start_service
from tamperscope.serving.store import Store, open_store

_START = 60  # seconds


def _postgresql() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found and (os.getuid() or shutil.which("runuser")) else None


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of PostgreSQL; a database of one's own is made of its ``{}``."""
    programs = _postgresql()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder = Path("/tmp") / f"tamperscope-pg-{os.getpid()}"  # a path that its own user can reach
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # It refuses to run as root.
    prefix: list[str | Path] = [] if os.getuid() else ["runuser", "-u", "postgres", "--"]
    if prefix:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    make = [*prefix, programs / "initdb", "-D", data, "-A", "trust", "-U", "tester", "--no-sync"]
    subprocess.run(make, check=True, capture_output=True, cwd="/")
    server = subprocess.Popen(
        [*prefix, programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        _wait(port)
        yield f"postgresql+pg8000://tester@127.0.0.1:{port}/{{}}"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int) -> None:
    until = time.monotonic() + _START
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            time.sleep(0.5)  # it listens a little before it answers
            return
    raise TimeoutError("PostgreSQL does not answer")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'analyses.sqlite'}"
    server = request.getfixturevalue("postgresql")
    from sqlalchemy import create_engine, text

    name = f"t{time.time_ns()}"
    engine = create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return str(server.format(name))


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """An empty store, of each kind."""
    found = open_store(database)
    yield found
    found.engine.dispose()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that all tests share which do not harm it."""
    found = start_service(tmp_path_factory.mktemp("service"), "--max-mebibytes", "1", "--files", "5")
    yield found
    found.stop()
