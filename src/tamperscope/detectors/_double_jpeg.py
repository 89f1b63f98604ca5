"""What methods of double JPEG compression share: the fit of the mixture, and the verdict on its map."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit

from tamperscope.io.jpeg import standard_table
from tamperscope.signal.dct import ZIGZAG
from tamperscope.types import Jpeg, Photo

__all__ = [
    "LARGEST_FIRST",
    "RARE",
    "Fit",
    "background",
    "block_map",
    "block_step",
    "clipped",
    "maximise",
    "score_region",
]

LARGEST_FIRST = 60  # first quantisation steps considered
_RATES = np.array([0.01, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 0.97], np.float32)
_TABLE_PRIOR = 20.0  # weight of the squared log distance of a first step from a scaled standard table
_CLIPPED = 0.1  # share of a block's pixels at the ends of the range, above which it is not judged
_REGION_ODDS, _REGION_BLOCKS, _REGION_SHARE = 1.0, 9, 0.004  # what counts as a region for the score
_CLIP = 20.0  # log odds of one block
_INFORMATIVE = 0.5  # nats around a block, for or against, below which it is not judged
RARE = 0.02  # floor of a bin's weight: one that should be empty may still hold an outlier
_LEAST_BACKGROUND = 0.2  # mean log odds of double compression that a photo must show to be accused


@dataclass(frozen=True)
class Fit:
    """The mixture that explains a photo's coefficients.

    ``log_odds`` is ``(frequencies, bins)``, the log likelihood ratio of single over double compression of a
    coefficient of that absolute value. ``gain`` is the log likelihood over that of single compression
    alone, ``rate`` the estimated share of singly compressed coefficients (the tampering rate), ``quality``
    that of the first compression.
    """

    log_odds: NDArray[np.float32]
    gain: float
    rate: float
    quality: int


def score_region(log_odds: NDArray[np.float32], judged: NDArray[np.bool_], caution: float) -> float:
    """Judge the strongest region: its mean log odds, times its share of all that leans its way; in [0, 1].

    Evidence that is scattered over a photo comes from the model's misfit, not from a pasted part. A region
    of strength ``caution`` scores 0.5.
    """
    labels, count = ndimage.label((log_odds > _REGION_ODDS) & judged)
    if not count or background(log_odds) < _LEAST_BACKGROUND:
        return 0.0
    areas = np.bincount(labels.ravel())[1:]
    means = np.bincount(labels.ravel(), log_odds.ravel())[1:] / areas
    leaning = np.count_nonzero((log_odds > 0) & judged)
    large = areas >= max(_REGION_BLOCKS, _REGION_SHARE * log_odds.size)
    strength = float(np.where(large, means * areas / leaning, 0).max())
    return float(expit(strength - caution)) if strength else 0.0


def block_step(jpeg: Jpeg) -> tuple[float, float]:
    """Return the rows and columns of pixels that a block of luminance covers."""
    across, down = (max(factors) for factors in zip(*jpeg.sampling, strict=True))
    return 8 * down / jpeg.sampling[0][1], 8 * across / jpeg.sampling[0][0]


def block_map(
    evidence: Iterable[NDArray[np.float32]], shape: tuple[int, ...], smoothing: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Add up the frequencies' log odds; return them smoothed, and where enough speaks either way."""
    odds, information = np.zeros((2, *shape), np.float32)
    for value in evidence:
        odds += value
        information += np.abs(value)
    smoothed = ndimage.gaussian_filter(np.clip(odds, -_CLIP, _CLIP), smoothing)
    return smoothed, np.asarray(ndimage.gaussian_filter(information, smoothing) >= _INFORMATIVE)


def background(log_odds: NDArray[np.float32]) -> float:
    """Return the mean log odds of double compression that the photo shows as a whole."""
    return float(-np.minimum(log_odds, 0).mean())


def clipped(photo: Photo, blocks: tuple[int, ...], step: tuple[float, float]) -> NDArray[np.bool_]:
    """Tell which blocks hold many colours at the ends of their range: clipping undoes quantisation."""
    inside = cv2.inRange(photo.pixels, (1, 1, 1), (254, 254, 254))  # 255 where all three channels are
    whole = [round(count * size) for count, size in zip(blocks, step, strict=True)]  # pixels of whole blocks
    below, right = max(0, whole[0] - photo.height), max(0, whole[1] - photo.width)
    inside = cv2.copyMakeBorder(inside, 0, below, 0, right, cv2.BORDER_REPLICATE)[: whole[0], : whole[1]]
    share = cv2.resize(inside, (blocks[1], blocks[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(share < 255 * (1 - _CLIPPED))


@lru_cache(maxsize=8)
def _table_penalty(frequencies: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return scales of a standard table, and what each first step costs beside them.

    The penalty is ``(scales, frequencies, first steps)``.
    """
    scales = np.geomspace(0.02, 2, 60)
    standard = standard_table(50).reshape(64)[ZIGZAG[:frequencies]]  # quality 50 is the unscaled one
    expected = np.maximum(1, scales[:, None] * standard)
    distance = np.log(np.arange(1, LARGEST_FIRST + 1) / expected[..., None])
    return scales, (_TABLE_PRIOR * distance**2).astype(np.float32)


def maximise(
    ratio: NDArray[np.float64],
    seen: NDArray[np.float64],
    bins: NDArray[np.intp],
    order: NDArray[np.intp],
) -> Fit:
    """Choose the first steps on a grid of tampering rates, then settle the rate by EM.

    ``ratio`` is p(x | double) / p(x | single), ``(frequencies, first steps, bins)``.
    """
    counts, compact = seen[:, bins].astype(np.float32), ratio[:, :, bins].astype(np.float32)
    scales, penalty = _table_penalty(len(order))

    def choose(rate: float) -> tuple[float, float, int, NDArray[np.intp]]:
        likelihood = np.einsum("fqb,fb->fq", np.log(rate + (1 - rate) * compact), counts)
        penalised = likelihood - penalty
        totals = penalised.max(axis=2).sum(axis=1)
        scale = int(totals.argmax())
        return float(totals[scale]), rate, scale, penalised[scale].argmax(axis=1)

    gain, rate, scale, first = max((choose(float(rate)) for rate in _RATES), key=lambda fit: fit[0])
    chosen = np.take_along_axis(compact, first[:, None, None], axis=1)[:, 0]
    for _ in range(20):
        share = rate / (rate + (1 - rate) * chosen)
        rate = float((share * counts).sum() / max(counts.sum(), 1))
    gain, rate, scale, first = max((gain, rate, scale, first), choose(rate), key=lambda fit: fit[0])
    log_odds = -np.log(np.take_along_axis(ratio, first[:, None, None], axis=1)[:, 0])
    log_odds[:, 0] = log_odds[:, -1] = 0  # zeros and outliers are not judged
    quality = 100 - 50 * scales[scale] if scales[scale] <= 1 else 50 / scales[scale]
    return Fit(log_odds.astype(np.float32), gain, rate, round(quality))
