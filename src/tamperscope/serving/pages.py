"""Pages for people: made here, with little script, and nothing from elsewhere."""

import json
import logging
from datetime import datetime, timezone
from typing import Annotated, Any

import jinja2
from fastapi import APIRouter, FastAPI, Form, HTTPException, Query, Request, Response, UploadFile
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException as StarletteHTTPException

from tamperscope import __version__
from tamperscope.io.paths import one_line
from tamperscope.report.json import leading, written
from tamperscope.serving.api import ID, Service
from tamperscope.serving.desk import cards, unkept, whole
from tamperscope.serving.guard import ANALYSIS, COOKIE, INTERFACE, admits, pass_for
from tamperscope.serving.lean import Lean
from tamperscope.serving.places import Places
from tamperscope.serving.schemas import judged
from tamperscope.serving.store import Analysis

__all__ = ["explain_problems", "of_problem", "router"]

_log = logging.getLogger(__name__)

_SHOWN = 25  # analyses on a page
_VERDICTS = ("manipulated", "cannot tell", "no evidence", "not applicable")
# Of EXIF orientations: the matrix that turns places in the stored picture upright, by its width and height.
_TURNS = {
    2: "-1 0 0 1 {w} 0",
    3: "-1 0 0 -1 {w} {h}",
    4: "1 0 0 -1 0 {h}",
    5: "0 1 1 0 0 0",
    6: "0 1 -1 0 {h} 0",
    7: "0 -1 -1 0 {h} {w}",
    8: "0 -1 1 0 0 {w}",
}

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=Lean)
_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("tamperscope.serving", "pages"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


_environment.filters["moment"] = _moment
_environment.filters["written"] = written


def _page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    text = _environment.get_template(f"{name}.html.jinja").render(version=__version__, **values)
    return HTMLResponse(text.encode("utf-8", "backslashreplace"), status)


def of_problem(status: int, problem: str) -> HTMLResponse:
    """Return the page that tells a person of a problem."""
    return _page("problem", status, problem=problem)


@router.get("/")
def home(
    service: Service,
    text: Annotated[str, Query(max_length=200)] = "",
    verdict: Annotated[str, Query(max_length=32)] = "",
    before: Annotated[float | None, Query(ge=0, le=1e12)] = None,
) -> Response:
    """Show where photographs go in, and what came of those before."""
    found = service.store.find(text, "", verdict, before=before, most=_SHOWN)
    waiting = sum(one.status in ("queued", "running") for one in found)
    return _page(
        "home",
        analyses=found,
        busy=waiting > 0,
        waiting=waiting,
        following=found[-1].created if len(found) == _SHOWN else None,
        text=text,
        verdict=verdict,
        verdicts=_VERDICTS,
        older=before is not None,
        cards=cards(),
        settings=service.settings,
        signed=bool(service.settings.tokens),
    )


@router.post("/")
def send(
    service: Service,
    files: list[UploadFile],
    detectors: Annotated[list[str], Form()] = [],  # noqa: B006
    salvage: Annotated[bool, Form()] = False,
) -> Response:
    """Take photographs in from a page without script."""
    taken = service.take(files, detectors, salvage)
    return RedirectResponse(f"/analyses/{taken[0].id}" if len(taken) == 1 else "/", 303)


@router.get("/analyses/{id}")
def analysis(service: Service, id: ID) -> Response:
    """Show an analysis: where it is, or what was found."""
    found, places = service.find(id)
    if found.status != "done":
        return _page("waiting", 200, one=found, ahead=service.store.ahead(found))
    try:
        report = json.loads(places.said.read_bytes())
    except (OSError, ValueError):
        raise HTTPException(410, "its files are gone") from None
    return _page("analysis", one=found, report=report, record=found.record, **_view(found, places))


def _view(found: Analysis, places: Places) -> dict[str, Any]:
    record = found.record or {}
    width, height = record["width"], record["height"]
    turn = _TURNS.get(record["orientation"])
    upright = (height, width) if record["orientation"] in (5, 6, 7, 8) else (width, height)
    maps = [entry for entry in judged(found) if places.layer(entry["name"]).is_file()]
    shown = [entry["name"] for entry in maps]
    # Who looks at a verdict looks for the map that led to it.
    first = next((name for name in [*leading(record), *shown] if name in shown), "")
    return {
        "maps": maps,
        "first": first,
        "size": upright,
        "turn": f"matrix({turn.format(w=width, h=height)})" if turn else "",
    }


@router.get("/analyses/{id}/view.jpg")
def view(service: Service, id: ID) -> FileResponse:
    """Return the photo, upright and at most as large as a page needs it."""
    return whole(service.done(id)[1].view)


@router.get("/analyses/{id}/{detector}.layer.png")
def layer(service: Service, id: ID, detector: str) -> FileResponse:
    """Return a detector's heat, to be laid over the photo."""
    return whole(service.judged(id, detector).layer(detector))


@router.post("/analyses/{id}/delete")
def delete(service: Service, id: ID) -> Response:
    """Delete an analysis, and go back to the others."""
    service.forget(id)
    return RedirectResponse("/", 303)


@router.get("/login")
def ask(service: Service, next: str = "") -> Response:
    """Ask for a token; who was on the way to an analysis gets there."""
    if not service.settings.tokens:
        return RedirectResponse("/", 303)
    return _page("login", wrong=False, next=_on_the_way(next))


@router.post("/login")
def sign_in(
    request: Request,
    service: Service,
    token: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form()] = "",
) -> Response:
    """Let a browser keep what stands for a good token."""
    if not admits(service.settings, token):
        return _page("login", 401, wrong=True, next=_on_the_way(next))
    answer = RedirectResponse(_on_the_way(next) or "/", 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, pass_for(token), httponly=True, samesite="strict", secure=secure)
    return answer


def _on_the_way(next: str) -> str:
    """Return the address of an analysis, and nothing of any other: it may be anybody's."""
    return next if ANALYSIS.fullmatch(next) else ""


@router.post("/logout")
def sign_out() -> Response:
    """Let a browser forget it."""
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE)
    return answer


def explain_problems(app: FastAPI) -> None:
    """Answer problems with a page where a person asked, and as JSON otherwise."""

    @app.exception_handler(DBAPIError)
    @app.exception_handler(NoConnection)  # all of them wait for a database that does not answer
    async def unstored(request: Request, error: DBAPIError | NoConnection) -> Response:
        reason = one_line(str(getattr(error, "orig", error)))[:200]
        _log.error("the database cannot be used: %s", reason)
        said = f"the database cannot be used ({reason}); nothing that is stored is lost: try later"
        return await problem(request, HTTPException(503, said, {"Retry-After": "30"}))

    @app.exception_handler(StarletteHTTPException)
    async def problem(request: Request, error: StarletteHTTPException) -> Response:
        if isinstance(error.__cause__, OSError):  # as an upload was spooled: FastAPI blames its body
            error = unkept(error.__cause__)
        if INTERFACE.match(request.url.path):
            return await http_exception_handler(request, error)
        page = of_problem(error.status_code, error.detail)
        page.headers.update(error.headers or {})
        return page

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> Response:
        if INTERFACE.match(request.url.path):
            # What was sent is not sent back: it may be a photo.
            said = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()[:5]]
            return JSONResponse({"detail": "; ".join(said)}, 422)
        if request.url.path.startswith("/analyses/"):
            return of_problem(404, "there is no such page")
        return of_problem(422, "something was sent that does not fit here; choose photographs")
