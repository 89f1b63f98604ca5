"""What a report says, in plain words and in order, before it is a page or a print."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from tamperscope import __version__, plugins
from tamperscope.detectors._refined import parts
from tamperscope.errors import CorruptFile, OutputError, TamperscopeError
from tamperscope.io.decode import Limits, decode, read_file
from tamperscope.io.exif import Exif, read_exif
from tamperscope.io.paths import EVIDENCE, RECORD, clipped, display
from tamperscope.report.failures import read_failures
from tamperscope.report.figures import Figure, of_file, of_photo, of_thumbnail
from tamperscope.report.json import gravest, leading, top_score, written
from tamperscope.report.overview import Line, counted, counts, gravest_first
from tamperscope.report.repeat import command, own_fields, unescaped
from tamperscope.types import Card

__all__ = [
    "Case",
    "Figure",
    "Finding",
    "PhotoReport",
    "Table",
    "for_pictures",
    "gather",
    "open_alone",
    "open_case",
    "read_record",
]

_MOST_REGIONS = 10
_MEANING = {
    "manipulated": (
        "Signs of manipulation were found. They say where to look; whether an edit deceives, and who made "
        "it, they do not say."
    ),
    "cannot tell": (
        "No conclusion. What was found is too little to call the photo manipulated, and too much, or of a "
        "kind, that does not clear it; or a part of the file is missing or damaged, or may be."
    ),
    "no evidence": (
        "No signs of manipulation were found. That is no proof that the photo is genuine: an edit may have "
        "left no trace that is looked for here, or saving the photo again may have removed it."
    ),
    "not applicable": "No detector could judge this photo.",
}
_T = TypeVar("_T")
_LIMITS = Limits()
_LONGEST = 2000  # letters of a text from a record
_COLLECTION = "scan.json"  # in what a scan with --engine writes, whose layer lies above


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
    score: float | None
    sentence: str
    photo: Figure | None
    findings: tuple[Finding, ...]
    evidence: Figure | None
    thumbnail: tuple[Figure, ...]
    thumbnail_sentence: str
    facts: tuple[Table, ...]
    notes: tuple[str, ...]
    repeat: str
    written: str

    @property
    def beside(self) -> Finding | None:
        """The finding whose figures the photo is shown beside: the first that has any."""
        return next((one for one in self.findings if one.figures), None)


@dataclass(frozen=True)
class Case:
    """Photos that are reported together; ``photo`` says where they lie, see `gather`.

    ``failed`` says of the files that could not be scanned why; ``beside``, whether the report will lie with
    the records; ``limits``, how large a photo may be to be shown. ``problems`` are those met on the way:
    photos whose records cannot be read are left out; ``lines`` are of the others, by their number.
    """

    title: str
    folders: tuple[Path, ...]
    position: bool = False
    photo: Path | None = None
    failed: tuple[str, ...] = ()
    beside: bool = True
    limits: Limits = _LIMITS
    problems: list[TamperscopeError] = field(default_factory=list)
    lines: dict[int, Line] = field(default_factory=dict)

    @cached_property
    def made(self) -> str:
        """Now, when it is first asked for."""
        return _time(datetime.now(timezone.utc))

    @property
    def version(self) -> str:
        """Of Tamperscope, which makes the report."""
        return __version__

    @property
    def count(self) -> str:
        """How many photos are to be reported, in words."""
        return counted(len(self.folders), "photo")

    @property
    def about(self) -> str:
        """What holds of all its pictures and figures."""
        said = "Pictures are reduced for the eye; nothing was measured on them."
        return f"{said} Every figure is in result.json beside the pictures." if self.beside else said

    @property
    def several(self) -> bool:
        """Whether there is enough for an overview; known, as all of that, once all photos have been."""
        return len(self.lines) > 1 or bool(self.missing)

    @property
    def overview(self) -> list[Line]:
        """The photos that are reported, the gravest first."""
        return gravest_first(self.lines.values())

    @property
    def counts(self) -> str:
        """How many photos got which verdict, in words."""
        return counts(self.lines.values(), len(self.failed), len(self.problems))

    @property
    def missing(self) -> list[str]:
        """What was met and is not reported; complete once all photos have been."""
        return [*self.failed, *map(str, self.problems)]

    @property
    def photos(self) -> Iterator[PhotoReport]:
        """The photos that can be reported, made one at a time."""
        found = self._each(partial(gather, position=self.position, photo=self.photo, limits=self.limits))
        for number, photo in enumerate(found, 1):
            self.lines[number] = Line(number, photo.name, photo.verdict, photo.score)
            yield photo

    @property
    def records(self) -> Iterator[dict[str, Any]]:
        """The records that can be read."""
        return self._each(read_record)

    def _each(self, read: Callable[[Path], _T]) -> Iterator[_T]:
        for folder in self.folders:
            try:
                yield read(folder)
            except TamperscopeError as error:
                self.problems.append(error)


def open_case(results: Path, title: str = "", *, position: bool = False, photo: Path | None = None) -> Case:
    """Return the case in a folder that `tamperscope scan --out` has written: of one photo, or of several.

    Raises:
        OutputError: there are neither results nor failures.

    """
    alone = (results / RECORD).is_file()
    folders = [results] if alone else sorted(path.parent for path in results.glob(f"*/{RECORD}"))
    failed = () if alone else tuple(read_failures(results).values())
    if not folders and not failed:
        raise _no_results(results)
    return Case(display(title or results.resolve().name), tuple(folders), position, photo, failed)


def open_alone(
    results: Path, *, position: bool = False, photo: Path | None = None, limits: Limits = _LIMITS
) -> Case:
    """Return the case of one photo, by whose name it is titled, for a report that goes without its record.

    Raises:
        OutputError: there are no results.
        CorruptFile: the record cannot be read.

    """
    case = open_case(results, position=position, photo=photo)
    title = _clipped(read_record(results).get("path", case.title))
    return replace(case, title=title, beside=False, limits=limits)


def _no_results(results: Path) -> OutputError:
    if (results / _COLLECTION).is_file():
        return OutputError(
            "holds the tables of a scan with --engine, of which no report is made",
            "scan its suspects with `tamperscope scan --out` first, and report that folder",
            display(results),
        )
    return OutputError("holds no results", "give the folder of `tamperscope scan --out`", display(results))


def read_record(folder: Path) -> dict[str, Any]:
    """Return what a scan wrote of a photo into its folder.

    Raises:
        CorruptFile: it cannot be read.

    """
    path = folder / RECORD
    try:
        record = json.loads(path.read_bytes())
        if not isinstance(record, dict):
            raise TypeError("no object")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise _no_record(path, error) from error
    return record


def gather(
    folder: Path,
    *,
    position: bool = False,
    photo: Path | None = None,
    limits: Limits = _LIMITS,
    pictures: bool = True,
) -> PhotoReport:
    """Return the report of a photo from the folder of its results.

    The photo itself is shown, and its EXIF read, where it can be read under the name of the record, or as
    ``photo``, or, if that is a folder, below it under the end of that name, and is the same; places in EXIF
    only with ``position``. Larger ones than ``limits`` are not; without ``pictures`` none is decoded.

    Raises:
        CorruptFile: the record cannot be read.

    """
    record = read_record(folder)
    try:
        return _gathered(record, folder, position, _places(record["path"], photo), limits, pictures)
    except (OSError, ArithmeticError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_record(folder / RECORD, error) from error


def _no_record(path: Path, error: Exception) -> CorruptFile:
    return CorruptFile(
        f"it is no record of a scan ({type(error).__name__}: {display(str(error))[:200]})",
        "scan the photo again",
        display(path),
    )


def _gathered(
    record: dict[str, Any],
    folder: Path,
    position: bool,
    places: Sequence[Path],
    limits: Limits,
    pictures: bool,
) -> PhotoReport:
    notes = [_clipped(note) for note in record["warnings"]]
    photo, exif = None, Exif()
    try:
        data = _original(places, record["sha256"], limits)
        exif = read_exif(data)
        photo = decode(data, salvage=True, limits=limits) if pictures else None
    except TamperscopeError as error:
        notes.append(f"the photo is not shown here: {error.problem}")
    verdict, ours = gravest(record), for_pictures(limits)
    led = [*map(_clipped, leading(record))]
    by = (
        f" So {'says' if len(led) == 1 else 'say'} {', '.join(led)}; of the others, see below."
        if len(led) < len(record["detections"])
        else ""
    )
    shown = ", ".join(map(_clipped, record["evidence_sheet"]))
    facts = [_file_facts(record), *([_jpeg_facts(record["jpeg"])] if record["jpeg"] else [])]
    if exif.rows or exif.position:
        hidden = (("GPS", f"{len(exif.position)} entries, hidden"),) if exif.position else ()
        rows = (*exif.rows, *(exif.position if position else hidden))
        facts.append(
            Table("What the file says of itself (EXIF; anyone can write it)", ("entry", "value"), rows)
        )
    thumbnail, said = of_thumbnail(photo, exif.thumbnail) if photo and exif.thumbnail else ((), "")
    return PhotoReport(
        name=_clipped(record["path"]),
        verdict=verdict,
        score=top_score(record),
        sentence=_MEANING[verdict] + by,
        photo=of_photo(photo) if photo else None,
        findings=tuple(_finding(entry, folder, ours, pictures) for entry in record["detections"]),
        evidence=of_file(
            folder / EVIDENCE,
            "all maps",
            f"What was seen by {shown}, and the maps that led to it, side by side.",
            ours,
        )
        if pictures
        else None,
        thumbnail=thumbnail,
        thumbnail_sentence=said,
        facts=tuple(facts),
        notes=tuple(notes),
        repeat=_clipped(command(record)),
        written=_time(datetime.fromtimestamp((folder / RECORD).stat().st_mtime, timezone.utc)),
    )


def for_pictures(limits: Limits) -> Limits:
    """Return the limits of pictures that we drew, which have more bytes than the photo that was let in."""
    return replace(limits, pixels=max(limits.pixels, _LIMITS.pixels), bytes=max(limits.bytes, _LIMITS.bytes))


def _clipped(value: Any) -> str:
    return clipped(str(value), _LONGEST)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _places(name: str, photo: Path | None) -> list[Path]:
    """Return where the photo of a record may lie."""
    names = [Path(one) for one in dict.fromkeys((name, unescaped(name)))]
    if photo is None or not photo.is_dir():
        return [photo] if photo else names
    # Whatever a record names: only a file of its digest is shown.
    ends = [one.relative_to(one.anchor).parts for one in names]
    return [photo.joinpath(*one[start:]) for one in ends for start in range(len(one))]


def _original(places: Sequence[Path], digest: str, limits: Limits) -> bytes:
    """Return the photo's file, from the first of the places where it lies.

    Raises:
        TamperscopeError: it cannot be read there, or files with other bytes are.

    """
    problem: TamperscopeError | None = None
    for place in places:
        try:
            data = read_file(place, limits.bytes)
        except TamperscopeError as error:
            problem = problem or error
            continue
        if hashlib.sha256(data).hexdigest() == digest:
            return data
        problem = CorruptFile("under its name lies a file with other bytes")
    raise problem or CorruptFile("the record names no file")


def _finding(entry: dict[str, Any], folder: Path, limits: Limits, pictures: bool) -> Finding:
    name = entry["name"]
    if Path(name).name != name:  # it becomes the name of a file
        raise ValueError("a detector of no possible name")
    card, score, reason = _card(name), entry["score"], _clipped(entry["reason"])
    measured = (
        f" Its score is {written(score)}; from {entry['threshold']:.2f} on it calls a photo manipulated."
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
    if measured and entry["verdict"] != "manipulated":
        if score >= entry["threshold"]:
            measured += (
                " That does not count here: a part of the file is missing or damaged, or may be, and what "
                "decoders make up for it looks manipulated."
            )
        elif entry["regions"]:
            measured += " The outlined regions of its map do; they weigh too little for the photo's score to."
    figures = []
    if pictures and entry["verdict"] != "not applicable":
        shown = of_file(
            folder / f"{name}.overlay.png",
            "where",
            f"Brighter is more suspicious; outlined from {entry['threshold']:.2f} on. Stripes: not judged.",
            limits,
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
    return Table(
        _of_most("Marked regions", entry["regions"]),
        ("", "left, top as stored", "size in stored pixels", "of the photo", "peak", "mean"),
        tuple(rows),
    )


def _links(entry: dict[str, Any]) -> Table:
    links = entry.get("links", [])
    rows = tuple(
        (
            f"{link['x']}, {link['y']}",
            f"{link['to_x']}, {link['to_y']}",
            f"{link['scale']:.2f}",
            f"{link['turn']:.0f}°",
            "mirrored" if link["mirrored"] else "",
        )
        for link in links[:_MOST_REGIONS]
    )
    heads = ("centre", "and again at", "scale", "turned", "")
    return Table(_of_most("Parts that occur twice", links), heads, rows)


def _of_most(title: str, listed: list[Any]) -> str:
    """Return the title of a table that shows no more than the first of what the record lists."""
    more = len(listed) - _MOST_REGIONS
    return f"{title}, the largest first" + (f"; {more} smaller ones are in the record" if more > 0 else "")


def _settings(entry: dict[str, Any]) -> Table:
    found = list(own_fields(entry["name"], entry["parameters"]))
    rows = [
        (f"{plugin}.{key}" if len(found) > 1 else key, _clipped(value))
        for _, plugin, own in found
        for key, value in own.items()
        if value != ""
    ]
    if entry["weights_digest"]:
        rows.append(("SHA-256 of the weights", _clipped(entry["weights_digest"])))
    rows.append(("asked for as", _clipped(entry["requested"])))
    rows.append(("seconds", f"{entry['seconds']:.2f}"))
    return Table("How it was run", ("field", "value"), tuple(rows))


def _file_facts(record: dict[str, Any]) -> Table:
    rows = (
        ("SHA-256", _clipped(record["sha256"])),
        ("bytes", f"{record['bytes']:,}"),
        ("format", _clipped(record["format"])),
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
        ("chroma subsampling", _clipped(jpeg["subsampling"])),
        ("coding", "progressive" if jpeg["progressive"] else "sequential"),
        ("components", str(jpeg["components"])),
        ("thumbnail inside", "yes" if jpeg["thumbnail"] else "no"),
    )
    return Table("How it was saved (JPEG)", ("fact", "value"), rows)
