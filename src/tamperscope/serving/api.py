"""The interface for programs, described by /openapi.json."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, HTTPException, Path, Query, Response, Security, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from fastapi.security import HTTPBearer
from sqlalchemy.exc import SQLAlchemyError

from tamperscope import __version__
from tamperscope.io.paths import EVIDENCE
from tamperscope.report import forms
from tamperscope.serving import store
from tamperscope.serving.desk import Desk, cards, desk, whole
from tamperscope.serving.lean import Lean
from tamperscope.serving.schemas import (
    AnalysisAnswer,
    DetectorAnswer,
    Health,
    HistoryAnswer,
    Kind,
    Problem,
    Queued,
    Status,
)

__all__ = ["ID", "Service", "router"]

ID = Annotated[str, Path(pattern=f"^{store.ID}$", description="as it was answered")]
Service = Annotated[Desk, Depends(desk)]
_Position = Annotated[bool, Query(description="also the place that EXIF names")]
_TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf", "json": "application/json"}
_MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such analysis, or no such picture of it."},
    410: {"model": Problem, "description": "Its files are gone."},
}
_UNDONE: dict[int | str, dict[str, Any]] = {
    **_MISSING,
    409: {"model": Problem, "description": "The analysis is not done."},
}
_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}, **_UNDONE}

router = APIRouter(
    route_class=Lean,
    # The guard asks for it; said here so that it is described.
    dependencies=[Security(HTTPBearer(auto_error=False, description="if the service was given tokens"))],
    responses={
        401: {"model": Problem, "description": "A token is asked for."},
        403: {"model": Problem, "description": "A page from elsewhere asks."},
        421: {"model": Problem, "description": "The service does not answer to this name."},
        422: {"model": Problem, "description": "What was sent does not fit."},
        503: {"model": Problem, "description": "The database, or what makes reports, cannot be used now."},
    },
)


@router.post(
    "/v1/analyses",
    status_code=202,
    tags=["analyses"],
    responses={
        400: {"model": Problem, "description": "The body is no multipart form."},
        413: {"model": Problem, "description": "More photographs or bytes than are taken at once."},
        415: {"model": Problem, "description": "The form is not in UTF-8."},
        429: {"model": Problem, "description": "Too many photographs wait already."},
        507: {"model": Problem, "description": "The disk is full."},
    },
)
def create(
    service: Service,
    files: Annotated[list[UploadFile], File(description="photographs, each as its file is")],
    detectors: Annotated[list[str], Form(description="names, as of /v1/detectors; auto if none")] = [],  # noqa: B006
    salvage: Annotated[bool, Form(description="analyse truncated JPEG files as far as they decode")] = False,
) -> list[Queued]:
    """Take photographs in; each becomes an analysis, that waits until a worker is free."""
    taken = service.take(files, detectors, salvage)
    return [Queued(id=one.id, status=Status.queued, name=one.name) for one in taken]


@router.get("/v1/analyses", tags=["analyses"])
def history(
    service: Service,
    text: Annotated[str, Query(max_length=200, description="in the name")] = "",
    status: Status | None = None,
    verdict: Annotated[str, Query(max_length=32)] = "",
    before: Annotated[float | None, Query(description="`next` of the answer before", ge=0, le=1e12)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> HistoryAnswer:
    """List analyses, the newest first, without their results."""
    found = service.store.find(text, status.value if status else "", verdict, before=before, most=limit)
    following = found[-1].created if len(found) == limit else None
    return HistoryAnswer(analyses=[AnalysisAnswer.of(one) for one in found], next=following)


@router.get("/v1/analyses/{id}", tags=["analyses"], responses=_MISSING)
def read(service: Service, id: ID) -> AnalysisAnswer:
    """Say where an analysis is; once it is done, with the same record as `result.json`."""
    return AnalysisAnswer.of(service.find(id)[0])


@router.delete("/v1/analyses/{id}", status_code=204, tags=["analyses"], responses=_MISSING)
def remove(service: Service, id: ID) -> None:
    """Delete an analysis with all its files, also one that waits or runs."""
    service.forget(id)


@router.get(
    "/v1/analyses/{id}/maps/{detector}/{kind}",
    tags=["pictures"],
    responses=_PNG,
    response_class=FileResponse,
)
def picture(
    service: Service, id: ID, detector: Annotated[str, Path(pattern="^[a-z0-9_+]{1,200}$")], kind: Kind
) -> FileResponse:
    """Return a detector's heatmap or mask, of the stored size, or its overlay, upright."""
    return whole(service.judged(id, detector).results / f"{detector}.{kind.value}.png")


@router.get("/v1/analyses/{id}/evidence", tags=["pictures"], responses=_PNG, response_class=FileResponse)
def evidence(service: Service, id: ID) -> FileResponse:
    """Return all overlays and the maps that led to them on one sheet."""
    found, places = service.done(id)
    if not (found.record or {}).get("evidence_sheet"):
        raise HTTPException(404, "this analysis has no evidence sheet")
    return whole(places.results / EVIDENCE)


@router.get(
    "/v1/analyses/{id}/report",
    tags=["pictures"],
    responses={
        200: {"content": {kind: {} for kind in _TYPES.values()}},
        **_UNDONE,
        429: {"model": Problem, "description": "Too many reports are being made."},
    },
    response_class=Response,
)
async def report(
    service: Service,
    id: ID,
    format: forms.Form = forms.Form.html,
    gps: _Position = False,
) -> Response:
    """Return the report, for people, as one file."""
    made = await service.report(id, format, gps)
    attached = {"Content-Disposition": f'attachment; filename="tamperscope-{id[:8]}.{format.value}"'}
    return Response(made, media_type=_TYPES[format.value], headers=attached)


@router.get("/v1/detectors", tags=["service"])
def detectors() -> list[DetectorAnswer]:
    """List the detectors that can run here."""
    return [
        DetectorAnswer(name=name, title=card.title, looks_at=card.looks_at, limits=card.limits)
        for name, card in cards().items()
    ]


@router.get(
    "/healthz",
    tags=["service"],
    responses={503: {"model": Problem, "description": "The database does not answer."}},
)
async def health(service: Service) -> Health:
    """Say that the service and its database work; no token is asked for."""
    try:
        await run_in_threadpool(service.store.ping)
    except SQLAlchemyError:
        raise HTTPException(503, "the database does not answer") from None
    return Health(status="ok", version=__version__)


@router.get(
    "/metrics", tags=["service"], response_class=Response, responses={200: {"content": {"text/plain": {}}}}
)
def metrics(service: Service) -> Response:
    """Return figures for Prometheus."""
    return Response(service.meters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
