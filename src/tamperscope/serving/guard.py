"""What stands before every request: whom it calls, who sends it, how much, and what browsers may do."""

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, Response

from tamperscope.serving import store
from tamperscope.serving.meters import Meters
from tamperscope.serving.settings import Settings

__all__ = ["ANALYSIS", "COOKIE", "INTERFACE", "Guard", "admits", "pass_for"]

COOKIE = "tamperscope"
ANALYSIS = re.compile(f"/analyses/{store.ID}")  # whither a person may go on who signs in
INTERFACE = re.compile("^/(v1|healthz|metrics|openapi)")  # what programs ask
_OPEN = ("/healthz", "/login", "/static/")
_SAFE = ("GET", "HEAD", "OPTIONS")
_UPLOADS = ("/", "/v1/analyses")
_OVERHEAD = 2**20  # bytes of a request beside its photographs
_SMALL = 2**14  # bytes of any other request
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",  # with none, browsers do not say whence a form comes
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_Refusal = tuple[int, str, tuple[tuple[bytes, bytes], ...]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger(__name__)
_TOO_LONG: _Refusal = 413, "the request has more bytes than are taken at once", ()


class TooMuch(Exception):
    """A body is longer than is taken."""


class Guard:
    """Refuses what should not reach the application, measures the rest, and sets the headers of answers."""

    def __init__(
        self, app: App, settings: Settings, meters: Meters, page: Callable[[int, str], Response]
    ) -> None:
        """Take what follows, and what makes a ``page`` of a status and a problem, for people."""
        self.app, self.settings, self.meters, self.page = app, settings, meters, page
        self.most = settings.limits.bytes * settings.files + _OVERHEAD  # bytes
        self.hosts = {_bare(host) for host in settings.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status, begun = time.perf_counter(), 500, False
        head = scope["method"] == "HEAD"
        asked = {**scope, "method": "GET"} if head else scope  # whatever can be read has a head

        async def answer(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                begun = True
                status = message["status"]
                message["headers"] = _headers(message.get("headers", ()), scope["path"])
            elif head:
                message["body"] = b""
            await send(message)

        try:
            refusal = self._refusal(asked)
            if refusal:
                await self._refuse(asked, answer, *refusal)
            else:
                await self._pass(asked, receive, answer)
        except Exception:
            _log.exception("a request met an error")
            if begun:
                raise
            await self._refuse(asked, answer, 500, "an error of the service itself; its log tells more", ())
        finally:
            route = getattr(asked.get("route"), "path", "other")
            self.meters.requests.labels(_method(scope), route, str(status)).observe(
                time.perf_counter() - started
            )

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, until its body is longer than is taken: what is said of it then is replaced."""
        seen, refused, most = 0, False, self._most(scope)

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise TooMuch
            return message

        async def watched(message: Message) -> None:
            nonlocal refused
            if seen <= most:
                await send(message)
            elif not refused:
                refused = True
                await self._refuse(scope, send, *_TOO_LONG)

        await self.app(scope, counted, watched)

    async def _refuse(
        self, scope: Scope, send: Send, status: int, problem: str, headers: tuple[tuple[bytes, bytes], ...]
    ) -> None:
        made = self.page(status, problem) if _for_people(scope) else JSONResponse({"detail": problem}, status)
        start = {"type": "http.response.start", "status": status, "headers": [*made.raw_headers, *headers]}
        await send(start)
        await send({"type": "http.response.body", "body": made.body})

    def _most(self, scope: Scope) -> int:
        """Return the bytes that a body may have."""
        return self.most if scope["path"] in _UPLOADS else _SMALL

    def _admitted(self, headers: dict[bytes, bytes]) -> bool:
        """Tell whether a request brings a good token, or what a browser keeps in its place."""
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "bearer":
            return admits(self.settings, token.strip())
        cookies = cookie_parser(headers.get(b"cookie", b"").decode("latin-1"))
        return _passes(self.settings, cookies.get(COOKIE, ""))

    def _refusal(self, scope: Scope) -> "_Refusal | None":
        """Return status, problem and headers if a request is refused."""
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if _bare(host) not in self.hosts and "*" not in self.hosts:
            return 421, "this service does not answer to that name; start it with --allow-host", ()
        if scope["method"] not in _SAFE and not _same_origin(headers, host):
            return 403, "a page from elsewhere may not do this", ()
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most(scope):
            return _TOO_LONG
        # Forms are decoded with whatever Python knows, and some of that takes minutes.
        kinds = [value for name, value in scope["headers"] if name == b"content-type"]
        charsets = {parse_options_header(kind)[1].get(b"charset", b"utf-8").lower() for kind in kinds}
        if len(kinds) > 1 or not charsets <= {b"utf-8"}:
            return 415, "forms are read as UTF-8", ()
        path = scope["path"]
        if path.startswith(_OPEN) or self._admitted(headers):
            return None
        if _for_people(scope):
            wanted = f"?next={path}" if ANALYSIS.fullmatch(path) else ""
            return 303, "sign in first", ((b"location", f"/login{wanted}".encode()),)
        return 401, "send a token: Authorization: Bearer TOKEN", ((b"www-authenticate", b"Bearer"),)


def admits(settings: Settings, token: str) -> bool:
    """Tell whether a token is good."""
    return _passes(settings, pass_for(token))


def _passes(settings: Settings, given: str) -> bool:
    """Tell whether what stands for a token is good, in a time that tells nothing of it."""
    good = [pass_for(token).encode() for token in settings.tokens]
    return any(hmac.compare_digest(given.encode("utf-8", "replace"), one) for one in good) or not good


def pass_for(token: str) -> str:
    """Return what a browser keeps in the place of a token."""
    return hashlib.sha256(b"tamperscope:" + token.encode("utf-8", "surrogateescape")).hexdigest()


def _same_origin(headers: dict[bytes, bytes], host: str) -> bool:
    """Tell whether a request comes from a page of ours, or from no page at all."""
    site = headers.get(b"sec-fetch-site", b"none").decode("latin-1")
    if site not in ("same-origin", "none"):
        return False
    origin = headers.get(b"origin", b"").decode("latin-1")
    return not origin or origin.partition("://")[2] == host


def _bare(host: str) -> str:
    """Return a host without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in (*_SAFE, "POST", "DELETE") else "other"


def _headers(given: Any, path: str) -> list[tuple[bytes, bytes]]:
    found = list(given)
    there = {name.lower() for name, _ in found}
    kept = b"public, max-age=3600" if path.startswith("/static/") else b"no-store"
    wanted = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    return found + [pair for pair in (*wanted, (b"cache-control", kept)) if pair[0] not in there]


def _for_people(scope: Scope) -> bool:
    """Tell whether a person's browser shows the answer."""
    accepted = dict(scope["headers"]).get(b"accept", b"")
    return b"text/html" in accepted and not INTERFACE.match(scope["path"])
