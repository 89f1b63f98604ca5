"""The files that scans into a folder could not analyse: a report must not pass over them."""

import json
from collections.abc import Mapping
from pathlib import Path

from tamperscope.io.paths import alone, clipped, remove, write_whole

__all__ = ["FAILURES", "note_failures", "read_failures"]

FAILURES = "failures.json"  # beside the folders of the photos
_LONGEST = 2000  # letters of what is said of a file


def read_failures(results: Path) -> dict[str, str]:
    """Return what was said of each file that could not be analysed, by the file's name."""
    try:
        found = json.loads((results / FAILURES).read_bytes())
        return {str(name): clipped(str(said), _LONGEST) for name, said in found.items()}
    except (OSError, ValueError, AttributeError, RecursionError):  # none failed, or nobody knows
        return {}


def note_failures(results: Path, said: Mapping[str, str | None]) -> None:
    """Keep for reports what is said of files now, None of those that succeeded, beside what was said before.

    Raises:
        OutputError: the folder cannot be written.

    """
    with alone(results):  # other scans may end at the same time
        before = read_failures(results)
        failures = {name: why for name, why in {**before, **said}.items() if why is not None}
        if not failures:
            remove(results / FAILURES)
        elif failures != before:
            write_whole(results / FAILURES, (json.dumps(failures, indent=2) + "\n").encode())
