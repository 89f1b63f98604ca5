"""Which of the things that occur twice in a photo are copies, and which of the two is the copy."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tamperscope.signal.keypoints import repeated
from tamperscope.signal.windows import bounded
from tamperscope.types import Link, Photo

__all__ = ["Alike", "Copies", "alike", "find_copies"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]

# Logistic regressions on photos of the train splits and copies made of them: `benchmarks/copies.py`.
_WEIGHTS, _NONE = np.array([0.67, 5.55, 0.66, 1.77]), -8.04  # of `Alike.figures`
_SIDE = np.array([0.70, 3.24])  # of `Alike.lead`
_LOUD = 0.5  # by which a copy's logit is raised in the heat: with .73 it reaches the threshold of `fusion`
_MOST = 9.2  # of a logit


@dataclass(frozen=True, eq=False)
class Copies:
    """What speaks for copies.

    ``heat`` (rows, columns) of any size in [0, 1]; the ``probability`` that there is a copy; links from
    probable ones to their sources.
    """

    heat: Floats
    probability: float
    links: tuple[Link, ...]


@dataclass(frozen=True, eq=False)
class Alike:
    """Two parts of a photo that look alike, and what speaks for a copy.

    ``points`` were found in both, ``likeness`` is how well they correlate, ``lead`` by how much the part
    looks more manipulated, and its noise more unlike the photo's, than the counterpart. ``links`` lead from
    the part to its counterpart, and back.
    """

    part: Bools
    counterpart: Bools
    points: int
    likeness: float
    lead: list[float]
    links: tuple[Link, Link]

    @property
    def figures(self) -> list[float]:
        """What tells a copy from what is alike; which of both has the lead does not matter."""
        return [float(np.log(self.points + 1)), self.likeness, *map(abs, self.lead)]


def alike(photo: Photo, logits: Floats, unlike: Floats | None, most_pixels: int) -> list[Alike]:
    """Return what occurs twice in a photo, reduced to ``most_pixels``.

    ``logits`` (rows, columns) say how manipulated each block of 8x8 pixels looks; there are none of rows that
    are not in the file. ``unlike`` is the `unlikeness` of their noise, None if unknown.
    """
    plane = cv2.cvtColor(photo.pixels[: 8 * len(logits)], cv2.COLOR_RGB2GRAY)
    shape = plane.shape
    plane = bounded(np.asarray(plane, np.uint8), most_pixels)
    matches = [match for match in repeated(plane) if match.pair.counterpart.any()]
    if not matches:
        return []
    size = plane.shape[::-1]
    noise = np.zeros_like(logits) if unlike is None else unlike
    maps = [
        cv2.resize(one, size, interpolation=cv2.INTER_LINEAR) for one in (logits.clip(-_MOST, _MOST), noise)
    ]
    found = []
    for match in matches:
        pair = match.pair
        lead = [float(one[pair.part].mean() - one[pair.counterpart].mean()) for one in maps]
        links = pair.link(shape), pair.link(shape, back=True)
        found.append(Alike(pair.part, pair.counterpart, match.points, pair.likeness, lead, links))
    return found


def find_copies(pairs: list[Alike]) -> Copies | None:
    """Return what was copied, of what is alike; None if nothing is.

    Things that occur twice are copies the more surely the more exactly they do, and the more manipulated one
    looks beside the other, or the more its noise is unlike the photo's; that one is the copy.
    """
    if not pairs:
        return None
    heat = np.zeros(pairs[0].part.shape, np.float32)
    most, links = -np.inf, []
    for pair in pairs:
        evidence = float(_WEIGHTS @ pair.figures + _NONE)
        lead = float(_SIDE @ pair.lead)
        shares = expit(np.array([lead, -lead]))
        for mask, share in zip((pair.part, pair.counterpart), shares / shares.max(), strict=True):
            heat[mask] = np.maximum(heat[mask], expit(evidence + _LOUD) * share)
        most = max(most, evidence)
        if evidence >= 0:
            links.append(pair.links[lead < 0])
    return Copies(heat, float(expit(most)), tuple(links))
