"""Weights that others published: fetched once, checked, and read without running what is in them."""

import hashlib
import pickle
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from tamperscope.errors import CorruptFile, MissingWeights
from tamperscope.io.paths import display

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MEAN", "SPREAD", "check", "tensors"]

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels, by which they are scaled

# How those who publish weights name their files: by the SHA-256 (the cache of Hugging Face), or with its
# first letters at the end (PyTorch).
_NAMED = re.compile(r"(?:^|-)([0-9a-f]{64}|[0-9a-f]{8})$")


def check(path: Path) -> str:
    """Return the SHA-256 of a file of weights.

    Raises:
        MissingWeights: it cannot be read.
        CorruptFile: its name, or that of the file it links to, is another SHA-256 or ends in one.

    """
    try:
        named = _NAMED.search(path.resolve().stem)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise MissingWeights(
            f"weights cannot be read ({error.strerror or error})", "give another file", display(path)
        ) from error
    if named and not digest.startswith(named[1]):
        raise CorruptFile(
            "it is not what was published", "delete it, so that it is fetched anew", display(path)
        )
    return digest


def tensors(published: Any, path: Path | None = None) -> "dict[str, Tensor]":
    """Return the tensors of one of torchvision's published weights, from ``path`` if it is given.

    Otherwise they are fetched once and kept in PyTorch's cache. Such files are pickles: nothing but tensors
    is read from them.

    Raises:
        MissingWeights: they cannot be had.
        CorruptFile: the file is damaged, or not what was published.

    """
    import torch
    from torch.hub import get_dir

    kept = path or Path(get_dir()) / "checkpoints" / published.url.rpartition("/")[2]
    if not path and kept.exists():  # torchvision checks only what it fetches
        check(kept)
    try:
        if path:
            found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
            return found
        with redirect_stdout(sys.stderr):  # it says there what it fetches
            found = published.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except (pickle.UnpicklingError, EOFError) as error:
        raise CorruptFile("it holds more than tensors", "give a file of weights", display(kept)) from error
    except (OSError, URLError, RuntimeError) as error:
        if path:
            raise MissingWeights(
                f"weights cannot be read ({error})", "give another file", display(path)
            ) from error
        raise MissingWeights(
            f"published weights cannot be had ({str(error).strip()})",
            f"fetch {published.url} on another machine and put it at {kept}",
        ) from error
    return found
