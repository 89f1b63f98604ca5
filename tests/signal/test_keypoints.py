import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import photos
from forging import copied
from tamperscope.forge.history import Saving
from tamperscope.signal.keypoints import Match, repeated


def found(pixels: photos.Pixels, quality: float | None = None) -> list[Match]:
    worn = Saving("standard", quality, "4:4:4").wear(pixels)
    return repeated(cv2.cvtColor(worn, cv2.COLOR_RGB2GRAY))


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize(
    ("angle", "scale", "quality"),
    [(0, 1, None), (0, 1, 75), (25, 1, None), (-70, 1, 90), (180, 1, 95), (0, 0.7, 95), (-30, 1.3, 90)],
)
def test_a_copy_is_found_with_its_source(angle: float, scale: float, quality: float | None) -> None:
    pixels, source, copy = copied(angle, scale)
    match = max(found(pixels, quality), key=lambda match: match.points)
    pair = match.pair
    forth = overlap(pair.part, source) > overlap(pair.part, copy)
    assert overlap(pair.part, source if forth else copy) > 0.6
    assert overlap(pair.counterpart, copy if forth else source) > 0.6
    assert match.points >= 4
    assert pair.likeness > 0.6
    link = pair.link((pixels.shape[0], pixels.shape[1]))
    assert link.scale == pytest.approx(scale if forth else 1 / scale, rel=0.05)
    back = pair.link((pixels.shape[0], pixels.shape[1]), back=True)
    assert (back.x, back.y, back.to_x, back.to_y) == (link.to_x, link.to_y, link.x, link.y)
    assert back.scale * link.scale == pytest.approx(1, abs=2e-3)
    assert (back.turn + link.turn + 1) % 360 == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("name", ["coffee", "chelsea"])
def test_a_photo_without_copies_has_none(name: str) -> None:
    assert not found(photos.scene(name), 90)


def test_a_symmetric_thing_is_no_copy() -> None:
    half = photos.scene()[:, 200:400]
    assert not found(np.concatenate([half, half[:, ::-1]], axis=1), 95)


def test_the_same_picture_gives_the_same() -> None:
    pixels, _, _ = copied()
    one, other = found(pixels, 80), found(pixels, 80)
    assert [match.points for match in one] == [match.points for match in other]
    assert all(np.array_equal(a.pair.heat, b.pair.heat) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (40, 40), (1, 300)])
@pytest.mark.parametrize("kind", ["flat", "noise"])
def test_any_small_picture_will_do(shape: tuple[int, int], kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert repeated(noise if kind == "noise" else np.full(shape, 9, np.uint8)) == []
