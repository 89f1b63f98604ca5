"""What a service is told when it starts; passes to its worker processes."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tamperscope.io.decode import Limits

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = ["Settings", "default_data"]


@dataclass(frozen=True)
class Settings:
    """Where a service keeps what it has, and how much it takes.

    ``data`` is the folder of uploads and pictures, ``database`` a URL of SQLAlchemy, a file of SQLite in
    that folder if empty. ``queue`` are the analyses that may wait, ``files`` the photographs in an upload,
    ``seconds`` what an analysis may take, ``days`` how long it is kept (0: for ever). ``tokens``, if there
    are any, are asked for; ``hosts`` are the names under which browsers may call it.
    """

    data: Path
    database: str = ""
    detectors: tuple[str, ...] = ("auto",)
    limits: Limits = field(default_factory=Limits)
    files: int = 50
    queue: int = 2000
    workers: int = 1
    seconds: float = 600.0
    days: float = 0.0
    tokens: tuple[str, ...] = field(default=(), repr=False)
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")

    @property
    def url(self) -> "str | URL":
        """Of the database."""
        from sqlalchemy import URL

        # Made, not written: a folder's name may hold what means something in a URL.
        return self.database or URL.create(
            "sqlite", database=str((self.data / "tamperscope.sqlite").resolve())
        )


def default_data() -> Path:
    """Return where a service keeps what it has, unless it is told otherwise."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "tamperscope"
