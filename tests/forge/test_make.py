"""One forgery: exact masks, untouched surroundings, every option reachable, traces as the recipe says."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import photos
from forging import host_and_donor
from tamperscope import plugins
from tamperscope.errors import Defect, InvalidParameter, MissingEvidence
from tamperscope.forge import cover, make, remove, retouch
from tamperscope.forge._paste import Edit, Pixels
from tamperscope.forge.develop import caption
from tamperscope.forge.launder import launder
from tamperscope.forge.make import Forgery, forge, twins
from tamperscope.forge.outlines import SHAPES, draw_outline
from tamperscope.forge.recipe import PRESETS, Recipe
from tamperscope.io.decode import decode

CERTAIN = Recipe(pristine=0, launder=0, off_grid=0, host_jpeg=0)


def made(recipe: Recipe, seed: int = 0, height: int = 200) -> Forgery:
    host, donor = host_and_donor(height, height + 40)
    return forge(host, [donor], recipe, np.random.default_rng(seed))


@pytest.mark.parametrize("kind", ["splice", "copy_move", "remove", "retouch", "cover"])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_outside_the_mask_nothing_changes_and_inside_something_does(kind: str, seed: int) -> None:
    host, donor = host_and_donor()
    found = forge(host, [donor], replace(CERTAIN, kinds={kind: 1}), np.random.default_rng(seed))
    assert found.mask.any()
    assert not found.mask.all()
    np.testing.assert_array_equal(found.pixels[~found.mask], host[~found.mask])
    assert (found.pixels != host).any(axis=2)[found.mask].mean() > 0.2
    named = {"copy_move": "copy-move", "remove": "removal", "retouch": "retouching"}
    assert found.kind == named.get(kind, kind)


@given(st.sampled_from(sorted(PRESETS)), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_any_preset_makes_whole_files(preset: str, seed: int) -> None:
    found = made(PRESETS[preset], seed, height=256)  # `edited` reduces to a quarter
    photo = decode(found.encode())
    assert (photo.height, photo.width) == found.mask.shape == found.pixels.shape[:2]
    assert found.mask.any() == bool(found.kind)
    assert (photo.jpeg is None) == (found.parameters["final"]["format"] == "PNG")


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_the_same_generator_makes_the_same(seed: int) -> None:
    one, other = made(PRESETS["default"], seed), made(PRESETS["default"], seed)
    assert one.encode() == other.encode()
    assert one.parameters == other.parameters
    np.testing.assert_array_equal(one.mask, other.mask)


def test_every_option_is_reached() -> None:
    seen: set[Any] = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            seen.update(value)
            for part in value.values():
                collect(part)
        elif isinstance(value, list):
            for part in value:
                collect(part)
        elif isinstance(value, str):
            seen.add(value)

    for seed in range(200):
        found = made(replace(PRESETS["default"], launder=0.5), seed)
        collect(found.parameters)
        seen.add(found.kind)
    assert seen >= {"", "splice", "copy-move", "removal", "telea", "navier-stokes", "clone", "heal"}
    assert seen >= {"segment", "blob", "lasso", "ellipse", "box", "noise", "blur", "sharpen", "brightness"}
    assert seen >= {"standard", "editor", "camera", "4:2:0", "4:2:2", "4:4:4", "PNG", "JPEG"}
    assert seen >= {"flipped", "angle", "scale", "feather", "match_colours", "host", "donor", "cropped"}
    assert seen >= {"resize", "recompress", "screenshot", "crop", "bilinear", "bicubic", "lanczos"}


def test_pristine_ones_are_saved_like_the_others() -> None:
    recipe = replace(PRESETS["default"], pristine=0.5)
    found = [made(recipe, seed) for seed in range(160)]
    for fact in ("format", "family", "subsampling"):
        shares = [
            np.mean(
                [
                    one.parameters["final"].get(fact) in ("JPEG", "standard", "4:2:0")
                    for one in found
                    if one.kind == kind or (kind and one.kind)
                ]
            )
            for kind in ("", "manipulated")
        ]
        assert abs(shares[0] - shares[1]) < 0.2


def test_without_donors_nothing_is_spliced() -> None:
    host, _ = host_and_donor()
    kinds = {forge(host, [], CERTAIN, np.random.default_rng(seed)).kind for seed in range(20)}
    assert kinds == {"copy-move", "removal"}
    only = replace(CERTAIN, kinds={"splice": 1})
    assert forge(host, [], only, np.random.default_rng(0)).kind == ""


@pytest.mark.parametrize("kind", sorted(SHAPES))
@pytest.mark.parametrize("share", [0.005, 0.05, 0.3])
def test_outlines_have_about_the_area_asked_for(kind: str, share: float) -> None:
    _, guide = host_and_donor()
    rng = np.random.default_rng(7)
    areas = np.array([draw_outline(kind, guide, share, rng).mean() for _ in range(20)])
    assert (areas > 0).all()
    assert (areas < 1).all()
    assert areas.min() > 0.8 * share
    assert np.median(areas) < 2.5 * share


@pytest.mark.parametrize("kind", sorted(SHAPES))
def test_what_is_pasted_is_hardly_ever_cut_by_its_photograph_s_frame(kind: str) -> None:
    _, guide = host_and_donor()
    rng = np.random.default_rng(8)
    masks = [draw_outline(kind, guide, 0.03, rng) for _ in range(40)]
    cut = [mask[[0, -1]].any() or mask[:, [0, -1]].any() for mask in masks]
    assert np.mean(cut) < 0.3


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(sorted(SHAPES)), st.integers(0, 99))
def test_outlines_of_any_small_picture(height: int, width: int, kind: str, seed: int) -> None:
    if height * width < 2:
        return
    guide = np.zeros((height, width, 3), np.uint8)
    mask = draw_outline(kind, guide, 0.1, np.random.default_rng(seed))
    assert mask.shape == (height, width)
    assert mask.any()
    assert not mask.all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_laundering_moves_the_mask_with_the_picture(seed: int) -> None:
    mask = np.zeros((160, 200), bool)
    mask[40:100, 60:150] = True
    pixels = np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)
    found, moved, steps = launder(pixels, mask, np.random.default_rng(seed))
    assert steps
    assert found.shape[:2] == moved.shape
    assert ((found[..., 0] > 127) != moved).mean() < 0.02


@pytest.mark.parametrize("method", ["telea", "navier-stokes", "heal", "clone"])
def test_what_shows_through_a_soft_edge_is_filled_too(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remove, "_METHODS", {method: 1.0})
    host = np.random.default_rng(0).integers(0, 256, (128, 160, 3), np.uint8)
    recipe = replace(CERTAIN, kinds={"remove": 1}, area=(0.01, 0.01), feather=1, feather_width=(4, 4))
    for seed in range(5):
        found = forge(host, [], recipe, np.random.default_rng(seed))
        assert (found.pixels != host).any(axis=2)[found.mask].mean() > 0.85


@pytest.mark.parametrize("method", ["clone", "heal"])
def test_a_hole_is_filled_from_where_its_surroundings_recur(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remove, "_METHODS", {method: 1.0})
    tile = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    host = np.tile(np.kron(tile, np.ones((4, 4, 1), np.uint8)), (6, 6, 1))  # recurs every 32 pixels
    outline = np.zeros(host.shape[:2], bool)
    outline[70:90, 80:100] = True
    rng = np.random.default_rng(1)
    edit = remove.remove(host, host, outline, replace(CERTAIN, touch_up=0, feather=0), rng)
    assert np.abs(edit.pixels.astype(int) - host).mean() < 0.1


@pytest.mark.parametrize("kind", ["splice", "copy_move", "remove"])
def test_what_was_done_to_a_part_is_recorded(kind: str) -> None:
    for seed in range(8):
        edit = made(replace(CERTAIN, kinds={kind: 1}, touch_up=1, feather=1), seed).parameters["edit"]
        assert {"touch_up", "touch_up_strength", "feather", "outline", "share", "corner"} <= set(edit)


@pytest.mark.parametrize("method", sorted(retouch._WORKS))
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_working_over_a_part_leaves_what_it_shows(method: str, seed: int) -> None:
    host = photos.crop(96, 120)
    found = retouch._WORKS[method](host, np.random.default_rng(seed))
    assert found.dtype == np.uint8
    assert found.shape == host.shape
    assert (found != host).mean() > 0.1
    blurred = [cv2.GaussianBlur(one.mean(axis=2), (0, 0), 6) for one in (host, found)]
    assert np.corrcoef(blurred[0].ravel(), blurred[1].ravel())[0, 1] > 0.95


def test_every_retouch_is_recorded() -> None:
    recipe = replace(CERTAIN, kinds={"retouch": 1})
    edits = [made(recipe, seed).parameters["edit"] for seed in range(60)]
    assert {edit["method"] for edit in edits} == set(retouch._WORKS)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_what_is_covered_shows_less_of_itself(seed: int) -> None:
    host = photos.crop(96, 120)

    def covered(method: str) -> Pixels:
        found = cover._COVERS[method](host, np.random.default_rng(seed))
        assert found.dtype == np.uint8
        assert found.shape == host.shape
        return found

    def steps(pixels: Pixels, axis: int = 0) -> NDArray[np.int_]:
        return np.diff(pixels.astype(int), axis=axis)

    assert not np.ptp(covered("fill"), axis=(0, 1)).any()
    for axis in (0, 1):  # each colour only rises, or only falls, either way
        signs = np.sign(steps(covered("grade"), axis))
        assert not (signs.min((0, 1)) * signs.max((0, 1)) < 0).any()
    assert np.abs(steps(covered("blur"))).max() < np.abs(steps(host)).max() / 4
    assert len(np.unique(covered("pixelate").reshape(-1, 3), axis=0)) <= (96 // 5) * (120 // 5)


def test_every_cover_is_recorded() -> None:
    recipe = replace(CERTAIN, kinds={"cover": 1})
    edits = [made(recipe, seed).parameters["edit"] for seed in range(40)]
    assert {edit["method"] for edit in edits} == set(cover._COVERS)


def test_a_photograph_may_be_developed_as_a_whole() -> None:
    recipe = replace(CERTAIN, pristine=1, develop=1, off_grid=0)
    host, _ = host_and_donor()
    found = [made(recipe, seed) for seed in range(12)]
    assert {one.parameters["develop"]["method"] for one in found} == {"smooth", "sharpen", "grain", "tone"}
    for one in found:
        assert not one.mask.any()
        assert (one.pixels != host).any(axis=2).mean() > 0.3


def test_text_is_no_manipulation_and_hides_what_is_below() -> None:
    pixels = photos.crop(200, 240)
    bands = []
    for seed in range(30):
        found, mask, facts = caption(pixels, np.ones((200, 240), bool), np.random.default_rng(seed))
        changed = (found != pixels).any(axis=2)
        bands.append(facts["band"])
        assert changed.any()
        assert not mask[changed].any()
        assert 0.8 < mask.mean() < 1
    assert set(bands) == {True, False}


def test_a_captioned_forgery_stays_one() -> None:
    for seed in range(20):
        found = made(replace(CERTAIN, caption=1, area=(0.005, 0.01)), seed)
        assert found.mask.any()
        assert found.kind


def test_what_is_too_small_is_refused() -> None:
    host, _ = host_and_donor(200, 240)
    with pytest.raises(InvalidParameter, match=r"240x63 pixels are too few.*at least 64 pixels a side"):
        forge(host[:63], [], CERTAIN, np.random.default_rng(0))
    with pytest.raises(InvalidParameter, match="1x1 pixels"):
        forge(host, [host[:1, :1]], CERTAIN, np.random.default_rng(0))
    with pytest.raises(InvalidParameter, match="at least 128"):
        forge(host[:100], [], PRESETS["clean"], np.random.default_rng(0))


def test_the_smallest_photographs_work() -> None:
    rng = np.random.default_rng(0)
    host, donor = (rng.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(2))
    for seed in range(60):
        found = forge(host, [donor], replace(PRESETS["laundered"], pristine=0), np.random.default_rng(seed))
        assert found.mask.any()
        assert not found.mask.all()
        assert found.encode()


def test_where_nothing_can_be_seen_nothing_is_called_manipulated() -> None:
    black = np.zeros((96, 96, 3), np.uint8)
    recipe = replace(CERTAIN, touch_up=0, donor_jpeg=0)
    found = [forge(black, [black], recipe, np.random.default_rng(seed)) for seed in range(12)]
    assert {(one.kind, bool(one.mask.any())) for one in found} == {("", False)}


def test_a_manipulation_that_spills_over_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def spill(host: Any, *_: Any) -> Edit:
        mask = np.zeros(host.shape[:2], bool)
        mask[:9, :9] = True
        return Edit(host ^ 1, mask)

    monkeypatch.setitem(make._EDITS, "splice", spill)
    with pytest.raises(Defect, match="changed pixels outside its mask"):
        made(replace(CERTAIN, kinds={"splice": 1}))


def auc(recipe: Recipe, count: int = 40) -> float:
    """Mean pixel AUC of adjpeg over forgeries."""
    detector = plugins.build("detectors", "adjpeg")
    areas = []
    for seed in range(count):
        host, donor = host_and_donor(300, 400)
        found = forge(host, [donor], replace(recipe, pristine=0), np.random.default_rng(seed))
        try:
            heat = detector.localize(decode(found.encode())).heatmap
        except MissingEvidence:
            continue
        areas.append(float(roc_auc_score(found.mask.ravel(), heat.ravel())))
    assert len(areas) == count
    return float(np.mean(areas))


FLOORS: list[tuple[str, Callable[[float], bool]]] = [
    ("aligned", lambda value: value >= 0.90),
    ("clean", lambda value: 0.45 <= value <= 0.55),
]


@pytest.mark.parametrize(("preset", "holds"), FLOORS)
def test_traces_are_there_exactly_where_the_recipe_says(preset: str, holds: Callable[[float], bool]) -> None:
    # The photographs of the tests were never compressed, so they need not be shrunk first.
    assert holds(auc(replace(PRESETS[preset], shrink=(1, 1))))


def test_photographs_are_reduced_as_often_as_it_says() -> None:
    recipe = replace(PRESETS["clean"], shrink=(0.5, 0.5), shrunk=0.3, off_grid=0)
    host = photos.crop(128, 128)
    made = [forge(host, [], recipe, np.random.default_rng(seed)) for seed in range(200)]
    assert 0.2 < np.mean([one.mask.shape == (64, 64) for one in made]) < 0.4


@pytest.mark.parametrize("preset", sorted(PRESETS))
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=8)
def test_twins_differ_by_the_manipulation_alone(preset: str, seed: int) -> None:
    host, donor = host_and_donor(256, 296)
    one, other = twins(host, [donor], PRESETS[preset], np.random.default_rng(seed))
    assert not one.kind
    assert not one.mask.any()
    assert other.kind
    assert {**one.parameters, "edit": other.parameters["edit"]} == other.parameters
    assert one.saving == other.saving
    assert one.pixels.shape == other.pixels.shape


def test_twins_fall_back_together_where_nothing_is_left_of_the_mask() -> None:
    host = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    tiny = Recipe(kinds={"retouch": 1}, outlines={"ellipse": 1}, area=(1e-4, 3e-4), feather=0, off_grid=1)
    pairs = [twins(host, [host], tiny, np.random.default_rng(seed)) for seed in range(60)]
    lost = [pair for pair in pairs if pair[1].kind and "cropped" not in pair[1].parameters]
    assert lost
    for one, other in lost:
        assert one.pixels.shape == host.shape
        assert {**one.parameters, "edit": other.parameters["edit"]} == other.parameters
        assert np.array_equal(one.pixels[~other.mask], other.pixels[~other.mask])


def test_twins_have_the_same_pixels_beside_the_manipulation() -> None:
    host, donor = host_and_donor()
    one, other = twins(host, [donor], CERTAIN, np.random.default_rng(0))
    assert np.array_equal(one.pixels[~other.mask], other.pixels[~other.mask])
    assert (one.pixels != other.pixels).any()
    alone = forge(host, [donor], CERTAIN, np.random.default_rng(0))
    assert np.array_equal(alone.pixels, other.pixels)
