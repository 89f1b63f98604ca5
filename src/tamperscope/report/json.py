"""The record of one photo, as in `result.json` and in each line of `--json`."""

import json
import math
from dataclasses import asdict
from importlib import resources
from typing import Any

from tamperscope import __version__
from tamperscope.io.paths import few
from tamperscope.types import Jpeg, Link, Localization, Photo, Region

__all__ = [
    "SCHEMA_VERSION",
    "VERDICTS",
    "detection",
    "dumps",
    "gravest",
    "jpeg_facts",
    "judged",
    "leading",
    "not_applicable",
    "record",
    "schema",
    "top_score",
    "written",
]

SCHEMA_VERSION = 1
VERDICTS = ("manipulated", "cannot tell", "no evidence", "not applicable")  # the gravest first
_MOST_LINKS = 50


def schema() -> dict[str, Any]:
    """Return the JSON Schema that every record follows."""
    text = resources.files("tamperscope.report").joinpath("result.schema.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def dumps(value: dict[str, Any], *, indent: int | None = None) -> str:
    """Return ASCII JSON that any parser and any terminal takes; NaN is refused."""
    return json.dumps(value, allow_nan=False, indent=indent)


def record(name: str, photo: Photo, detections: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the record of a photo and what the detectors found in it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "version": __version__,
        "path": name,
        "sha256": photo.digest,
        "bytes": photo.size,
        "format": photo.format,
        "width": photo.width,
        "height": photo.height,
        "orientation": photo.orientation,
        "jpeg": jpeg_facts(photo.jpeg) if photo.jpeg else None,
        "warnings": [*photo.warnings, *_remarks(photo)],
        "evidence_sheet": [],
        "detections": detections,
    }


def judged(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what those detectors said that could judge the photo."""
    return [entry for entry in record["detections"] if entry["verdict"] != "not applicable"]


def written(score: float) -> str:
    """Return a score as people read it, everywhere alike: never rounded up to a threshold.

    >>> written(0.8199)
    '0.81'
    """
    return f"{math.floor(100 * score + 1e-9) / 100:.2f}"


def top_score(record: dict[str, Any]) -> float | None:
    """Return the highest score of the detectors that gave one."""
    scores = (entry["score"] for entry in record["detections"])
    return max((score for score in scores if score is not None), default=None)


def gravest(record: dict[str, Any]) -> str:
    """Return the gravest verdict of the detectors that judge."""
    said = [entry["verdict"] for entry in _deciding(record)]
    return next((verdict for verdict in VERDICTS if verdict in said), VERDICTS[-1])


def leading(record: dict[str, Any]) -> list[str]:
    """Return the detectors whose verdict that is."""
    verdict = gravest(record)
    return [entry["name"] for entry in _deciding(record) if entry["verdict"] == verdict]


def _deciding(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what detectors with a score said; beside them, maps alone decide nothing."""
    entries: list[dict[str, Any]] = record["detections"]
    return [entry for entry in entries if entry["score"] is not None] or entries


def _remarks(photo: Photo) -> tuple[str, ...]:
    """Return what the coefficients' reader found amiss."""
    return few(photo.jpeg.remarks) if photo.jpeg else ()


def jpeg_facts(jpeg: Jpeg) -> dict[str, Any]:
    """Return what a JPEG file says beside its pixels."""
    return {
        "quality": jpeg.quality,
        "standard_tables": jpeg.standard_tables,
        "subsampling": jpeg.subsampling,
        "components": len(jpeg.tables),
        "progressive": jpeg.progressive,
        "arithmetic": jpeg.arithmetic,
        "thumbnail": jpeg.thumbnail,
        "quantization_tables": [table.tolist() for table in jpeg.tables],
    }


def detection(
    result: Localization, threshold: float, regions: tuple[Region, ...], doubt: float | None = None
) -> dict[str, Any]:
    """Return what a detector found: score, verdict, reason and regions; see `Card` for the ``doubt``."""
    return {
        "score": result.score,
        "threshold": threshold,
        "verdict": _verdict(result, threshold, doubt),
        "reason": result.reason,
        "regions": [_region(region) for region in regions],
        "links": [asdict(link) for link in _largest(result.links)],
        "evidence": list(result.evidence),
    }


def _verdict(result: Localization, threshold: float, doubt: float | None) -> str:
    score = result.score
    if score is not None and score >= threshold:
        return "manipulated"
    unseen = result.valid is not None and not result.valid.any()  # who judged no place clears no photo
    if score is None or unseen or (doubt is not None and doubt <= score):
        return "cannot tell"
    return "no evidence"


def _largest(links: tuple[Link, ...]) -> list[Link]:
    return sorted(links, key=lambda link: (-link.area_share, link.y, link.x))[:_MOST_LINKS]


def not_applicable(threshold: float, reason: str) -> dict[str, Any]:
    """Return the answer of a detector that lacks its evidence."""
    return {
        "score": None,
        "threshold": threshold,
        "verdict": "not applicable",
        "reason": reason,
        "regions": [],
        "links": [],
        "evidence": [],
    }


def _region(region: Region) -> dict[str, Any]:
    values = asdict(region)
    box = {key: values.pop(key) for key in ("x", "y", "width", "height")}
    return {"bounding_box": box, **values}
