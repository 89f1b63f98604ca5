"""All photos of a case at a glance, the gravest first."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tamperscope.report.json import VERDICTS, written

__all__ = ["Line", "counted", "counts", "gravest_first"]


@dataclass(frozen=True)
class Line:
    """A photo: its number in the report, the overall verdict, and the highest score of its detectors."""

    number: int
    name: str
    verdict: str
    score: float | None

    @property
    def shown(self) -> str:
        """The score for people."""
        return "" if self.score is None else written(self.score)


def gravest_first(lines: Iterable[Line]) -> list[Line]:
    """Return the lines by verdict, and those of a verdict by score, the highest first."""
    return sorted(lines, key=lambda one: (VERDICTS.index(one.verdict), one.score is None, -(one.score or 0)))


def counts(lines: Iterable[Line], failed: int, unread: int) -> str:
    """Return how many photos got each verdict, and how many files none.

    >>> counts([Line(1, "a.jpg", "manipulated", 0.9)], 2, 0)
    '1 photo: 1 manipulated. 2 files could not be analysed: see the end.'
    """
    found = Counter(one.verdict for one in lines)
    verdicts = ", ".join(f"{found[one]} {one}" for one in VERDICTS if found[one])
    said = [f"{counted(found.total(), 'photo')}{': ' * bool(verdicts)}{verdicts}."]
    if failed:
        said.append(f"{counted(failed, 'file')} could not be analysed: see the end.")
    if unread:
        said.append(f"{counted(unread, 'result')} could not be read: see the end.")
    return " ".join(said)


def counted(number: int, noun: str) -> str:
    """Return how many there are, in words.

    >>> counted(2, "photo")
    '2 photos'
    """
    return f"{number} {noun}{'s' * (number != 1)}"
