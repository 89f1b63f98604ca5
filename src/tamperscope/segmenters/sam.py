"""Regions by SAM, asked about a grid of points."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tamperscope.errors import CorruptFile, MissingWeights
from tamperscope.io.paths import display
from tamperscope.io.published import check
from tamperscope.plugins import option
from tamperscope.segmenters._base import Masks
from tamperscope.segmenters._learned import LearnedSegmenter

__all__ = ["Sam"]

_NAME, _FILE = "facebook/sam-vit-base", "model.safetensors"
_LEAST = 8  # pixels of a side: below, the library takes rows for colours


@dataclass(frozen=True)
class Sam(LearnedSegmenter):
    """Segment Anything's generation of masks, in the implementation of transformers.

    References:
        Kirillov et al., "Segment Anything", ICCV 2023.

    """

    points: int = option(16, "along each side of the photo", low=1, high=64)
    batch: int = option(64, "points that are asked about at once", low=1, high=4096)
    quality: float = option(0.88, "of a mask, in SAM's own estimate, at least", low=0.0, high=1.0)
    stability: float = option(0.95, "of a mask under other thresholds, at least", low=0.0, high=1.0)

    title: ClassVar[str] = "Segment Anything"
    paper: ClassVar[str] = "Kirillov et al., Segment Anything, ICCV 2023"

    def _regions(self, pixels: NDArray[np.uint8]) -> Masks:
        nothing = np.zeros((0, *pixels.shape[:2]), np.bool_)
        if min(pixels.shape[:2]) < _LEAST:
            return nothing
        found = self.network()(
            Image.fromarray(pixels),
            points_per_crop=self.points,
            points_per_batch=self.batch,
            pred_iou_thresh=self.quality,
            stability_score_thresh=self.stability,
        )["masks"]
        masks = [np.asarray(mask, np.bool_) for mask in found]
        return np.stack(masks) if masks else nothing

    @staticmethod
    @lru_cache(maxsize=1)
    def _load(weights: str) -> Any:
        from huggingface_hub import hf_hub_download
        from transformers import MaskGenerationPipeline, SamModel, SamProcessor

        try:
            check(Path(weights) / _FILE if weights else Path(hf_hub_download(_NAME, _FILE)))
            kind: Any = SamModel  # whose types do not know that it tells what it lacked
            model, loading = kind.from_pretrained(
                weights or _NAME, use_safetensors=True, output_loading_info=True
            )
            if wrong := [*loading["missing_keys"], *loading["mismatched_keys"]]:  # drawn at random, otherwise
                raise CorruptFile(
                    f"it lacks {len(wrong)} tensors of SAM, such as {wrong[0]}",
                    "fetch it anew",
                    display(weights),
                )
            processor = SamProcessor.from_pretrained(weights or _NAME)
        except (MissingWeights, CorruptFile):
            raise
        except Exception as error:  # of Hugging Face, of the network, and of safetensors
            raise MissingWeights(
                f"weights of SAM cannot be had ({str(error).strip().splitlines()[0]})",
                f"fetch https://huggingface.co/{_NAME} on another machine, and give its folder as weights",
                display(weights),
            ) from error
        pipeline: Any = MaskGenerationPipeline  # whose constructor has no types
        return pipeline(model=model, image_processor=processor.image_processor)
