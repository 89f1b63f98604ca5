"""Published weights of ImageNet, through torchvision's own loader."""

import hashlib
import pickle
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor

from tamperscope.errors import TrainingFailed

__all__ = ["MEAN", "SPREAD", "imagenet"]

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels, by which they are scaled


def imagenet(weights: Any) -> dict[str, Tensor]:
    """Return the tensors of one of torchvision's published weights, fetched once and kept in PyTorch's cache.

    The file is a pickle: its SHA-256 must begin as its name says, and nothing but tensors is read from it.

    Raises:
        TrainingFailed: it cannot be had, or is damaged.

    """
    name = weights.url.rpartition("/")[2]
    kept = Path(torch.hub.get_dir()) / "checkpoints" / name
    try:
        if kept.exists():  # torchvision checks what it fetches only
            digest = hashlib.sha256(kept.read_bytes()).hexdigest()
            if not digest.startswith(kept.stem.rpartition("-")[2]):
                raise RuntimeError(f"{kept} is not what was published")
        found: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, URLError, RuntimeError, pickle.UnpicklingError) as error:
        raise TrainingFailed(
            f"ImageNet's weights cannot be had ({str(error).strip()})",
            f"fetch {weights.url} on another machine and put it at {kept}, or choose a variant without",
        ) from error
    return found
