"""Says what is missing or odd in a data set, before anybody trusts a number measured on it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from tamperscope.datasets._base import Dataset
from tamperscope.errors import TamperscopeError
from tamperscope.io.decode import decode
from tamperscope.parallel import ordered
from tamperscope.types import Sample

__all__ = ["Finding", "check"]

Severity = Literal["error", "warning", "info"]

_DIFFERENT = 0.5  # share of pristine files with settings that manipulated ones have too, below which we warn


@dataclass(frozen=True)
class Finding:
    """One sentence on a data set; ``names`` are the samples that it is about."""

    severity: Severity
    text: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Facts:
    """What is learned of one sample: how it was saved, and which ``share`` of it its mask marks."""

    sample: Sample
    digest: str = ""
    saved: str = ""
    share: float | None = None
    bad_image: str = ""
    bad_mask: str = ""


def check(dataset: Dataset, *, workers: int = 1, advance: Callable[[], None] = lambda: None) -> list[Finding]:
    """Read every photo and mask of a data set and return what was found; ``advance`` is called after each.

    Raises:
        WrongLayout: the root is not laid out as published.

    """
    samples = dataset.samples()
    facts = []
    look = partial(_look, dataset=dataset)
    for one in ordered(look, samples, min(workers, len(samples)), lost=_lost, preload=[__name__]):
        facts.append(one)
        advance()
    # In some published sets masks are missing or of another size: a known fault, which nobody can mend.
    masks: Severity = "error" if dataset.card.manipulated is None else "warning"
    return [
        *_counts(dataset, samples),
        *_unusable(facts, masks),
        *_odd_masks(facts, masks),
        *_duplicates(facts),
        *_cut_groups(samples),
        *_different_settings(facts),
    ]


def _look(sample: Sample, dataset: Dataset) -> _Facts:
    try:
        photo = decode(sample.image)
    except TamperscopeError as error:
        return _Facts(sample, bad_image=str(error))
    tables = photo.jpeg.tables[0].tobytes().hex() if photo.jpeg else ""
    known = partial(_Facts, sample, photo.digest, f"{photo.format} {tables}")
    try:
        truth = dataset.mask(sample, (photo.height, photo.width))
    except TamperscopeError as error:
        return known(bad_mask=str(error))
    return known(share=float(truth.mean()))


def _lost(sample: Sample) -> _Facts:
    return _Facts(sample, bad_image="reading it crashed")


def _counts(dataset: Dataset, samples: Sequence[Sample]) -> Iterator[Finding]:
    for manipulated, published in ((True, dataset.card.manipulated), (False, dataset.card.pristine)):
        count = sum(sample.manipulated == manipulated for sample in samples)
        kind = "manipulated" if manipulated else "pristine"
        if published in (None, count):
            yield Finding("info", f"{count} {kind} photographs" + (", as published" if published else ""))
        else:
            yield Finding("warning", f"{count} {kind} photographs instead of {published}")


def _unusable(facts: Sequence[_Facts], masks: Severity) -> Iterator[Finding]:
    if bad := [one for one in facts if one.bad_image]:
        yield _of("error", "cannot be read", bad, [one.bad_image for one in bad])
    if bad := [one for one in facts if one.bad_mask]:
        yield _of(masks, "have no mask that can be used", bad, [one.bad_mask for one in bad])


def _odd_masks(facts: Sequence[_Facts], masks: Severity) -> Iterator[Finding]:
    marked = [one for one in facts if one.sample.manipulated and one.share is not None]
    if odd := [one for one in marked if one.share == 0]:
        yield _of(masks, "are manipulated, but their masks mark nothing", odd)
    if odd := [one for one in marked if one.share == 1]:
        yield _of("warning", "have masks that mark everything", odd)
    large = [one for one in marked if (one.share or 0) > 0.5]
    if large:
        swapped = ": are black and white swapped?" if len(large) > len(marked) / 2 else ""
        severity: Severity = "warning" if swapped else "info"
        yield _of(severity, f"have masks that mark more than half{swapped}", large)


def _duplicates(facts: Sequence[_Facts]) -> Iterator[Finding]:
    same = defaultdict(list)
    for one in facts:
        if one.digest:
            same[one.digest].append(one)
    twins = [group for group in same.values() if len(group) > 1]
    for text, severity, chosen in (
        ("are the same file with both labels", "error", [g for g in twins if _several(g, "manipulated")]),
        ("are the same file in several splits", "error", [g for g in twins if _several(g, "split")]),
        ("are the same file more than once", "warning", twins),
    ):
        if found := [one for group in chosen for one in group]:
            yield _of(severity, text, found)  # type: ignore[arg-type]


def _several(facts: Sequence[_Facts], attribute: str) -> bool:
    return len({getattr(one.sample, attribute) for one in facts}) > 1


def _cut_groups(samples: Sequence[Sample]) -> Iterator[Finding]:
    splits = defaultdict(set)
    for sample in samples:
        splits[sample.group].add(sample.split)
    cut = {group for group, places in splits.items() if len(places) > 1}
    if cut:
        names = tuple(sample.name for sample in samples if sample.group in cut)
        yield Finding("error", f"{len(cut)} groups of shared source are cut by the splits", names)
    else:
        yield Finding("info", f"{len(splits)} groups of shared source")


def _different_settings(facts: Sequence[_Facts]) -> Iterator[Finding]:
    """Warn if a classifier could tell the classes apart by how their files were saved."""
    kinds = [[one for one in facts if one.saved and one.sample.manipulated == kind] for kind in (True, False)]
    if not all(kinds):
        return
    known = {one.saved for one in kinds[0]}
    alike = [one for one in kinds[1] if one.saved in known]
    share = len(alike) / len(kinds[1])
    text = f"{len(alike)} of {len(kinds[1])} pristine photographs were saved like manipulated ones"
    if share < _DIFFERENT:
        text += ": a classifier can read the class off the file; image-level numbers count only equalized"
    formats = Counter(one.saved.split()[0] for one in facts if one.saved)
    text += f" ({', '.join(f'{count} {name}' for name, count in sorted(formats.items()))})"
    yield Finding("warning" if share < _DIFFERENT else "info", text)


def _of(severity: Severity, text: str, facts: Sequence[_Facts], reasons: Sequence[str] = ()) -> Finding:
    """Return a finding on some samples, with their reasons instead of their names if there are any."""
    return Finding(severity, f"{len(facts)} {text}", tuple(reasons or (one.sample.name for one in facts)))
