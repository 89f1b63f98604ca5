"""Regions by PSPNet, for weights in the format of segmentation-models-pytorch."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from tamperscope.errors import CorruptFile, MissingWeights
from tamperscope.io.paths import display
from tamperscope.io.published import check
from tamperscope.plugins import option
from tamperscope.segmenters._learned import SemanticSegmenter

__all__ = ["PspNet"]

_REMEDY = "give a folder with config.json and model.safetensors, as that library's save_pretrained writes it"


@dataclass(frozen=True)
class PspNet(SemanticSegmenter):
    """PSPNet of segmentation-models-pytorch, which publishes no weights for everyday things: give your own.

    References:
        Zhao, Shi, Qi, Wang & Jia, "Pyramid Scene Parsing Network", CVPR 2017.

    """

    weights: str = option(
        "", "folder of weights as segmentation-models-pytorch saves them; none are published"
    )

    title: ClassVar[str] = "PSPNet"
    paper: ClassVar[str] = "Zhao et al., Pyramid Scene Parsing Network, CVPR 2017"

    def _logits(self, pixels: Any) -> Any:
        import torch

        height, width = pixels.shape[2:]
        beyond = -height % 32, -width % 32  # whole cells of the network's coarsest maps
        padded = torch.nn.functional.pad(pixels, (0, beyond[1], 0, beyond[0]), mode="replicate")
        return self.network()(padded)[:, :, :height, :width]

    @staticmethod
    @lru_cache(maxsize=1)
    def _load(weights: str) -> Any:
        if not weights:
            raise MissingWeights("no weights of PSPNet are published by its library", _REMEDY)
        import segmentation_models_pytorch

        check(Path(weights) / "model.safetensors")
        try:
            network = segmentation_models_pytorch.from_pretrained(weights, strict=True)
        except Exception as error:  # of the library, of JSON and of safetensors
            raise CorruptFile(f"it holds no network ({error})", _REMEDY, display(weights)) from error
        if not isinstance(network, segmentation_models_pytorch.PSPNet):
            raise CorruptFile(f"it holds a {type(network).__name__}", _REMEDY, display(weights))
        return network.eval()
