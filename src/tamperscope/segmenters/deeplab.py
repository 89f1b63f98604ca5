"""Regions by DeepLab, which knows the twenty classes of Pascal VOC."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from tamperscope.errors import CorruptFile
from tamperscope.io.paths import display
from tamperscope.io.published import tensors
from tamperscope.segmenters._learned import SemanticSegmenter

__all__ = ["DeepLab"]


@dataclass(frozen=True)
class DeepLab(SemanticSegmenter):
    """DeepLabv3 on ResNet-50, in torchvision's implementation and with its weights.

    References:
        Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation", arXiv 1706.05587, 2017.

    """

    title: ClassVar[str] = "DeepLabv3"
    paper: ClassVar[str] = "Chen et al., Rethinking Atrous Convolution for Semantic Image Segmentation, 2017"
    background: ClassVar[int | None] = 0

    def _logits(self, pixels: Any) -> Any:
        return self.network()(pixels)["out"]

    @staticmethod
    @lru_cache(maxsize=1)
    def _load(weights: str) -> Any:
        from torchvision.models import segmentation

        published = segmentation.DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1
        network = segmentation.deeplabv3_resnet50(
            weights=None, weights_backbone=None, num_classes=len(published.meta["categories"]), aux_loss=True
        )
        try:
            network.load_state_dict(tensors(published, Path(weights) if weights else None))
        except RuntimeError as error:
            raise CorruptFile(
                f"it holds another network ({str(error).splitlines()[0]})",
                f"give the file from {published.url}",
                display(weights),
            ) from error
        return network.eval()
