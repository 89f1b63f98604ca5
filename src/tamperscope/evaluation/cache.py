"""Heatmaps kept on disk, so that measuring again costs no detection: by what they depend on, not by name."""

import hashlib
import inspect
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamperscope import plugins
from tamperscope.detectors._base import Detector
from tamperscope.detectors._refined import Refined, assemble, parts
from tamperscope.errors import MissingEvidence
from tamperscope.io import provenance
from tamperscope.io.paths import write_whole
from tamperscope.types import Localization, Photo

__all__ = ["LIBRARIES", "Cache", "Found", "code_digest"]

LIBRARIES = ("numpy", "scipy", "opencv-python-headless", "pillow", "jpeglib", "onnxruntime", "scikit-image")
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, eq=False)
class Found:
    """What a detector found in a photo: a localization with the threshold for it, or why there is none."""

    localization: Localization | None
    threshold: float
    missing: str = ""


@dataclass(frozen=True)
class Cache:
    """Found before, in a folder that several evaluations may share, also at the same time.

    ``fields`` configures detectors that another one, such as `auto`, chooses.
    """

    folder: Path
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def localize(self, detector: Detector, photo: Photo) -> tuple[Found, bool]:
        """Return what the detector finds in the photo, and whether it was in the cache.

        Raises:
            OutputError: the cache cannot be written.

        """
        path = self.folder / self._key(detector, photo.digest)
        known = _load(path)
        if known:
            return known, True
        found = self._localize(detector, photo)
        write_whole(path, _dump(found))
        return found, False

    def describe(self, detector: Detector) -> dict[str, Any]:
        """Return what identifies a detector, with those that it may choose, fit for JSON."""
        choices = {name: self.describe(self._build(name)) for name in detector.choices}
        facts = {"parameters": plugins.parameters(detector), "weights_digest": detector.weights_digest}
        return {**facts, "choices": choices} if choices else facts

    def _build(self, name: str) -> Detector:
        return assemble(name, self.fields)

    def _localize(self, detector: Detector, photo: Photo) -> Found:
        chosen, _ = detector.resolve(photo, self._build)
        threshold = chosen.own_card.threshold
        try:
            if isinstance(chosen, Refined):  # so that what is measured with and without is found once
                found, _ = self.localize(chosen.detector, photo)
                if found.localization is None:
                    return replace(found, threshold=threshold)
                return Found(chosen.refiner.refine(photo, found.localization, threshold), threshold)
            return Found(chosen.localize(photo), threshold)
        except MissingEvidence as error:
            return Found(None, threshold, str(error))

    def _key(self, detector: Detector, digest: str) -> Path:
        """Return the place below the folder that belongs to all that the result depends on."""
        name = plugins.name_of(detector)
        facts = digest, name, self.describe(detector), code_digest(name)
        key = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
        return Path(name, key[:2], f"{key[2:]}.npz")


@cache
def code_digest(name: str) -> str:
    """Return the SHA-256 of the code that a detector's result depends on, and of the libraries' versions.

    The detector's own file, those it chooses from, and what every detector may use: another detector's change
    leaves its results in place.
    """
    return provenance.code_digest(_sources(name), LIBRARIES)


def _sources(name: str) -> Iterator[Path]:
    for package in ("io", "refine", "segmenters", "signal"):
        yield from sorted((_PACKAGE / package).glob("*.py"))
    yield from sorted((_PACKAGE / "detectors").glob("_*.py"))
    yield _PACKAGE / "types.py"
    detector, refiners = parts(name)
    for choice in plugins.load("detectors", detector).choices:
        chosen, more = parts(choice)
        yield from _files(plugins.load("detectors", chosen))
        refiners += more
    yield from _files(plugins.load("detectors", detector))
    for refiner in refiners:
        yield from _files(plugins.load("refine", refiner))


def _files(kind: type) -> list[Path]:
    """Return the files of a plugin's class and of those that it is made from."""
    own = [one for one in kind.__mro__ if one.__module__ not in sys.stdlib_module_names]
    return [Path(inspect.getfile(one)) for one in own]


def _dump(found: Found) -> bytes:
    facts = {"threshold": found.threshold, "missing": found.missing}
    arrays: dict[str, NDArray[np.generic]] = {}
    if found.localization:
        facts |= {"score": found.localization.score, "reason": found.localization.reason}
        arrays["heatmap"] = found.localization.heatmap
        if found.localization.valid is not None:
            arrays["valid"] = found.localization.valid
    arrays["facts"] = np.array(json.dumps(facts))
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():  # NumPy's own writer would spend its time on the last few percent
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)
    return stream.getvalue()


def _load(path: Path) -> Found | None:
    """Return what was kept; None if there is nothing, or it is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            if facts["missing"]:
                return Found(None, facts["threshold"], facts["missing"])
            valid = stored.get("valid")
            found = Localization(stored["heatmap"], facts["score"], valid, reason=facts["reason"])
            return Found(found, facts["threshold"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError):
        return None
