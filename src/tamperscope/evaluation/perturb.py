"""What happens to photographs on their way, at chosen strengths, with the truth following the geometry."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tamperscope.errors import InvalidParameter, TooLarge
from tamperscope.io.decode import Limits
from tamperscope.io.encode import encode_jpeg, encode_png
from tamperscope.io.jpeg import standard_table
from tamperscope.types import Photo

__all__ = ["KINDS", "Perturbation", "Version", "equalize", "parse_perturbations", "random"]

Pixels = NDArray[np.uint8]
Truth = NDArray[np.bool_]
Version = tuple[bytes, Truth]  # a file's bytes, and the truth of its size


@dataclass(frozen=True)
class _Kind:
    """How a perturbation changes pixels, and the strengths that it may have."""

    meaning: str
    low: float
    high: float
    change: Callable[[Pixels, Truth, float, np.random.Generator], tuple[Pixels, Truth]]


def _keep(pixels: Pixels, truth: Truth, strength: float, rng: np.random.Generator) -> tuple[Pixels, Truth]:  # noqa: ARG001
    return pixels, truth


def _resize(pixels: Pixels, truth: Truth, factor: float, rng: np.random.Generator) -> tuple[Pixels, Truth]:  # noqa: ARG001
    height, width = (max(1, round(length * factor)) for length in truth.shape)
    if height * width > Limits.pixels or max(height, width) > Limits.side:
        raise TooLarge(f"it would be {width}x{height} once resized", "choose a smaller factor")
    # Lanczos with a support that grows as the picture shrinks, as editors and web sites do it.
    smaller = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
    mask = cv2.resize(truth.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(smaller), mask.astype(bool)


def _crop(pixels: Pixels, truth: Truth, count: float, rng: np.random.Generator) -> tuple[Pixels, Truth]:  # noqa: ARG001
    rows, columns = (min(int(count), length - 1) for length in truth.shape)
    return pixels[rows:, columns:], truth[rows:, columns:]


def _blur(pixels: Pixels, truth: Truth, sigma: float, rng: np.random.Generator) -> tuple[Pixels, Truth]:  # noqa: ARG001
    return cv2.GaussianBlur(pixels, (0, 0), sigma), truth


def _add_noise(pixels: Pixels, truth: Truth, sigma: float, rng: np.random.Generator) -> tuple[Pixels, Truth]:
    noisy = pixels + rng.normal(0, sigma, pixels.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8), truth


KINDS = {
    "jpeg": _Kind("saved as JPEG of this quality, 4:2:0", 1, 100, _keep),
    "resize": _Kind("resized by this factor (Lanczos)", 0.05, 4, _resize),
    "crop": _Kind("this many pixels cut off at the left and at the top", 1, 10_000, _crop),
    "blur": _Kind("Gaussian blur of this standard deviation in pixels", 0.1, 100, _blur),
    "noise": _Kind("Gaussian noise of this standard deviation, of 255", 0.1, 255, _add_noise),
}


@dataclass(frozen=True)
class Perturbation:
    """One kind at one strength; see `KINDS`."""

    kind: str
    strength: float

    @property
    def name(self) -> str:
        """As it is asked for: ``jpeg:75``."""
        return f"{self.kind}:{self.strength:g}"

    def apply(self, photo: Photo, truth: Truth, seed: int) -> Version:
        """Return the perturbed file and its truth; noise depends on the seed and the photo's bytes only.

        All but "jpeg" are saved as the photo was: with its own quantisation tables, or without loss.
        """
        pixels, mask = KINDS[self.kind].change(photo.pixels, truth, self.strength, random(photo, seed))
        if self.kind == "jpeg":
            return _save_at(photo, pixels, round(self.strength)), mask
        return _save_like(photo, pixels), mask


def parse_perturbations(texts: Iterable[str]) -> list[Perturbation]:
    """Return what ``["jpeg:95,75", "resize:0.5"]`` asks for.

    Raises:
        InvalidParameter: no such kind, or a strength that it cannot have.

    """
    return list(dict.fromkeys(found for text in texts for found in _parse(text)))


def _parse(text: str) -> Iterator[Perturbation]:
    kind, _, strengths = text.partition(":")
    if kind not in KINDS:
        raise InvalidParameter(f"there is no perturbation {kind!r}", f"choose from {', '.join(KINDS)}")
    low, high = KINDS[kind].low, KINDS[kind].high
    for word in strengths.split(","):
        try:
            strength = float(word)
        except ValueError:
            strength = np.nan
        if not low <= strength <= high or (kind in ("jpeg", "crop") and strength != int(strength)):
            raise InvalidParameter(
                f"{kind} cannot have strength {word!r}",
                f"give {kind}:STRENGTH from {low:g} to {high:g}: {KINDS[kind].meaning}",
            )
        yield Perturbation(kind, strength)


def equalize(photo: Photo, truth: Truth, seed: int, qualities: tuple[int, int]) -> Version:
    """Save the photo as JPEG 4:2:0 of a quality drawn evenly from ``qualities``, both included.

    The draw depends on the seed and the photo's bytes, not on its class: a classifier can no longer tell the
    classes apart by the quality that they were published in. What earlier savings left in the pixels stays.
    """
    quality = int(random(photo, seed).integers(*qualities, endpoint=True))
    return _save_at(photo, photo.pixels, quality), truth


def random(photo: Photo, seed: int) -> np.random.Generator:
    """Return a generator that depends on the seed and the photo's bytes alone, not on any order."""
    return np.random.default_rng([seed, int(photo.digest[:16], 16)])


def _save_like(photo: Photo, pixels: Pixels) -> bytes:
    if photo.jpeg is None:
        return encode_png(pixels)
    return encode_jpeg(_like(photo, pixels), photo.jpeg.tables, photo.jpeg.subsampling)


def _save_at(photo: Photo, pixels: Pixels, quality: int) -> bytes:
    tables = [standard_table(quality), standard_table(quality, chroma=True)]
    drawn = _like(photo, pixels)
    return encode_jpeg(drawn, tables[: 1 if drawn.ndim == 2 else 2])


def _like(photo: Photo, pixels: Pixels) -> Pixels:
    """Return grey pixels of a grey JPEG, whose three channels are the same."""
    grey = photo.jpeg is not None and len(photo.jpeg.tables) == 1
    return np.ascontiguousarray(pixels[..., 0]) if grey else pixels
