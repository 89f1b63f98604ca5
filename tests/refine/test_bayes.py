import numpy as np
import pytest

import photos
from tamperscope.errors import InvalidParameter, UnknownPlugin
from tamperscope.io.decode import decode
from tamperscope.refine.bayes import Bayes, enhance, similarities
from tamperscope.types import Localization


def test_similarity_is_the_weighted_mean_of_the_activation() -> None:
    """A row of three: distances 1, 2, 1 to the outside, normalized 0.5, 1, 0.5."""
    masks = np.zeros((2, 5, 5), bool)
    masks[0, 1:4, 1:4] = True
    masks[1, 2, 1:4] = True
    activation = np.zeros((5, 5), np.float32)
    activation[2, 1:4] = 0.8, 0.6, 0.4
    # 3x3: 0.5 at the border, 1 in the middle; 1x3: all are 1 from the outside.
    expected = [(0.5 * 0.8 + 0.6 + 0.5 * 0.4) / 9, (0.8 + 0.6 + 0.4) / 3]
    assert similarities(masks, activation) == pytest.approx(expected)


def test_size_alone_does_not_win() -> None:
    masks = np.zeros((2, 60, 60), bool)
    masks[0, 5:55, 5:55] = True
    masks[1, 20:30, 20:30] = True
    activation = np.zeros((60, 60), np.float32)
    activation[20:30, 20:30] = 1
    assert similarities(masks, activation).argmax() == 1


def test_bayes_is_what_one_computes_by_hand() -> None:
    activation = np.array([[0.6, 0.2], [0.1, 0.1]], np.float32)
    mask = np.array([[True, False], [False, False]])
    # P(M|A) = .6, P(M) = .25: inside .6 * .6 / .25, above 1; outside x * .4 / .75.
    expected = [[1.0, 0.2 * 0.4 / 0.75], [0.1 * 0.4 / 0.75, 0.1 * 0.4 / 0.75]]
    assert enhance(activation, mask) == pytest.approx(np.array(expected), abs=1e-6)


@pytest.mark.parametrize("mask", [np.zeros((3, 4), bool), np.ones((3, 4), bool)])
def test_masks_of_nothing_or_everything_say_nothing(mask: np.ndarray) -> None:
    activation = np.random.default_rng(0).random((3, 4), np.float32)
    assert np.array_equal(enhance(activation, mask), activation)


def test_an_activation_of_nothing_stays() -> None:
    mask = np.eye(4, dtype=bool)
    assert not enhance(np.zeros((4, 4), np.float32), mask).any()
    flat = np.full((4, 4), 0.3, np.float32)
    assert enhance(flat, mask) == pytest.approx(flat)  # as much inside as anywhere


def test_a_coarse_map_takes_the_outline_of_the_object() -> None:
    pixels = np.full((120, 160, 3), 60, np.uint8)
    rows, columns = np.mgrid[:120, :160]
    truth = (rows - 60) ** 2 + (columns - 90) ** 2 < 30**2
    pixels[truth] = 200
    pixels[5:40, 5:40] = 130
    heat = np.exp(-((rows - 66) ** 2 + (columns - 80) ** 2) / (2 * 25**2)).astype(np.float32) * 0.7
    photo = decode(photos.encode(pixels))
    refined = Bayes().refine(photo, Localization(heat, None), 0.5).heatmap
    before, after = (((map_ >= 0.5) ^ truth).sum() for map_ in (heat, refined))
    assert after < before / 4


def test_a_large_photo_is_divided_in_small_and_marked_in_full() -> None:
    photo = decode(photos.encode(np.kron(photos.crop(200, 300), np.ones((6, 6, 1), np.uint8))))
    heat = np.zeros((photo.height, photo.width), np.float32)
    heat[300:700, 500:900] = 0.6
    refined = Bayes(options="size=20000").refine(photo, Localization(heat, None), 0.5)
    assert refined.heatmap.shape == heat.shape
    assert not np.array_equal(refined.heatmap, heat)


def test_wrong_segmenters_are_said_at_once() -> None:
    with pytest.raises(UnknownPlugin, match="did you mean 'felzenszwalb'"):
        Bayes(segmenter="felzenswalb")
    with pytest.raises(InvalidParameter, match="felzenszwalb has no field 'scales'"):
        Bayes(options="scales=3")
    with pytest.raises(InvalidParameter, match=r"bayes.options 'scale' is not understood"):
        Bayes(options="scale")
