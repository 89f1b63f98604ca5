import numpy as np
from sklearn.metrics import roc_auc_score

import photos
import tamperscope
from tamperscope.detectors.blk import BlockingArtifacts, _misplaced


def worn(offset: int, quality: int = 45) -> photos.Pixels:
    """The scene after a JPEG compression whose grid begins at the offset."""
    padded = np.pad(photos.scene(), ((8 - offset, 0), (8 - offset, 0), (0, 0)), mode="edge")
    return photos.decode_pixels(photos.encode(padded, "JPEG", quality=quality))[8 - offset :, 8 - offset :]


def test_a_part_on_another_grid_is_found() -> None:
    pixels, mask = worn(8).copy(), np.zeros(photos.scene().shape[:2], bool)
    mask[104:264, 160:360] = True
    pixels[mask] = worn(4)[mask]
    heat = tamperscope.detector("blk").localize(tamperscope.load(photos.encode(pixels))).heatmap
    assert roc_auc_score(mask.ravel(), heat.ravel()) > 0.8


def test_lines_of_the_grid_are_where_the_grid_is() -> None:
    luma = worn(8)[..., 1].astype(np.float32)
    grid = BlockingArtifacts()._grid(luma)
    strength = [grid[start::8].mean() for start in range(8)]
    assert set(np.argsort(strength)[-2:]) == {0, 7}


def test_a_grid_inside_blocks_counts_and_one_at_their_border_does_not() -> None:
    grid = np.zeros((16, 16), np.float32)
    grid[[0, 7], :8] = 1  # at the border of the first column of blocks
    grid[3, 8:] = 1  # inside the second one
    found = _misplaced(grid)
    assert found[0, 0] < 0 < found[0, 1]


def test_few_blocks_of_any_photo_are_marked() -> None:
    result = tamperscope.detector("blk").localize(tamperscope.load(photos.encode(photos.scene(), "JPEG")))
    assert result.mask(0.5).mean() < 0.1
    assert result.score is None


def test_of_a_single_colour_nothing_is_judged() -> None:
    plain = np.full((96, 120, 3), 90, np.uint8)
    result = tamperscope.detector("blk").localize(tamperscope.load(photos.encode(plain, "JPEG")))
    assert not result.heatmap.any()
    assert result.valid is not None
    assert not result.valid.any()
    assert "differs" in result.reason


def test_what_is_equally_flat_has_the_same_heat_wherever_it_lies() -> None:
    pixels = np.full((320, 256, 3), 90, np.uint8)
    pixels[128:192] = photos.scene()[128:192, :256]
    heat = tamperscope.detector("blk").localize(tamperscope.load(photos.encode(pixels))).heatmap
    assert heat[:64].max() == heat[-64:].max() < 0.1
