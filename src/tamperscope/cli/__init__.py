"""The command line; a thin layer over the Python API. One file a command."""

import os
import signal
import sys
import threading
import time
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, NoReturn

import typer

from tamperscope import __version__
from tamperscope.cli._app import FAILED, INTERRUPTED, TERMINATED, app, say
from tamperscope.io.paths import unwritable

__all__ = ["app", "main"]

_PATIENCE = 2.0  # seconds for an orderly end


def main() -> NoReturn:
    """Run the command line."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file opened would take its place, and its messages
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter must not end a scan
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        app()
    except OSError as error:  # but for a closed pipe, which typer ends quietly
        say(str(unwritable(error.filename or "standard output", error)))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains when it flushes at the end
    sys.exit(FAILED)


def _interrupt(*_: object) -> NoReturn:
    # A second one at once would interrupt the orderly end that the first one asked for; a later one means it.
    patient = time.monotonic() + _PATIENCE
    waiting = threading.Timer(
        _PATIENCE, os.write, (2, b"finishing what is begun; once more ends it at once\n")
    )
    waiting.daemon = True  # an end that comes sooner needs no word
    waiting.start()

    def again(*_: object) -> None:
        if time.monotonic() > patient:
            os._exit(INTERRUPTED)

    signal.signal(signal.SIGINT, again)
    raise KeyboardInterrupt


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tamperscope {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


for _module in iter_modules(__path__):  # each adds its command to the application
    import_module(f"{__name__}.{_module.name}")
