"""The command lines that make a result again, and the names of files in them."""

import os
import re
import shlex
from collections.abc import Iterator
from typing import Any

from tamperscope import plugins
from tamperscope.detectors._refined import parts
from tamperscope.errors import TamperscopeError
from tamperscope.io.decode import Limits

__all__ = ["command", "own_fields", "unescaped"]

_ESCAPE = re.compile(rb"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\[nrt]")  # as `display` writes what is no text
_SPECIAL = re.compile(rb"(" + _ESCAPE.pattern + rb")|([\\'])")  # in bash's $'...'


def command(record: dict[str, Any]) -> str:
    """Return the command lines that make the same again: one for detectors whose fields agree."""
    runs: list[tuple[list[str], dict[str, dict[str, Any]]]] = []
    for entry in record["detections"]:
        fields = dict(_changed(entry["name"], entry["parameters"]))
        for names, known in runs:
            if all(known.get(plugin, own) == own for plugin, own in fields.items()):
                names.append(entry["name"])
                known.update(fields)
                break
        else:
            runs.append(([entry["name"]], fields))
    salvage = any(str(warning).startswith("salvaged") for warning in record["warnings"])
    further = [*(["--salvage"] if salvage else []), *_raised(record)]
    lines = []
    for names, fields in runs:
        words = ["tamperscope", "scan", "--detector", ",".join(names)]
        for plugin, own in fields.items():
            words += [word for key, value in own.items() for word in ("--set", f"{plugin}.{key}={value}")]
        # A name may begin with a dash.
        words += [*further, "--out", "results", "--"]
        lines.append(f"{shlex.join(words)} {_quoted(record['path'])}")
    return "\n".join(lines)


def _raised(record: dict[str, Any]) -> Iterator[str]:
    """Yield the options without which a photo is refused as too large."""
    usual = Limits()
    if (pixels := record["width"] * record["height"]) > usual.pixels:
        yield from ("--max-megapixels", str(-(-pixels // 10**6)))
    if record["bytes"] > usual.bytes:
        yield from ("--max-mebibytes", str(-(-record["bytes"] // 2**20)))


def _quoted(name: str) -> str:
    """Return a photo's name as a shell takes it; what the record had to escape as bash unescapes it."""
    if name == unescaped(name):
        return shlex.quote(name)
    # No other backslash may be left, or the quote behind it would end what is quoted.
    escaped = _SPECIAL.sub(lambda match: match[1] or b"\\" + match[2], os.fsencode(name))
    return f"$'{os.fsdecode(escaped)}'"


def unescaped(name: str) -> str:
    """Return the path that the record's name stands for, if it was written with escapes."""
    return os.fsdecode(_ESCAPE.sub(lambda match: _letter(match[0]), os.fsencode(name)))


def _letter(escape: bytes) -> bytes:
    if escape[1:2] == b"x":
        return bytes([int(escape[2:], 16)])
    return escape.decode("unicode_escape").encode()


def _changed(name: str, parameters: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the plugins of a detector and its refiners, each with its fields that are not the default."""
    for kind, plugin, own in own_fields(name, parameters):
        try:
            usual = plugins.parameters(plugins.build(kind, plugin))
        except TamperscopeError:  # a plugin that is not installed here
            continue
        yield plugin, {key: value for key, value in own.items() if key in usual and usual[key] != value}


def own_fields(name: str, parameters: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield kind, name and fields of a detector's refiners, the last one first, and of itself."""
    detector, refiners = parts(name)
    for refiner in reversed(refiners):
        yield "refine", refiner, parameters["refiner"]
        parameters = parameters["detector"]
    yield "detectors", detector, parameters
