import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit

import photos
from tamperscope.io.decode import decode
from tamperscope.refine.crf import Crf
from tamperscope.types import Localization, Photo

THRESHOLD = 0.4


def photo(pixels: NDArray[np.uint8]) -> Photo:
    return decode(photos.encode(pixels))


def brute(crf: Crf, pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean field over all pairs of pixels, each with itself, too, and both labels, else as in the paper."""
    rows, columns = (places.ravel().astype(float) for places in np.indices(heat.shape))
    distance = np.subtract.outer(rows, rows) ** 2 + np.subtract.outer(columns, columns) ** 2
    colours = pixels.reshape(-1, 3).astype(float)
    colour = ((colours[:, None] - colours) ** 2).sum(axis=-1)
    kernels = [
        (crf.appearance, np.exp(-distance / (2 * crf.near**2) - colour / (2 * crf.alike**2))),
        (crf.smoothness, np.exp(-distance / (2 * crf.width**2))),
    ]
    pairs = sum(
        weight * kernel / np.sqrt(np.outer(kernel.sum(0), kernel.sum(0))) for weight, kernel in kernels
    )
    odds = logit(np.clip(heat.ravel().astype(float), 1e-3, 1 - 1e-3)) - logit(THRESHOLD)
    odds = np.clip(crf.sharpness * odds, -crf.certainty, crf.certainty)
    unary = -np.stack([np.zeros_like(odds), odds])  # energies of pristine, manipulated
    labels = np.exp(-unary) / np.exp(-unary).sum(axis=0)
    for _ in range(crf.iterations):
        energy = unary + (pairs @ labels[::-1].T).T  # Potts: what the others' other label weighs
        labels = np.exp(-energy) / np.exp(-energy).sum(axis=0)
    found: NDArray[np.float64] = expit(logit(np.clip(labels[1], 1e-12, 1 - 1e-12)) + logit(THRESHOLD))
    return found.reshape(heat.shape)


def examples() -> list[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Parts of photographs, with a map of one hot place each and much noise."""
    rng, found = np.random.default_rng(1), []
    for index in range(6):
        scene = photos.scene(("coffee", "chelsea")[index % 2])
        step = 1 + 2 * (index // 3)
        top, left = rng.integers(0, 120, 2)
        pixels = np.ascontiguousarray(scene[top : top + 40 * step : step, left : left + 52 * step : step])
        rows, columns = np.mgrid[:40, :52]
        middle = rng.uniform(10, 30), rng.uniform(10, 42)
        blob = np.exp(-((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2) / (2 * rng.uniform(5, 12) ** 2))
        noise = cv2.GaussianBlur(rng.random((40, 52)), (0, 0), 2)
        found.append((pixels, np.clip(0.8 * blob + 0.35 * noise, 0, 1).astype(np.float32)))
    return found


@pytest.mark.parametrize(
    ("crf", "most"),
    [
        (Crf(), 0.01),
        # A doubtful map and strong ties: where both labels are equally good, little decides for a whole area.
        (Crf(appearance=6.0, alike=20.0), 0.03),
        (Crf(sharpness=0.5, iterations=10), 0.03),
    ],
)
def test_it_agrees_with_mean_field_over_all_pairs(crf: Crf, most: float) -> None:
    for pixels, heat in examples():
        refined = crf.refine(photo(pixels), Localization(heat, None), THRESHOLD).heatmap
        assert np.abs(refined - brute(crf, pixels, heat)).mean() <= most
        assert np.abs(refined - heat).mean() > 0.05


def test_it_agrees_with_pydensecrf() -> None:
    densecrf = pytest.importorskip("pydensecrf.densecrf", exc_type=ImportError)
    crf = Crf(certainty=100.0)
    for pixels, heat in examples():
        height, width = heat.shape
        peer = densecrf.DenseCRF2D(width, height, 2)
        odds = logit(np.clip(heat.ravel(), 1e-3, 1 - 1e-3)) - np.float32(logit(THRESHOLD))
        peer.setUnaryEnergy(np.stack([np.zeros_like(odds), -odds]).astype(np.float32))
        peer.addPairwiseGaussian(sxy=crf.width, compat=crf.smoothness)
        peer.addPairwiseBilateral(
            sxy=crf.near, srgb=crf.alike, rgbim=np.ascontiguousarray(pixels), compat=crf.appearance
        )
        labels = np.array(peer.inference(crf.iterations))[1].reshape(heat.shape)
        refined = crf.refine(photo(pixels), Localization(heat, None), THRESHOLD).heatmap
        ours = expit(logit(np.clip(refined, 1e-6, 1 - 1e-6)) - logit(THRESHOLD))
        assert np.abs(ours - labels).mean() <= 0.03  # both approximate; it blurs once, not twice


def test_without_weights_the_map_stays() -> None:
    pixels, heat = examples()[0]
    refined = Crf(appearance=0.0, smoothness=0.0, certainty=100.0).refine(
        photo(pixels), Localization(heat, None), 0.3
    )
    assert refined.heatmap == pytest.approx(np.clip(heat, 1e-3, 1 - 1e-3), abs=1e-5)


def test_specks_go_and_borders_move_to_the_photos_edges() -> None:
    pixels = np.full((120, 160, 3), 60, np.uint8)
    pixels[30:80, 40:100] = 180
    truth = pixels[..., 0] == 180
    heat = np.where(truth, 0.8, 0.1).astype(np.float32)
    heat = cv2.GaussianBlur(np.roll(heat, (6, 6), (0, 1)), (0, 0), 6)  # off by some pixels, and blurred
    heat[10:13, 130:133] = 0.95
    before, after = (
        map_ >= 0.4 for map_ in (heat, Crf().refine(photo(pixels), Localization(heat, None), 0.4).heatmap)
    )
    assert (before ^ truth).sum() > 1000
    assert (after ^ truth).sum() < 50


@pytest.mark.parametrize("shape", [(1200, 1600), (300, 3000)])
def test_edges_of_a_large_photo_are_kept(shape: tuple[int, int]) -> None:
    rows, columns = np.indices(shape)
    truth = (rows - shape[0] / 2) ** 2 + (columns - shape[1] / 2) ** 2 < (min(shape) / 3) ** 2
    pixels = np.where(truth[..., None], 190, 70).astype(np.uint8).repeat(3, axis=2)
    heat = cv2.GaussianBlur(np.where(truth, 0.9, 0.05).astype(np.float32), (0, 0), min(shape) / 30)
    refined = Crf().refine(photo(pixels), Localization(heat, None), 0.3).heatmap
    before, after = (((map_ >= 0.3) ^ truth).mean() for map_ in (heat, refined))
    assert before > 0.003
    assert after < before / 4


def test_it_eats_what_is_small_and_looks_like_its_surroundings() -> None:
    """A limit, told in the guide."""
    pixels = np.full((120, 160, 3), 90, np.uint8)
    heat = np.full((120, 160), 0.05, np.float32)
    heat[50:62, 60:72] = 0.7
    assert not (Crf().refine(photo(pixels), Localization(heat, None), 0.5).heatmap >= 0.5).any()
