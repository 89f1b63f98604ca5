"""Where an analysis keeps its files: below the service's folder, by its id, never by a client's name."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Places", "clear"]

_STRAY = 3600.0  # seconds after which an upload has ended, or never will


@dataclass(frozen=True)
class Places:
    """The files of one analysis: what was ``sent``, and the folder of its ``results``."""

    folder: Path

    @classmethod
    def of(cls, data: Path, key: str) -> "Places":
        """Return those of an analysis by its id."""
        return cls(data / "analyses" / key[:2] / key)

    @classmethod
    def arriving(cls, data: Path, key: str) -> "Places":
        """Return where an upload is written before it is an analysis."""
        return cls(data / "arriving" / key)

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

    @property
    def said(self) -> Path:
        """What a page says of the photo, as JSON."""
        return self.folder / "page.json"

    def layer(self, detector: str) -> Path:
        """Return the heat of a detector as a page lays it over the photo."""
        return self.folder / f"{detector}.layer.png"

    def remove(self) -> None:
        """Remove everything; what is not there is no problem."""
        shutil.rmtree(self.folder, ignore_errors=True)


def clear(data: Path) -> None:
    """Remove what is left of uploads that ended half-way, and of analyses that were forgotten as they ran.

    What arrived as a whole has left its place there; whatever may be an analysis stays.
    """
    old = time.time() - _STRAY
    for path in (data / "arriving").glob("*"):
        try:
            if path.stat().st_mtime < old:
                Places.of(data, path.name).remove()
                Places(path).remove()
        except OSError:  # it has just arrived
            continue
