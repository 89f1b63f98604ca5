"""The network of the default detector: JPEG history, noise, and what differs from the rest of the photo."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import (
    avg_pool2d,
    binary_cross_entropy_with_logits,
    conv2d,
    interpolate,
    pad,
    pixel_shuffle,
)

from tamperscope.networks._base import EVEN, Balance, Network, Prediction, Sight, Truth, apart

__all__ = ["Fusion", "Judgement"]

_BLOCK = 8  # pixels of a side of what a feature stands for: a block of JPEG
_LEVELS = 21  # magnitudes of a coefficient, see `signal.history`
_PLANES = 24  # one for each, and empty ones: ONNX Runtime convolves eights of them faster than what is left
_TRAITS = 4  # what is said of a frequency in a block
_FINE = 16  # maps that tell places within a block apart
_SCENE = 4  # of a block: its mean red, green and blue, and how much brightness varies in it
_REACHES = (1, 2, 4, 8, 16, 2)  # blocks between the places that the convolutions of the context see


@dataclass(frozen=True, eq=False)
class Judgement(Prediction):
    """A mask, a label; and each block's logits (batch, rows, columns): of the mask, of its being right."""

    blocks: Tensor = field(kw_only=True)
    trust: Tensor = field(kw_only=True)


class Fusion(Network):
    """Three streams of features for each 8x8 block, their context; mask, label and their reliability.

    The streams (`look`: JPEG history, noise, and what the scene shows, coarsely) see a few blocks around a
    place, so that a large photo may be cut into parts. What follows (`judge`) compares each place with the
    whole photo, by the mean and the spread of its features (`summary`), and then with wider and wider
    surroundings.

    Training leaves out one of the streams of some photos (``absent``, a share of them for each): what it
    holds is replaced by what it learned to say then.

    References:
        Ours. The stream of JPEG history follows Kwon et al., "Learning JPEG Compression Artifacts for Image
        Manipulation Detection and Localization" (CAT-Net v2), IJCV 2022, section 3; what is asked of the
        reliability follows Guillaro et al., "TruFor", CVPR 2023, section 3.3; the photo as a whole, Cun &
        Pun, ECCV Workshops 2018.

    """

    variants: ClassVar[dict[str, dict[str, Any]]] = {
        "fusion": {},
        "no history": {"without": "history"},
        "no noise": {"without": "noise"},
        "no scene": {"without": "scene"},
        "no comparison": {"without": "comparison"},
    }
    sight = Sight(side=256, least=128, history=True, free=True)

    def __init__(self, *, maps: int = 96, absent: float = 0.1, without: str = "") -> None:
        super().__init__()
        self.absent, self.without = absent, without
        self.history, self.noise = _History(maps), _Noise(maps)
        self.missing = nn.Parameter(torch.zeros(2, maps, 1, 1))
        self.unseen = nn.Parameter(torch.zeros(_SCENE, 1, 1))
        self.join = _normed(2 * maps, maps, 1)
        self.compare = _normed(3 * (maps + _SCENE), maps, 1)
        self.context = nn.Sequential(*(_Residual(maps, reach) for reach in _REACHES))
        self.detail = _normed(maps, 4 * _FINE, 1)
        self.mask = nn.Sequential(_normed(2 * _FINE, 24, 3), nn.Conv2d(24, 1, 1))
        self.trust = nn.Sequential(_normed(maps, 32, 1), nn.Conv2d(32, 1, 3, padding=1))
        self.label = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, *inputs: Tensor) -> Prediction:
        """Predict for crops on the grid: pixels, levels, tables, and whether these were stored."""
        features, fine = self.look(*inputs)
        return self.judge(features, fine, *self.summary(features))

    def inputs(self, batch: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Return pixels and JPEG history."""
        return batch["pixels"], batch["levels"], batch["table"], batch["stored"].float()

    def look(self, pixels: Tensor, levels: Tensor, table: Tensor, stored: Tensor) -> tuple[Tensor, Tensor]:
        """Return features of blocks (batch, maps, rows, columns), and of their quarters (batch, 16, ...)."""
        known, (seen, fine) = self.history(levels, table, stored), self.noise(pixels)
        there = self._present(pixels)
        known = there[0] * known + (1 - there[0]) * self.missing[0]
        seen = there[1] * seen + (1 - there[1]) * self.missing[1]
        scene = there[2] * _scene(pixels) + (1 - there[2]) * self.unseen
        joined = self.join(torch.cat([known, seen], dim=1))
        return torch.cat([joined, scene.to(joined)], dim=1), there[1] * fine

    def _present(self, pixels: Tensor) -> Tensor:
        """Return 1 for each stream of a photo that counts, 0 for what is left out.

        In training (3, batch, 1, 1, 1), else (3, 1, 1, 1, 1): it is the same for all.
        """
        there = torch.tensor([self.without != name for name in ("history", "noise", "scene")]).to(pixels)
        there = there.reshape(3, 1, 1, 1, 1)
        if self.training:
            draw = torch.rand(len(pixels), 1, 1, 1, device=pixels.device) / self.absent  # at most one is
            there = there * torch.stack([(draw < stream) | (draw >= stream + 1) for stream in range(3)])
        return there

    def summary(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the mean square of a photo's features, (batch, maps, 1, 1) each."""
        exact = features.float()  # 16 bits are too few for the difference of both
        return exact.mean((2, 3), keepdim=True), (exact**2).mean((2, 3), keepdim=True)

    def judge(self, features: Tensor, fine: Tensor, mean: Tensor, square: Tensor) -> Judgement:
        """Predict from the features of a photo or a part of it, and the `summary` of the whole."""
        if self.without == "comparison":
            mean, square = torch.zeros_like(mean), torch.ones_like(square)
        unlike = apart(features, mean, (square - mean**2).clamp_min(0))
        seen = self.context(self.compare(torch.cat([features, unlike, mean.expand_as(features)], dim=1)))
        logit = self.mask(torch.cat([pixel_shuffle(self.detail(seen), 2), fine], dim=1))
        trust = self.trust(seen.detach())  # what is asked of it must not change the mask
        full = interpolate(logit, scale_factor=4.0, mode="bilinear", align_corners=False)[:, 0]
        blocks = avg_pool2d(logit, 2)[:, 0]
        label = self.label(_figures(blocks[:, None], trust.sigmoid()))
        return Judgement(
            torch.stack([torch.zeros_like(full), full], dim=1),
            torch.cat([torch.zeros_like(label), label], dim=1),
            blocks=blocks,
            trust=trust[:, 0],
        )

    def loss(self, prediction: Prediction, truth: Truth, balance: Balance = EVEN) -> Tensor:
        """Return the cross-entropies of mask and label, the mask's Dice loss, and the error of the trust."""
        assert isinstance(prediction, Judgement)  # noqa: S101  its own
        assert prediction.mask is not None  # noqa: S101
        logit, true = prediction.mask[:, 1].float(), truth.mask.float()
        heat = logit.sigmoid()
        shared, either = (heat * true).sum((1, 2)), heat.sum((1, 2)) + true.sum((1, 2))
        holds = true.amax((1, 2))
        dice = ((1 - (2 * shared + 1) / (either + 1)) * holds).sum() / holds.sum().clamp_min(1)
        right = torch.where(true > 0.5, heat, 1 - heat).detach()
        wanted = avg_pool2d(right[:, None], _BLOCK)[:, 0]
        trust = binary_cross_entropy_with_logits(prediction.trust.float(), wanted)
        return super().loss(prediction, truth, balance) + balance.mask * dice + trust

    def examples(self) -> dict[str, Tensor]:
        """Return a crop that is no square with its history, and what another photo looks like."""
        random = torch.Generator().manual_seed(0)
        return self.asked(
            torch.rand(2, 3, 64, 96, generator=random),
            torch.randint(0, _LEVELS, (2, 64, 96), generator=random, dtype=torch.uint8),
            torch.randint(1, 60, (2, 8, 8), generator=random).float(),
            torch.tensor([1.0, 0.0]),
        )

    def asked(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Return crops with their history, and what another photo looks like: here the crops themselves."""
        with torch.no_grad():
            features, fine = self.eval().look(*inputs)
            mean, square = self.summary(features)
        given = dict(zip(("pixels", "levels", "table", "stored"), inputs, strict=True))
        return {**given, "blocks": features, "details": fine, "mean": mean, "square": square}

    def varying(self, name: str) -> dict[int, str]:
        """Return the sizes of the parts that are looked at, and of what is judged at once."""
        axes = {
            "pixels": {2: "height", 3: "width"},
            "levels": {1: "height", 2: "width"},
            "features": {2: "rows", 3: "columns"},
            "fine": {2: "seen fine rows", 3: "seen fine columns"},
            "blocks": {2: "known rows", 3: "known columns"},
            "details": {2: "fine rows", 3: "fine columns"},
            "mask": {1: "known height", 2: "known width"},
            "logits": {1: "known rows", 2: "known columns"},
            "trust": {1: "known rows", 2: "known columns"},
        }
        seen = name in ("pixels", "levels", "table", "stored", "features", "fine")
        return {0: "parts" if seen else "photos", **axes.get(name, {})}

    def answers(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Return what is seen of parts of a photo, and what follows of each place.

        Not the label: it was learned from crops, and says less of a whole photo than its map does.
        """
        features, fine = self.look(*inputs[:4])
        judged = self.judge(*inputs[4:])
        assert judged.mask is not None  # noqa: S101
        return {
            "features": features,
            "fine": fine,
            "mask": judged.mask[:, 1].sigmoid(),
            "logits": judged.blocks,
            "trust": judged.trust.sigmoid(),
        }


class _History(nn.Module):
    """What the coefficients of each block and of those around it say of earlier savings."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        around = nn.Conv2d(_PLANES, 48, 3, padding=1, bias=False)
        self.first = nn.Sequential(around, nn.BatchNorm2d(48), nn.ReLU(), _normed(48, _TRAITS, 1))
        made = _TRAITS * _BLOCK**2 + _BLOCK**2 + 1
        self.rest = nn.Sequential(_normed(made, maps, 1), _Residual(maps, 1), _Residual(maps, 1))

    def forward(self, levels: Tensor, table: Tensor, stored: Tensor) -> Tensor:
        photos, rows, columns = levels.shape[0], levels.shape[1] // _BLOCK, levels.shape[2] // _BLOCK
        # Each frequency is a picture of its own, of a pixel for each block, and has a plane for each
        # magnitude; `one_hot` has another order of axes, and takes eight times the memory.
        pictures = levels.reshape(photos, rows, _BLOCK, columns, _BLOCK).permute(0, 2, 4, 1, 3)
        known = torch.arange(_PLANES, dtype=levels.dtype, device=levels.device)[:, None, None]
        planes = (pictures.reshape(-1, 1, rows, columns) == known).to(table.dtype)
        traits = self.first(planes.contiguous(memory_format=torch.channels_last))
        maps = traits.reshape(photos, _BLOCK**2, _TRAITS, rows, columns).transpose(1, 2)
        maps = maps.reshape(photos, _TRAITS * _BLOCK**2, rows, columns)
        steps = table.clamp_min(1).log() / 5
        facts = torch.cat([steps.flatten(1), stored[:, None]], dim=1)[:, :, None, None]
        found: Tensor = self.rest(torch.cat([maps, facts.to(maps).expand(-1, -1, rows, columns)], dim=1))
        return found


class _Noise(nn.Module):
    """What is left of the pixels without what they show: a first layer whose filters add up to nothing."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.high = nn.Parameter(torch.empty(24, 3, 5, 5))
        nn.init.kaiming_normal_(self.high, nonlinearity="linear")
        self.first = nn.Sequential(
            nn.BatchNorm2d(24), nn.Hardtanh(-3, 3), _normed(24, 32, 3, 2), _normed(32, 32, 3)
        )
        self.second = nn.Sequential(_normed(32, 64, 3, 2), _Residual(64, 1))
        self.third = nn.Sequential(_normed(64, maps, 3, 2), _Residual(maps, 1))
        self.fine = _normed(64, _FINE, 1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        filters = self.high - self.high.mean((2, 3), keepdim=True)
        # In 16 bits neighbours that differ by one of 255 levels may be equal, and the filters add up to more.
        with torch.autocast(pixels.device.type, enabled=False):
            high = conv2d(pad(pixels, (2, 2, 2, 2), mode="replicate"), 8 * filters)
        quarters = self.second(self.first(high))
        return self.third(quarters), self.fine(quarters)


class _Residual(nn.Module):
    """Two convolutions beside what they are given; the first looks ``reach`` places away."""

    def __init__(self, maps: int, reach: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(maps, maps, 3, padding=reach, dilation=reach, bias=False),
            nn.BatchNorm2d(maps),
            nn.ReLU(),
            nn.Conv2d(maps, maps, 3, padding=1, bias=False),
            nn.BatchNorm2d(maps),
        )

    def forward(self, maps: Tensor) -> Tensor:
        found: Tensor = self.body(maps)
        return (maps + found).relu()


def _normed(given: int, made: int, size: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(given, made, size, stride, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(made), nn.ReLU())


def _scene(pixels: Tensor) -> Tensor:
    """Return what each block shows, (batch, 4, rows, columns), in about [-1, 1]."""
    colours = avg_pool2d(pixels, _BLOCK)
    brightness = pixels.mean(1, keepdim=True)
    spread = avg_pool2d(brightness**2, _BLOCK) - avg_pool2d(brightness, _BLOCK) ** 2
    return torch.cat([2 * colours - 1, spread.clamp_min(0).add(1e-6).log() / 7 + 1], dim=1)


def _figures(coarse: Tensor, weight: Tensor) -> Tensor:
    """Return what the label is made of (batch, 6): means and peaks of the mask, and of what is trusted.

    Both are (batch, 1, rows, columns): the mask's logits, and the trust in [0, 1].
    """
    peak = avg_pool2d(coarse, 3, 1, 1, count_include_pad=False)
    heat = coarse.sigmoid()
    trusted = heat * weight
    found = [
        coarse.mean((1, 2, 3)) / 4,
        peak.amax((1, 2, 3)) / 4,
        heat.mean((1, 2, 3)),
        trusted.mean((1, 2, 3)) / weight.mean((1, 2, 3)).clamp_min(1e-3),
        trusted.amax((1, 2, 3)),
        weight.mean((1, 2, 3)),
    ]
    return torch.stack(found, dim=1)
