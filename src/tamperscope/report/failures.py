"""The files that scans into a folder could not analyse: a report must not pass over them."""

import json
from collections.abc import Mapping
from pathlib import Path

from tamperscope.io.paths import clipped, remove, write_whole

__all__ = ["FAILURES", "read_failures", "write_failures"]

FAILURES = "failures.json"  # beside the folders of the photos
_LONGEST = 2000  # letters of what is said of a file


def read_failures(results: Path) -> dict[str, str]:
    """Return what was said of each file that could not be analysed, by the file's name."""
    try:
        found = json.loads((results / FAILURES).read_bytes())
        return {str(name): clipped(str(said), _LONGEST) for name, said in found.items()}
    except (OSError, ValueError, AttributeError):  # none failed, or nobody knows
        return {}


def write_failures(results: Path, failures: Mapping[str, str]) -> None:
    """Keep them for reports.

    Raises:
        OutputError: the folder cannot be written.

    """
    if failures:
        write_whole(results / FAILURES, (json.dumps(failures, indent=2) + "\n").encode())
    else:
        remove(results / FAILURES)
