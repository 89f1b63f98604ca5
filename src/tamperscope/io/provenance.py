"""What a result depends on beside its input: our code, and the versions of libraries."""

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["code_digest", "photo_digest", "versions"]

_LETTERS = 16  # enough to tell photographs apart, and a card of weights holds thousands


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each library, "unknown" if it came under another name."""
    found = {}
    for library in libraries:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "unknown"
    return found


def photo_digest(path: Path) -> str:
    """Return the start of a file's SHA-256, by which weights name what they learned from; or nothing."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:_LETTERS]
    except OSError:
        return ""


def code_digest(sources: Iterable[Path], libraries: Iterable[str]) -> str:
    """Return the SHA-256 of source files, and of the libraries' versions."""
    found = hashlib.sha256(json.dumps(versions(libraries)).encode())
    for path in sources:
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()
