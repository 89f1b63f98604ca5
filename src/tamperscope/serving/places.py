"""Where an analysis keeps its files: below the service's folder, by its id, never by a client's name."""

import shutil
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Places", "strays"]

_STRAY = 3600.0  # seconds after which a folder without an analysis is nobody's


@dataclass(frozen=True)
class Places:
    """The files of one analysis: what was ``sent``, and the folder of its ``results``."""

    folder: Path

    @classmethod
    def of(cls, data: Path, name: str) -> "Places":
        """Return those of an analysis by its id."""
        return cls(data / "analyses" / name[:2] / name)

    @property
    def sent(self) -> Path:
        """The photo's file as it came."""
        return self.folder / "photo.sent"

    @property
    def results(self) -> Path:
        """As `tamperscope scan --out` writes it; it is named after the stem of ``sent``."""
        return self.folder / "photo"

    @property
    def view(self) -> Path:
        """The photo as a page shows it."""
        return self.folder / "view.jpg"

    def layer(self, detector: str) -> Path:
        """Return the heat of a detector as a page lays it over the photo."""
        return self.folder / f"{detector}.layer.png"

    def remove(self) -> None:
        """Remove everything; what is not there is no problem."""
        shutil.rmtree(self.folder, ignore_errors=True)


def strays(data: Path, known: Callable[[Collection[str]], Collection[str]]) -> Iterator[Places]:
    """Yield the places of analyses that nobody knows: of uploads that ended half-way."""
    old = time.time() - _STRAY
    for shelf in (data / "analyses").glob("??"):
        found = [path for path in shelf.iterdir() if path.stat().st_mtime < old]
        there = known([path.name for path in found]) if found else ()
        yield from (Places(path) for path in found if path.name not in there)
