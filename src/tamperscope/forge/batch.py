"""Many forgeries from a folder of photographs: in parallel, resumable, the same for the same seed."""

import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamperscope.datasets._splits import RATIOS, SPLITS
from tamperscope.datasets.manifest import COLUMNS
from tamperscope.errors import InvalidParameter, OutputError, TamperscopeError
from tamperscope.forge.make import Forgery, check_size, draw_part, forge
from tamperscope.forge.recipe import Recipe
from tamperscope.io.decode import Limits, decode, read_file
from tamperscope.io.encode import encode_png
from tamperscope.io.paths import display, write_whole
from tamperscope.io.provenance import code_digest
from tamperscope.parallel import ordered

__all__ = ["Made", "forge_all"]

_CIRCLE = 8  # photographs that lend each other parts, so that splits can keep them together
_BLOCK = 8  # items made in a row of a few photographs of one circle, while these are in memory
_LIBRARIES = ("numpy", "opencv-python-headless", "pillow")
_SHARED = ("decode.py", "encode.py", "jpeg.py", "salvage.py")  # of io
_UNUSABLE = "unusable"  # in an item's record: photographs that were passed over, and why
_KEPT = 4  # photographs of a circle for a block, which each process keeps decoded


@dataclass(frozen=True)
class _Job:
    """What all items share; passes between processes. ``circles`` are photographs' paths and digests."""

    circles: tuple[tuple[tuple[Path, str], ...], ...]
    out: Path
    recipe: Recipe
    size: int
    seed: int
    splits: bool = False


@dataclass(frozen=True)
class Made:
    """What came of a run: the rows of the manifest, and the photographs that could not be used."""

    rows: tuple[dict[str, Any], ...]
    unreadable: tuple[TamperscopeError, ...]


