"""What a report says, in plain words and in order, before it is a page or a print."""

import hashlib
import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

from tamperscope import __version__, plugins
from tamperscope.detectors._refined import parts
from tamperscope.errors import CorruptFile, OutputError, TamperscopeError
from tamperscope.io.decode import Limits, decode, read_file
from tamperscope.io.exif import read_exif
from tamperscope.io.paths import EVIDENCE, display
from tamperscope.report.figures import Figure, of_file, of_photo, of_thumbnail
from tamperscope.types import Card

__all__ = ["RECORD", "Case", "Figure", "Finding", "PhotoReport", "Table", "gather", "open_case"]

_MOST_REGIONS = 10
RECORD = "result.json"


@dataclass(frozen=True)
class Table:
    """Rows of text below heads."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Finding:
    """What one detector says of a photo.

    ``verdict`` is that of the record, ``sentence`` the same in plain words.
    """

    title: str
    verdict: str
    sentence: str
    looks_at: str
    limits: str
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class PhotoReport:
    """All that is said of one photo."""

    name: str
    verdict: str
    sentence: str
    photo: Figure | None
    findings: tuple[Finding, ...]
    evidence: Figure | None
    thumbnail: tuple[Figure, ...]
    thumbnail_sentence: str
    facts: tuple[Table, ...]
    notes: tuple[str, ...]
    repeat: str
    analysed: str


@dataclass(frozen=True)
class Case:
    """Photos that are reported together; of a single one it may be said where the ``photo`` lies."""

    title: str
    folders: tuple[Path, ...]
    position: bool = False
    photo: Path | None = None

    @cached_property
    def made(self) -> str:
        """Now, when it is first asked for."""
        return _time(datetime.now(timezone.utc))

    @property
    def version(self) -> str:
        """Of Tamperscope, which makes the report."""
        return __version__

    @property
    def photos(self) -> Iterable[PhotoReport]:
        """The photos, one at a time: their pictures need not be in memory together."""
        return (gather(folder, position=self.position, photo=self.photo) for folder in self.folders)


def open_case(results: Path, title: str = "", *, position: bool = False, photo: Path | None = None) -> Case:
    """Return the case in a folder that `tamperscope scan --out` has written: of one photo, or of several.

    Raises:
        OutputError: there are no results.

    """
    alone = (results / RECORD).is_file()
    folders = [results] if alone else sorted(path.parent for path in results.glob(f"*/{RECORD}"))
    if not folders:
        raise OutputError("holds no results", "give the folder of `tamperscope scan --out`", display(results))
    return Case(title or display(results.resolve().name), tuple(folders), position, photo)


def gather(folder: Path, *, position: bool = False, photo: Path | None = None) -> PhotoReport:
    """Return the report of a photo from the folder of its results.

    The photo itself is shown, and its EXIF read, where it still lies where it was scanned, or at ``photo``,
    and is the same; places in EXIF only with ``position``.

    Raises:
        CorruptFile: the record cannot be read.

    """
    path = folder / RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        analysed = _time(datetime.fromtimestamp(path.stat().st_mtime, timezone.utc))
        data = _original(photo or Path(record["path"]), record["sha256"])
        picture = decode(data, salvage=True) if data else None
        findings = tuple(_finding(entry, folder) for entry in record["detections"])
        verdict, sentence = _overall(record["detections"])
        exif = read_exif(data) if data else None
        facts = [_file_facts(record), *([_jpeg_facts(record["jpeg"])] if record["jpeg"] else [])]
        if exif and (exif.rows or exif.position):
            hidden = (("GPS", f"{len(exif.position)} entries, hidden"),) if exif.position else ()
            rows = (*exif.rows, *(exif.position if position else hidden))
            facts.append(
                Table("What the file says of itself (EXIF; anyone can write it)", ("entry", "value"), rows)
            )
        thumbnail, said = (
            of_thumbnail(picture, exif.thumbnail) if picture and exif and exif.thumbnail else ((), "")
        )
        notes = list(record["warnings"])
        if picture is None:
            notes.append("the photo is no longer where it was scanned, or has changed: it is not shown here")
        return PhotoReport(
            name=record["path"],
            verdict=verdict,
            sentence=sentence,
            photo=of_photo(picture) if picture else None,
            findings=findings,
            evidence=of_file(
                folder / EVIDENCE,
                "all maps",
                "What each detector saw, and the maps that led to it, side by side.",
            ),
            thumbnail=thumbnail,
            thumbnail_sentence=said,
            facts=tuple(facts),
            notes=tuple(notes),
            repeat=_command(record),
            analysed=analysed,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(
            f"it is no record of a scan ({type(error).__name__}: {display(str(error))})",
            "scan the photo again",
            display(path),
        ) from error


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _original(path: Path, digest: str) -> bytes | None:
    try:
        data = read_file(path, Limits().bytes)
    except TamperscopeError:
        return None
    return data if hashlib.sha256(data).hexdigest() == digest else None


def _overall(entries: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """Return the gravest verdict of the detectors that judge, and what it means."""
    said = [entry["verdict"] for entry in entries if entry["score"] is not None]
    said = said or [entry["verdict"] for entry in entries]  # maps alone decide nothing
    if "manipulated" in said:
        return "manipulated", (
            "Signs of manipulation were found. They say where to look; whether an edit deceives, and who "
            "made it, they do not say."
        )
    if "cannot tell" in said:
        return "cannot tell", (
            "No conclusion. What was found is too little to call the photo manipulated, and too much, or of "
            "a kind, that does not clear it."
        )
    if "no evidence" in said:
        return "no evidence", (
            "No signs of manipulation were found. That is no proof that the photo is genuine: an edit may "
            "have left no trace that is looked for here, or saving the photo again may have removed it."
        )
    return "not applicable", "No detector could judge this photo."


def _finding(entry: dict[str, Any], folder: Path) -> Finding:
    card, name = _card(entry["name"]), entry["name"]
    score, reason = entry["score"], entry["reason"]
    measured = (
        f" Its score is {score:.3f}; from {entry['threshold']:.3f} on it calls a photo manipulated."
        if score is not None
        else ""
    )
    sentences = {
        "manipulated": "It calls the photo manipulated.",
        "no evidence": "It found no evidence.",
        "cannot tell": "It cannot tell."
        if score is not None
        else "It draws a map for a person to read, and decides nothing.",
        "not applicable": "It could not judge the photo.",
    }
    figures = []
    if entry["verdict"] != "not applicable":
        shown = of_file(
            folder / f"{name}.overlay.png",
            "where",
            f"Brighter is more suspicious; outlined from {entry['threshold']:.2f} on. Stripes: not judged.",
        )
        figures = [shown] if shown else []
    tables = [table for table in (_regions(entry), _links(entry)) if table.rows]
    tables.append(_settings(entry))
    return Finding(
        title=f"{card.title} ({name})" if card else name,
        verdict=entry["verdict"],
        sentence=f"{sentences[entry['verdict']]}{measured} {reason[:1].upper()}{reason[1:]}.",
        looks_at=card.looks_at if card else "",
        limits=card.limits if card else "",
        figures=tuple(figures),
        tables=tuple(tables),
    )


def _card(name: str) -> Card | None:
    try:
        card: Card = plugins.load("detectors", parts(name)[0]).card
    except TamperscopeError:  # a plugin that is not installed here
        return None
    return card


def _regions(entry: dict[str, Any]) -> Table:
    rows = []
    for number, region in enumerate(entry["regions"][:_MOST_REGIONS], 1):
        box = region["bounding_box"]
        rows.append(
            (
                str(number),
                f"{box['x']}, {box['y']}",
                f"{box['width']} x {box['height']}",
                f"{region['area_share']:.2%}",
                f"{region['peak']:.2f}",
                f"{region['mean']:.2f}",
            )
        )
    more = len(entry["regions"]) - len(rows)
    title = "Marked regions, the largest first" + (f"; {more} smaller ones are in the record" if more else "")
    return Table(
        title, ("", "left, top", "size in stored pixels", "of the photo", "peak", "mean"), tuple(rows)
    )


def _links(entry: dict[str, Any]) -> Table:
    rows = tuple(
        (
            f"{link['x']}, {link['y']}",
            f"{link['to_x']}, {link['to_y']}",
            f"{link['scale']:.2f}",
            f"{link['turn']:.0f}°",
            "mirrored" if link["mirrored"] else "",
        )
        for link in entry.get("links", [])[:_MOST_REGIONS]
    )
    return Table("Parts that occur twice", ("centre", "and again at", "scale", "turned", ""), rows)


def _settings(entry: dict[str, Any]) -> Table:
    rows = [(key, str(value)) for key, value in entry["parameters"].items() if value != ""]
    if entry["weights_digest"]:
        rows.append(("SHA-256 of the weights", entry["weights_digest"]))
    rows.append(("asked for as", entry["requested"]))
    rows.append(("seconds", f"{entry['seconds']:.2f}"))
    return Table("How it was run", ("field", "value"), tuple(rows))


def _file_facts(record: dict[str, Any]) -> Table:
    rows = (
        ("SHA-256", record["sha256"]),
        ("bytes", f"{record['bytes']:,}"),
        ("format", record["format"]),
        ("stored size", f"{record['width']} x {record['height']}"),
        ("orientation (EXIF)", str(record["orientation"])),
        ("analysed by", f"Tamperscope {record['version']}"),
    )
    return Table("The file", ("fact", "value"), rows)


def _jpeg_facts(jpeg: dict[str, Any]) -> Table:
    tables = (
        "the standard's" if jpeg["standard_tables"] else "not the standard's: those of a camera or editor"
    )
    rows = (
        ("quality", f"about {jpeg['quality']}"),
        ("quantization tables", tables),
        ("chroma subsampling", jpeg["subsampling"]),
        ("coding", "progressive" if jpeg["progressive"] else "sequential"),
        ("components", str(jpeg["components"])),
        ("thumbnail inside", "yes" if jpeg["thumbnail"] else "no"),
    )
    return Table("How it was saved (JPEG)", ("fact", "value"), rows)


def _command(record: dict[str, Any]) -> str:
    """Return the command line that makes the same again."""
    words = [
        "tamperscope",
        "scan",
        record["path"],
        "--detector",
        ",".join(entry["name"] for entry in record["detections"]),
    ]
    for entry in record["detections"]:
        for key, value in _changed(entry).items():
            words += ["--set", f"{parts(entry['name'])[0]}.{key}={value}"]
    return shlex.join([*words, "--out", "results"])


def _changed(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a detector that are not its defaults."""
    try:
        usual = plugins.parameters(plugins.build("detectors", parts(entry["name"])[0]))
    except TamperscopeError:
        return {}
    return {key: value for key, value in entry["parameters"].items() if key in usual and usual[key] != value}
