"""Networks of whole photos: they tell which are manipulated, and show what they went by."""

from abc import abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate
from torchvision.models import get_model
from torchvision.models.resnet import BasicBlock, ResNet

from tamperscope.networks._base import EVEN, Balance, Network, Prediction, Sight, Truth, apart
from tamperscope.networks._phases import Phases

__all__ = ["ViewNetwork", "Views", "activation", "blocks", "resnet", "widths"]


@dataclass(frozen=True, eq=False)
class Views(Prediction):
    """A label from several views, and the logit of each (batch, views)."""

    views: Tensor = field(kw_only=True)


class ViewNetwork(Network):
    """Classifies whole photos by one or several views of them, each with its activation map."""

    sight = Sight(side=384, levels=90)

    def see(self, backbone: str) -> ResNet:
        """Return a ResNet, see `resnet`, and take the sight that it is made for."""
        if backbone == "blocks10":
            self.sight = Sight(side=256, levels=5, grid=True)
        return resnet(backbone)

    @abstractmethod
    def look(self, levels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return logits (batch, views) of being manipulated, and the `activation` map of each view."""

    def forward(self, *inputs: Tensor) -> Prediction:
        """Predict for whole photos' error levels, or windows of them, (batch, 3, side, side)."""
        logits, _ = self.look(*inputs)
        manipulated = logits.mean(dim=1)
        return Views(None, torch.stack([torch.zeros_like(manipulated), manipulated], dim=1), views=logits)

    def loss(self, prediction: Prediction, truth: Truth, balance: Balance = EVEN) -> Tensor:
        """Return the mean of the views' binary cross-entropies: they learn apart, as in the paper."""
        assert isinstance(prediction, Views)  # noqa: S101  its own
        wanted = truth.label[:, None].expand_as(prediction.views).float()
        weight = prediction.views.new_tensor(balance.manipulated)
        return binary_cross_entropy_with_logits(prediction.views, wanted, pos_weight=weight)

    def examples(self) -> dict[str, Tensor]:
        """Return error levels at random, small as real ones are."""
        shape = 2, 3, self.sight.side, self.sight.side
        return {"pixels": torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 0.02}

    def answers(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Return the probability of each view (batch, views), and their maps at the size of the finest."""
        logits, maps = self.look(*inputs)
        finest = max(one.shape[1:] for one in maps)
        resized = [
            interpolate(one[:, None], finest, mode="bilinear", align_corners=False)[:, 0] for one in maps
        ]
        return {"views": logits.sigmoid(), "maps": torch.stack(resized, dim=1)}


def activation(features: Tensor, classify: nn.Linear) -> tuple[Tensor, Tensor]:
    """Return the logit (batch, 1) of the mean of features, and its activation map (batch, height, width).

    Grad-CAM in closed form: after an average over the photo and a linear layer, the gradient of the logit by
    a feature map is the layer's weight over the map's size, everywhere; the map is the features weighed by
    it, where they speak for manipulation.

    References:
        Selvaraju et al., "Grad-CAM", ICCV 2017, section 3.

    """
    weights = classify.weight[0] / (features.shape[2] * features.shape[3])
    return classify(features.mean((2, 3))), (features * weights[:, None, None]).sum(1).relu()


def resnet(name: str) -> ResNet:
    """Return a ResNet of torchvision's by its name, or one of ours.

    "resnet10" has one basic block for each size. So has "blocks10", but it begins with `Phases` of blocks of
    8x8 pixels, and its last two look no further than those before, 88 pixels: who sees all of a photo from
    everywhere can tell that it was manipulated, and not where. They also see how a place is `Apart` from
    the rest.
    """
    ours = name in ("resnet10", "blocks10")
    body: ResNet = ResNet(BasicBlock, [1, 1, 1, 1]) if ours else get_model(name, weights=None)
    if name == "blocks10":
        body.conv1 = Phases(body.conv1.out_channels)
        body.maxpool = nn.Identity()
        _narrow(body.layer3[0], 2 * widths(body)[2])
        _narrow(body.layer4[0], widths(body)[3])
        body.layer3.insert(0, Apart())
    body.avgpool, body.fc = nn.Identity(), nn.Identity()
    return body


class Apart(nn.Module):
    """Puts beside maps (batch, maps, height, width) how far each place is `apart` from their mean.

    Two savings are in every pristine place of a photo, and one in what was pasted, or the other way round:
    neither is suspicious by itself, their being side by side is.
    """

    def forward(self, maps: Tensor) -> Tensor:
        exact = maps.float()  # in 16 bits what is near the mean would not differ from it
        mean = exact.mean((2, 3), keepdim=True)
        variance = (exact - mean).square().mean((2, 3), keepdim=True)
        return torch.cat([maps, apart(exact, mean, variance).to(maps)], 1)


def _narrow(block: BasicBlock, given: int) -> None:
    """Let a block see single places only, all of them, of ``given`` maps."""
    made = block.conv2.out_channels
    block.conv1, block.conv2 = nn.Conv2d(given, made, 1, bias=False), nn.Conv2d(made, made, 1, bias=False)
    assert block.downsample is not None  # noqa: S101  its width changes
    block.downsample[0] = nn.Conv2d(given, made, 1, bias=False)


def blocks(body: ResNet, levels: Tensor) -> list[Tensor]:
    """Return the features of a ResNet's five blocks, (batch, maps, height, width)."""
    found = [body.relu(body.bn1(body.conv1(levels)))]
    maps = body.maxpool(found[0])
    for layer in (body.layer1, body.layer2, body.layer3, body.layer4):
        maps = layer(maps)
        found.append(maps)
    return found


def widths(body: ResNet) -> list[int]:
    """Return the maps of a ResNet's five blocks."""
    found = [body.conv1.out_channels]
    for layer in (body.layer1, body.layer2, body.layer3, body.layer4):
        last = layer[-1]
        found.append((last.conv2 if isinstance(last, BasicBlock) else last.conv3).out_channels)
    return found
