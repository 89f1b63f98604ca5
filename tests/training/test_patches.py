from pathlib import Path

import numpy as np
import pytest

from tamperscope.errors import WrongLayout
from tamperscope.networks._base import Sight
from tamperscope.training.data import Patches, open_splits
from tamperscope.training.patches import draw_patches, manipulated_shares, turn
from training_made import TINY, write_set


def region() -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    mask = np.zeros((200, 240), bool)
    mask[70:130, 90:170] = True
    return mask


def test_shares_are_those_of_each_patch_on_the_grid() -> None:
    mask = region()
    shares = manipulated_shares(mask, 64)
    assert shares.shape == ((200 - 64) // 8 + 1, (240 - 64) // 8 + 1)
    for row, column in ((0, 0), (8, 11), (17, 22), (5, 9)):
        patch = mask[8 * row : 8 * row + 64, 8 * column : 8 * column + 64]
        assert shares[row, column] == pytest.approx(patch.mean())


@pytest.mark.parametrize("least_share", [0.125, 0.5])
def test_patches_are_labelled_by_their_share(least_share: float) -> None:
    mask = region()
    places, labels = draw_patches(mask, 64, 200, 0.7, least_share, np.random.default_rng(0))
    assert (places % 8 == 0).all()
    shares = [mask[row : row + 64, column : column + 64].mean() for row, column in places]
    np.testing.assert_array_equal(np.array(shares) > least_share, labels)
    assert 0.6 < labels.mean() < 0.8


@pytest.mark.parametrize("value", [False, True])
def test_a_photo_of_one_sort_gives_only_that(value: bool) -> None:
    _, labels = draw_patches(np.full((64, 72), value), 64, 9, 0.5, 0.125, np.random.default_rng(0))
    assert (labels == value).all()


def test_mask_and_pixels_are_turned_together() -> None:
    rng = np.random.default_rng(3)
    mask = rng.random((64, 64)) < 0.3
    pixels = np.repeat(mask[..., None].astype(np.uint8), 3, axis=2)
    seen = set()
    for how in ((quarters, flip) for quarters in range(4) for flip in (False, True)):
        found, truth = turn(pixels, *how), turn(mask, *how)
        np.testing.assert_array_equal(found[..., 1] > 0, truth)
        seen.add(truth.tobytes())
    assert len(seen) == 8


def test_photographs_smaller_than_a_patch_are_mirrored_if_they_are_large_enough(tmp_path: Path) -> None:
    photographs = open_splits(str(write_set(tmp_path)), None, 0)["train"]  # of at most 128 pixels a side
    sight = Sight(side=160, least=64, history=True)
    item = next(
        item for item in (Patches(photographs, TINY, 0, sight)[i] for i in range(9)) if item["mask"].any()
    )
    assert item["pixels"].shape[1:] == (160, 160, 3)
    assert item["mask"].shape[1:] == item["levels"].shape[1:] == (160, 160)
    plain = Patches(photographs, TINY, 0, Sight(side=160, history=True))[0]
    assert plain["failed"]
    assert "has fewer than 160 pixels a side" in plain["skipped"][0]


def test_a_split_that_is_optional_is_left_out_where_it_has_no_photographs(tmp_path: Path) -> None:
    both = str(write_set(tmp_path / "both", ("train", "val")))
    assert set(open_splits(both, None, 0, optional=("test",))) == {"train", "val"}
    with pytest.raises(WrongLayout, match="no sample in split 'test'"):
        open_splits(both, None, 0, ("train", "val", "test"))
    every = str(write_set(tmp_path / "every"))
    assert set(open_splits(every, None, 0, optional=("test",))) == {"train", "val", "test"}
