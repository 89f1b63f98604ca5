"""What native libraries ask of a process: files with names, and a place for their messages."""

import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import IO

__all__ = ["as_file", "diverted_stderr", "uninterrupted"]


@contextmanager
def as_file(data: bytes) -> Iterator[bytes]:
    """Give the bytes a file name, in memory where the system can."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("tamperscope")
        try:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(data)
            yield f"/proc/self/fd/{descriptor}".encode()
        finally:
            os.close(descriptor)
    else:  # pragma: no cover  (exercised on macOS and Windows only)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "photo.jpg")  # noqa: PTH118  the C library wants bytes
            with open(path, "wb") as file:  # noqa: PTH123
                file.write(data)
            yield os.fsencode(path)


_STDERR = threading.Lock()


def _sink() -> IO[bytes]:
    """Return a file to write to; in memory where the system can, as no folder may be writable."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("tamperscope"), "w+b")
    else:  # noqa: RET505  # pragma: no cover  (exercised on macOS and Windows only)
        return tempfile.TemporaryFile()


@contextmanager
def diverted_stderr(own: re.Pattern[bytes]) -> Iterator[list[str]]:
    """Collect what a C library prints to the process's standard error: it offers no other way.

    Its messages are known by how they begin. What else threads write meanwhile is no remark on a photo: it is
    written where it belongs, afterwards, also if it was a part of a line that a message then ended.
    """
    lines: list[str] = []
    with _STDERR, _sink() as sink:
        try:
            saved = os.dup(2)
        except OSError:  # a process without standard error has nothing to divert
            yield lines
            return
        os.dup2(sink.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            sink.seek(0)
            said = []
            for line in sink:
                found = own.search(line)
                start = found.start() if found else len(line)
                said.append((line[:start], line[start:]))
            lines += dict.fromkeys(
                message.decode("utf-8", "replace").rstrip("\r\n") for _, message in said if message
            )
            others = b"".join(before for before, _ in said)
            with suppress(OSError):
                while others:
                    others = others[os.write(2, others) :]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait: a library that is interrupted while it is imported may be broken, or swallow it."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    waiting: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda *given: waiting.append(given))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if waiting:
        handler(*waiting[0])
