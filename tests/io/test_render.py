import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

import photos
from tamperscope.io import render
from tamperscope.io.decode import decode
from tamperscope.io.render import draw_evidence, draw_heatmap, draw_mask, draw_overlay, upright
from tamperscope.types import Localization


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def ramp(height: int = 48, width: int = 80) -> Localization:
    return Localization(np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1)), 0.5)


def test_the_heatmap_is_grey_and_exact() -> None:
    drawn = picture(draw_heatmap(ramp()))
    assert drawn.shape == (48, 80)
    assert drawn.dtype == np.uint8
    assert np.array_equal(drawn, np.rint(ramp().heatmap * 255))


def test_the_mask_has_two_values() -> None:
    drawn = picture(draw_mask(ramp(), 0.5))
    assert np.array_equal(drawn, np.where(ramp().heatmap >= 0.5, 255, 0))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_agrees_with_pillow(orientation: int) -> None:
    stored = photos.decode_pixels(photos.oriented(orientation))
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(photos.oriented(orientation))))
    assert np.array_equal(upright(stored, orientation), np.asarray(expected))


def test_the_overlay_is_upright_and_the_maps_are_as_stored() -> None:
    photo = decode(photos.oriented(6))
    assert picture(draw_overlay(photo, ramp(), 0.5)).shape == (80, 48, 3)
    assert picture(draw_heatmap(ramp())).shape == (48, 80)


def test_the_overlay_shows_heat_outline_and_what_cannot_be_judged() -> None:
    photo = decode(photos.encode(photos.crop(48, 80)))
    heatmap = np.zeros((48, 80), np.float32)
    heatmap[10:30, 10:40] = 1
    heatmap[5:9, 65:75] = 1
    valid = np.ones((48, 80), bool)
    valid[:, 60:] = False
    drawn = picture(draw_overlay(photo, Localization(heatmap, 1.0, valid), 0.5)).astype(int)
    grey = np.ptp(drawn, axis=2) == 0
    assert not grey[15:25, 15:35].any(), "heat has colour"
    assert grey[:, 45:60].all(), "the rest is the photo in grey"
    assert (drawn[10, 10:40] == 255).all(), "the region's outline is white"
    for shade in (60, 220):
        assert (drawn[:, 60:] == shade).all(axis=2).mean() > 0.05, "stripes cover what cannot be judged"
    assert grey[:, 60:].all(), "no heat where it cannot be judged"


def test_a_photo_of_one_pixel_can_be_drawn() -> None:
    photo = decode(photos.awkward("1x1.png"))
    assert picture(draw_overlay(photo, Localization(np.ones((1, 1), np.float32), None), 0.5)).shape == (
        1,
        1,
        3,
    )


@pytest.mark.parametrize("count", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("shape", [(1, 1), (48, 80), (900, 300)])
def test_the_sheet_of_evidence_has_a_panel_for_each(count: int, shape: tuple[int, int]) -> None:
    photo = decode(photos.encode(np.full((*shape, 3), 99, np.uint8)))
    found = [(f"detector {place}", "no evidence " * 20, ramp(*shape), 0.5) for place in range(count)]
    sheet = picture(draw_evidence(photo, found))
    across = int(np.ceil(np.sqrt(count + 1)))
    down = -(-(count + 1) // across)
    panels = [panel for row in np.split(sheet, down) for panel in np.split(row, across, axis=1)]
    inked = [panel.min() < 200 for panel in panels]
    assert inked == [place <= count for place in range(across * down)]


def test_what_can_be_trusted_does_not_look_suspicious() -> None:
    photo = decode(photos.encode(photos.crop(48, 80)))
    trust = np.ones((6, 10), np.float32)
    trust[:, :5] = 0
    panels = {}
    for name in ("reliability", "residuals"):
        found = replace(ramp(48, 80), evidence={name: trust})
        sheet = picture(draw_evidence(photo, [("detector", "no evidence", found, 0.5)])).astype(int)
        half = sheet[sheet.shape[0] // 2 :, : sheet.shape[1] // 2]
        panels[name] = half[56:104, 10:90]
    assert np.ptp(panels["residuals"], axis=2).max() > 100, "heat has colour"
    assert not np.ptp(panels["reliability"], axis=2).any()
    assert (panels["reliability"][5:-5, 5:30] == 0).all()
    assert (panels["reliability"][5:-5, 50:-5] == 255).all()
    assert (panels["reliability"][5:-5, -1] == 128).all(), "white would be lost on the sheet"


def test_the_sheet_says_how_to_read_what_can_be_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    panel = render._panel

    def spied(shown: NDArray[np.uint8], title: str, line: str) -> NDArray[np.uint8]:
        said.append(line)
        return panel(shown, title, line)

    monkeypatch.setattr(render, "_panel", spied)
    found = replace(ramp(48, 80), evidence={"reliability": np.ones((6, 10), np.float32)})
    draw_evidence(decode(photos.encode(photos.crop(48, 80))), [("detector", "no evidence", found, 0.5)])
    assert said[-1] == "reliability (bright: can be trusted)"


def test_the_sheet_shows_the_maps_that_led_to_a_heatmap() -> None:
    photo = decode(photos.encode(np.full((48, 80, 3), 99, np.uint8)))
    small = np.zeros((6, 6), np.float32)
    small[:, 3:] = 1
    found = replace(ramp(48, 80), evidence={"left view": small, "right view": small[:, ::-1]})
    sheet = picture(draw_evidence(photo, [("detector", "no evidence", found, 0.5)]))
    first, second = (sheet[sheet.shape[0] // 2 :, side] for side in np.split(np.arange(sheet.shape[1]), 2))
    middle = first.shape[0] // 2 + 20
    assert first[middle, 80].sum() > first[middle, 20].sum(), "hot where the map is, on the right"
    assert second[middle, 20].sum() > second[middle, 80].sum()


def test_specks_that_are_no_region_are_not_outlined() -> None:
    heatmap = np.zeros((100, 200), np.float32)
    heatmap[10:17, 10:19] = 1  # 63 pixels
    photo = decode(photos.encode(np.zeros((100, 200, 3), np.uint8)))
    inside = np.s_[5:22, 5:24]
    speck = picture(draw_overlay(photo, Localization(heatmap, None), 0.5))[inside]
    heatmap[17, 10] = 1
    region = picture(draw_overlay(photo, Localization(heatmap, None), 0.5))[inside]
    assert not (speck == 255).all(axis=2).any()
    assert (region == 255).all(axis=2).any()
