"""`tamperscope serve`."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from tamperscope.cli._app import FAILED, answering, app, needing, say
from tamperscope.io.paths import display

__all__ = ["serve"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@app.command(
    epilog="""Examples:

tamperscope serve

tamperscope serve --workers 2 --data /srv/tamperscope --keep-days 30

tamperscope serve --host 0.0.0.0 --allow-host photos.example.org --token-file tokens.txt

tamperscope serve --database postgresql+pg8000://user:password@host/tamperscope

Then open the address that it prints, or POST photographs to /v1/analyses, which /openapi.json describes."""
)
def serve(
    host: Annotated[
        str, typer.Option(help="Listen there; on this machine alone unless given.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="And there; 0 takes a free one.")] = 8000,
    database: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="TAMPERSCOPE_DATABASE",
            help="Keep analyses there; in a file of SQLite in --data unless given.",
        ),
    ] = "",
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep photographs and pictures there.")
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", "-w", min=1, max=256, help="Processes that analyse.")
    ] = 1,
    queue: Annotated[int, typer.Option(min=1, max=10_000_000, help="Photographs that may wait.")] = 2000,
    files: Annotated[int, typer.Option(min=1, max=1000, help="Photographs in an upload.")] = 50,
    seconds: Annotated[float, typer.Option(min=1, help="What an analysis may take.")] = 600,
    keep_days: Annotated[float, typer.Option(min=0, help="Delete what is older; 0 keeps all.")] = 0,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask for one of the tokens in it, one a line.")
    ] = None,
    without_token: Annotated[
        bool, typer.Option("--without-token", help="Let everybody in who reaches --host.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Answer to this name, too; * to all. May be repeated."),
    ] = None,
    max_megapixels: Annotated[float, typer.Option(min=0.01, max=10_000, help="Refuse larger pictures.")] = 50,
    max_mebibytes: Annotated[float, typer.Option(min=0.01, max=2048, help="Refuse larger files.")] = 64,
) -> None:
    """Serve pages for people and an interface for programs."""
    tokens = _tokens(token_file)
    # A proxy that others reach sits on this machine as well, and calls the service by another name.
    outside = next((name for name in (host, *(allow_host or [])) if name not in _LOOPBACK), None)
    if outside and not tokens and not without_token:
        raise typer.BadParameter(f"as {outside} others reach it: give --token-file, or --without-token")
    with needing("serve", "serving needs FastAPI and SQLAlchemy"):
        import uvicorn

        from tamperscope.serving.app import build
    from tamperscope.io.decode import Limits
    from tamperscope.serving.settings import Settings, default_data

    settings = Settings(
        data=(data or default_data()).resolve(),
        database=database,
        limits=Limits(int(max_megapixels * 1e6), int(max_mebibytes * 2**20)),
        files=files,
        queue=queue,
        workers=workers,
        seconds=seconds,
        days=keep_days,
        tokens=tokens,
        hosts=(*Settings.hosts, _bracketed(host), *(allow_host or [])),
    )
    os.umask(0o077)  # photographs of others are nobody else's business on this machine
    with answering():
        application = build(settings)
    server = uvicorn.Server(
        uvicorn.Config(application, log_level="warning", server_header=False, timeout_graceful_shutdown=5)
    )
    with _listening(host, port) as listener:
        address = f"http://{_bracketed(host)}:{listener.getsockname()[1]}/"
        say(f"{address} (photographs and results are kept in {display(settings.data)})")
        with suppress(KeyboardInterrupt):  # which is how it is meant to end
            server.run([listener])


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens, so that a port that is taken is said before anything starts."""
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(place[:2], family=family)
    except (OSError, UnicodeError) as error:  # the latter of names that none can have
        reason = getattr(error, "strerror", None) or error
        say(f"{host}:{port}: cannot listen there ({reason}); choose another --host or --port")
        raise typer.Exit(FAILED) from None


def _tokens(path: Path | None) -> tuple[str, ...]:
    """Return the tokens in a file and in the environment."""
    try:
        text = path.read_text("utf-8") if path else os.environ.get("TAMPERSCOPE_TOKENS", "")
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"--token-file cannot be read ({error})") from None
    tokens = tuple(text.split())
    if path and not tokens:
        raise typer.BadParameter("--token-file holds no token")
    return tokens


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
