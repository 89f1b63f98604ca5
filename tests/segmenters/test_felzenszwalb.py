import numpy as np

import photos
from tamperscope.io.decode import decode
from tamperscope.segmenters.felzenszwalb import Felzenszwalb


def test_what_differs_is_parted_and_every_pixel_is_in_one_region() -> None:
    pixels = np.full((60, 80, 3), 40, np.uint8)
    pixels[20:50, 30:70] = 220
    masks = Felzenszwalb(least=50).regions(decode(photos.encode(pixels)))
    assert (masks.sum(axis=0) == 1).all()
    assert any(mask[22:48, 32:68].all() and mask.sum() < 1.2 * 30 * 40 for mask in masks)
