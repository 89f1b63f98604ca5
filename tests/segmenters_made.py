"""Small networks with random weights, saved as those are that others published."""

from pathlib import Path
from typing import Any

import torch

__all__ = ["made_weights"]


def made_weights(name: str, folder: Path) -> Path | None:
    """Write weights for a segmenter; None for one that needs none."""
    torch.manual_seed(7)
    make = {"deeplab": _deeplab, "pspnet": _pspnet, "sam": _sam}.get(name)
    return make(folder) if make else None


def _deeplab(folder: Path) -> Path:
    from torchvision.models.segmentation import deeplabv3_resnet50

    network = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=21, aux_loss=True)
    torch.save(network.state_dict(), folder / "deeplab.pth")
    return folder / "deeplab.pth"


def _pspnet(folder: Path) -> Path:
    import segmentation_models_pytorch

    network = segmentation_models_pytorch.PSPNet("resnet18", encoder_weights=None, classes=4)
    network.save_pretrained(folder / "pspnet")
    return folder / "pspnet"


def _sam(folder: Path) -> Path:
    from transformers import (
        SamConfig,
        SamImageProcessor,
        SamMaskDecoderConfig,
        SamModel,
        SamProcessor,
        SamPromptEncoderConfig,
        SamVisionConfig,
    )

    size = 64
    vision = SamVisionConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=size,
        patch_size=8,
        output_channels=16,
        mlp_dim=16,
        num_pos_feats=8,
        global_attn_indexes=[0],
        window_size=4,
    )
    prompt = SamPromptEncoderConfig(hidden_size=16, image_size=size, patch_size=8, mask_input_channels=4)
    decoder = SamMaskDecoderConfig(
        hidden_size=16, mlp_dim=16, num_hidden_layers=1, num_attention_heads=2, iou_head_hidden_dim=16
    )
    config = SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    SamModel(config).save_pretrained(folder / "sam")
    sizes = {"size": {"longest_edge": size}, "pad_size": {"height": size, "width": size}}
    masks = {
        "mask_size": {"longest_edge": size // 4},
        "mask_pad_size": {"height": size // 4, "width": size // 4},
    }
    kind: Any = SamProcessor  # whose constructor has no types
    kind(SamImageProcessor(**sizes, **masks)).save_pretrained(folder / "sam")
    return folder / "sam"
