"""What the interface answers with, as OpenAPI describes it."""

from datetime import datetime, timezone
from enum import Enum
from typing import Any

from pydantic import BaseModel, Field

from tamperscope.report import json as report
from tamperscope.serving.store import Analysis

__all__ = [
    "AnalysisAnswer",
    "DetectorAnswer",
    "Health",
    "HistoryAnswer",
    "Kind",
    "Problem",
    "Queued",
    "Status",
]


class Status(str, Enum):
    """Where an analysis is."""

    queued = "queued"
    running = "running"
    done = "done"
    failed = "failed"


class Kind(str, Enum):
    """A picture that a detector made."""

    heatmap = "heatmap"
    mask = "mask"
    overlay = "overlay"


class Queued(BaseModel):
    """A photo that was taken in."""

    id: str
    status: Status
    name: str


class AnalysisAnswer(Queued):
    """An analysis; ``result`` is what `tamperscope scan` writes as `result.json`."""

    size: int = Field(description="bytes of the file")
    detectors: list[str]
    created: datetime
    started: datetime | None
    finished: datetime | None
    attempts: int
    verdict: str | None = Field(description="the gravest of the detectors that judge")
    score: float | None = Field(description="the highest of theirs")
    error: str | None = Field(description="why it failed, and what may help")
    maps: list[str] | None = Field(
        default=None, description="where its pictures are, on this service; with the result only"
    )
    result: dict[str, Any] | None = None

    @classmethod
    def of(cls, found: Analysis) -> "AnalysisAnswer":
        """Return what is told of an analysis."""
        base, names = f"/v1/analyses/{found.id}/maps", [entry["name"] for entry in judged(found)]
        return cls(
            id=found.id,
            status=Status(found.status),
            name=found.name,
            size=found.size,
            detectors=found.detectors,
            created=_moment(found.created),
            started=_moment(found.started) if found.started else None,
            finished=_moment(found.finished) if found.finished else None,
            attempts=found.attempts,
            verdict=found.verdict,
            score=found.score,
            error=found.error,
            maps=[f"{base}/{name}/{kind.value}" for name in names for kind in Kind] if found.record else None,
            result=found.record,
        )


class HistoryAnswer(BaseModel):
    """Analyses without their results, the newest first; ``next`` is the ``before`` of those that follow."""

    analyses: list[AnalysisAnswer]
    next: float | None


class DetectorAnswer(BaseModel):
    """A detector, and what its card says."""

    name: str
    title: str
    looks_at: str
    limits: str


class Health(BaseModel):
    """That the service works."""

    status: str
    version: str


class Problem(BaseModel):
    """What is wrong."""

    detail: str


def judged(found: Analysis) -> list[dict[str, Any]]:
    """Return what the detectors said that could judge the photo."""
    return report.judged(found.record) if found.record else []


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
