"""Draws the pictures of docs/guide from the public-domain photographs of the demonstration."""

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

import tamperscope
from tamperscope.errors import MissingWeights
from tamperscope.forge.history import Pixels, Saving
from tamperscope.forge.sensor import sense
from tamperscope.io.render import draw_evidence

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

_PLACE, _RADIUS = (150, 300), 95


def paste(host: Pixels, part: Pixels, place: tuple[int, int] = _PLACE, radius: int = _RADIUS) -> Pixels:
    """Lay the middle of a part over the host."""
    height, width = part.shape[:2]
    pixels: Pixels = host.copy()
    rows, columns = np.ogrid[:height, :width]
    inside = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 <= radius**2
    pixels[place[0] : place[0] + height, place[1] : place[1] + width][inside] = part[inside]
    return pixels


def cases() -> Iterator[tuple[str, bytes]]:
    """Yield for each detector a forgery of the kind that it was made for."""
    from photos import scene

    coffee, head = scene("coffee"), np.s_[20:220, 130:330]
    part = scene("chelsea")[head]
    twice = Saving("standard", 92).encode(paste(Saving("standard", 62).wear(coffee), part))
    yield "dct", twice
    yield "adjpeg", twice
    shifted = Saving("standard", 62).wear(coffee, (3, 5))
    yield "nadjpeg", Saving("standard", 93).encode(paste(shifted, part))
    other = Saving("standard", 40).wear(scene("chelsea"), (4, 4))[head]
    yield "blk", Saving().encode(paste(Saving("standard", 40).wear(coffee), other))
    turn = cv2.getRotationMatrix2D((75, 75), 30, 1)
    turned = cv2.warpAffine(coffee[180:330, 60:210], turn, (150, 150), flags=cv2.INTER_CUBIC)
    yield "patchmatch", Saving("standard", 85).encode(paste(coffee, turned, (30, 400), 60))
    noisy = part + np.random.default_rng(0).normal(0, 7, part.shape)
    yield "noi", Saving().encode(paste(coffee, np.clip(noisy, 0, 255).astype(np.uint8)))
    pasted = Saving("standard", 90).encode(paste(coffee, part))
    for name in ("conv_lstm", "fcn", "semi_global", "mfcn"):
        yield name, pasted
    for name in ("wcbnet", "resnet", "fusion", "fusion_open"):
        yield name, twice
    camera, _ = sense(coffee, np.random.default_rng(1))
    yield "cfa", Saving().encode(paste(camera, part))
    yield "residual", Saving().encode(paste(camera, part))
    yield "ela", Saving("standard", 90).encode(paste(Saving("standard", 70).wear(coffee), part))


def refinements() -> Iterator[tuple[str, str, bytes]]:
    """Yield forgeries whose maps a CRF betters, and harms, with the detector's name."""
    from photos import scene

    coffee, part = scene("coffee"), scene("chelsea")[20:220, 130:330]
    saved = Saving("standard", 62).wear(coffee)
    yield "crf-helps", "adjpeg", Saving("standard", 92).encode(paste(saved, part))
    wood = coffee[300:340, 480:520]
    small = paste(paste(saved, wood, (90, 500), 20), wood, (220, 520), 12)
    yield "crf-harms", "adjpeg", Saving("standard", 92).encode(small)


def draw(path: Path, data: bytes, *names: str) -> None:
    """Write what detectors find in a photo."""
    photo, built = tamperscope.load(data), [tamperscope.detector(name) for name in names]
    sheet = draw_evidence(
        photo,
        [
            (f"{name}: {one.card.title}", "", one.localize(photo), one.own_card.threshold)
            for name, one in zip(names, built, strict=True)
        ],
    )
    picture = cv2.imdecode(np.frombuffer(sheet, np.uint8), cv2.IMREAD_COLOR)
    smaller = cv2.resize(picture, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), smaller, [cv2.IMWRITE_WEBP_QUALITY, 80])
    print(path)


def main() -> None:
    guide = ROOT / "docs" / "guide"
    for name, data in cases():
        try:
            tamperscope.detector(name).prepare()
        except MissingWeights as error:
            print(error)
            continue
        draw(guide / "detectors" / f"{name}.webp", data, name)
    for title, name, data in refinements():
        draw(guide / f"{title}.webp", data, name, f"{name}+crf")


if __name__ == "__main__":
    main()