def forge_all(
    photos: Sequence[Path],
    out: Path,
    count: int,
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    size: int = 512,
    workers: int = 1,
    resume: bool = False,
    splits: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> Made:
    """Make ``count`` photographs, with masks and a manifest, in ``out``.

    They are parts that have ``size`` pixels a side when they are shrunk most: what a recipe shrinks less, or
    enlarges on its way, is larger.
    The same photographs, recipe, size and seed give the same bytes, whatever the number of workers and
    however often it is interrupted. Photographs lend parts only within circles, which are the groups of the
    manifest; ``splits`` shares these out 65/10/25. ``advance`` is called after each.

    Raises:
        InvalidParameter: too few photographs or forgeries.
        OutputError: ``out`` cannot be written, or holds another set.

    """
    usable, unreadable = _usable(photos)
    if not usable:
        raise InvalidParameter("no photograph can be read", "give a folder of photographs")
    recipe = recipe or Recipe()
    if len(usable) == 1 and {kind for kind, weight in recipe.kinds.items() if weight} == {"splice"}:
        raise InvalidParameter("one photograph has none to take parts from", "give at least two")
    if splits and (len(usable) < 2 * len(SPLITS) or count <= 2 * _BLOCK):
        raise InvalidParameter(
            f"{len(usable)} photographs and {count} forgeries are too few to be split without leaks",
            f"give at least {2 * len(SPLITS)} photographs, and make more than {2 * _BLOCK}",
        )
    job = _Job(_circles(usable, seed, len(SPLITS) if splits else 1), out, recipe, size, seed, splits)
    _claim(job, resume)
    blocks = [range(first, min(first + _BLOCK, count)) for first in range(0, count, _BLOCK)]
    rows: list[dict[str, Any]] = []
    problems = {str(error): error for error in unreadable}
    for block, (made, found) in zip(
        blocks,
        ordered(
            partial(_make_block, job=job), blocks, min(workers, len(blocks)), lost=_lost, preload=[__name__]
        ),
        strict=True,
    ):
        rows += made
        problems |= {str(error): error for error in found}
        for _ in block:
            advance()
    if splits:
        placed = _splits(len(job.circles))
        rows = [{**row, "split": placed[row["group"]]} for row in rows]
    _write_manifest(out, rows)
    return Made(tuple(rows), tuple(problems.values()))


def _usable(photos: Sequence[Path]) -> tuple[list[tuple[Path, str]], list[TamperscopeError]]:
    """Return each different photograph's path and digest, by digest, and what cannot be read."""
    usable: dict[str, Path] = {}
    unreadable = []
    for path in photos:
        try:
            usable.setdefault(hashlib.sha256(read_file(path, Limits().bytes)).hexdigest(), path)
        except TamperscopeError as error:
            unreadable.append(error.at(display(path)))
    return [(path, digest) for digest, path in sorted(usable.items())], unreadable


def _circles(
    usable: list[tuple[Path, str]], seed: int, fewest: int
) -> tuple[tuple[tuple[Path, str], ...], ...]:
    order = np.random.default_rng(seed).permutation(len(usable))
    number = max(fewest, len(usable) // _CIRCLE)
    return tuple(tuple(usable[place] for place in part) for part in np.array_split(order, number))


def _make_block(block: range, job: _Job) -> tuple[list[dict[str, Any]], list[TamperscopeError]]:
    """Return the rows of a block's items, and what was found unreadable while making them."""
    problems: dict[str, TamperscopeError] = {}
    return [_make(index, job, problems) for index in block], list(problems.values())


def _lost(block: range) -> Any:
    raise OutputError(
        f"making photographs {block.start} to {block.stop - 1} crashed, perhaps for want of memory",
        "try again with --resume and fewer --workers",
    )


def _make(index: int, job: _Job, problems: dict[str, TamperscopeError]) -> dict[str, Any]:
    """Return the row of an item, which is made unless it is there."""
    record = job.out / "parameters" / f"{index:06}.json"
    row, met = _done(record, job.out) or _made(index, job, record)
    problems |= met
    return row


def _made(index: int, job: _Job, record: Path) -> tuple[dict[str, Any], dict[str, TamperscopeError]]:
    """Make an item; return its row, and what was found unreadable meanwhile."""
    met: dict[str, TamperscopeError] = {}
    rng = np.random.default_rng([job.seed, index])
    circle, crops, digests = _draw(index // _BLOCK, job, rng, met)
    made = forge(crops[0], crops[1:], job.recipe, rng)
    row = _row(index, circle, made, digests)
    write_whole(job.out / row["image"], made.encode())
    if row["mask"]:
        write_whole(job.out / row["mask"], encode_png(made.mask.astype(np.uint8) * 255))
    told = {digest: (error.problem, error.remedy, error.source) for digest, error in met.items()}
    kept = {**row, _UNUSABLE: told} if told else row
    write_whole(record, (json.dumps(kept) + "\n").encode())  # last: it vouches for the others
    return row, met


def _draw(
    block: int, job: _Job, rng: np.random.Generator, problems: dict[str, TamperscopeError]
) -> tuple[int, list[NDArray[np.uint8]], list[str]]:
    """Return a circle, parts of two of its photographs, or of one if no more can be used, and their digests.

    It is the block's circle, or the next one of which any photograph can be used.
    """
    for place in range(block, block + len(job.circles)):
        circle = place % len(job.circles)
        crops: list[NDArray[np.uint8]] = []
        digests = []
        for path, digest in _candidates(circle, block, job, rng):
            try:
                crops.append(_crop(path, job, rng))
            except TamperscopeError as error:  # whether it can be decoded is known only now
                problems.setdefault(digest, error.at(display(path)))
                continue
            digests.append(digest)
            if len(crops) == 2:
                break
        if crops:
            return circle, crops, digests
    raise InvalidParameter(
        f"none of the photographs can be used, the last for this: {next(reversed(problems.values()))}",
        "give photographs that can be decoded",
    )


def _candidates(circle: int, block: int, job: _Job, rng: np.random.Generator) -> list[tuple[Path, str]]:
    """Return the circle's photographs, first the few that are the block's, in an order of the item's own."""
    order = np.random.default_rng([job.seed, circle, block]).permutation(len(job.circles[circle]))
    own = [*rng.permutation(order[:_KEPT]), *order[_KEPT:]]
    return [job.circles[circle][place] for place in own]


def _row(index: int, circle: int, made: Forgery, sources: list[str]) -> dict[str, Any]:
    name = f"{index:06}"
    used = sources if made.kind == "splice" else sources[:1]
    return {
        "dataset": "forged",
        "split": "",
        "label": int(bool(made.kind)),
        "kind": made.kind,
        "group": _name(circle),
        "image": f"images/{name}{made.saving.suffix}",
        "mask": f"masks/{name}.png" if made.kind else "",
        "original": "",
        "parameters": {"sources": used, **made.parameters},
    }


def _done(record: Path, out: Path) -> tuple[dict[str, Any], dict[str, TamperscopeError]] | None:
    """Return an item's row, and what was found unreadable while making it; None if it is not finished."""
    try:
        row: dict[str, Any] = json.loads(record.read_bytes())
        met = {digest: TamperscopeError(*told) for digest, told in row.pop(_UNUSABLE, {}).items()}
        there = all((out / row[part]).is_file() for part in ("image", "mask") if row[part])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return (row, met) if there else None


def _crop(path: Path, job: _Job, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a part of the photograph, on its own grid, large enough for ``size`` after it is shrunk."""
    pixels = _pixels(path)
    check_size(pixels, job.recipe)
    wanted = int(np.ceil(job.size / job.recipe.shrink[0]))
    return draw_part(pixels, (wanted, wanted), rng)


@lru_cache(maxsize=_KEPT)
def _pixels(path: Path) -> NDArray[np.uint8]:
    return decode(path).pixels


def _splits(circles: int) -> dict[str, str]:
    """Return the split of each circle by its name: 65/10/25, and one of each among the first three.

    Circles are drawn at random, and lend their photographs in turn: the first ones of a small set are in
    all splits, and none changes its split when a set grows.
    """
    shares = np.array(RATIOS) / sum(RATIOS)
    given = np.zeros(len(SPLITS))
    placed = {}
    for circle in range(circles):
        lacking = shares * (circle + 1) - given + (given == 0)
        place = int(lacking.argmax())
        given[place] += 1
        placed[_name(circle)] = SPLITS[place]
    return placed


def _name(circle: int) -> str:
    return f"circle{circle:04}"


def _write_manifest(out: Path, rows: Sequence[dict[str, Any]]) -> None:
    stream = StringIO()
    writer = csv.DictWriter(stream, [*COLUMNS, "parameters"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "parameters": json.dumps(row["parameters"])} for row in rows)
    write_whole(out / "manifest.csv", stream.getvalue().encode())


def _code() -> str:
    package = Path(__file__).parent
    return code_digest(
        [
            *sorted(package.glob("*.py")),
            package / "cameras.json",
            *(package.parent / "io" / name for name in _SHARED),
        ],
        _LIBRARIES,
    )


def _claim(job: _Job, resume: bool) -> None:
    """Make the folder this set's; one that holds another set is left as it is."""
    sources = hashlib.sha256(json.dumps([[digest for _, digest in one] for one in job.circles]).encode())
    facts = {
        "seed": job.seed,
        "size": job.size,
        "splits": job.splits,
        "sources": sources.hexdigest(),
        "code": _code(),
        "recipe": json.loads(job.recipe.dumps()),
    }
    wanted = json.dumps(facts, indent=2) + "\n"
    path = job.out / "recipe.json"
    try:
        stored = path.read_text()
    except FileNotFoundError:
        if job.out.is_dir() and any(job.out.iterdir()):
            raise OutputError("holds other files", "choose another --out folder", display(job.out)) from None
        stored = ""
    except (OSError, ValueError) as error:
        raise OutputError(
            f"cannot be read ({error})", "choose another --out folder", display(path)
        ) from error
    if stored and stored != wanted:
        raise OutputError(
            "holds a set of another seed, size, recipe, version or photographs, or other splits",
            "choose another --out folder",
            display(job.out),
        )
    if stored and not resume:
        raise OutputError("holds this set already", "add --resume to go on with it", display(job.out))
    write_whole(path, wanted.encode())
