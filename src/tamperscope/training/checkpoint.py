"""Checkpoints as safetensors: everything that Lightning keeps, and nothing that could run when it is read."""

import json
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from tamperscope.errors import CorruptFile
from tamperscope.io.paths import display, write_whole

__all__ = ["SafeCheckpoints", "kept_weights"]

_NETWORK = "network."  # where `module` holds it
_STATE = "state"  # the metadata's key; values are JSON, tensors are named in them


class SafeCheckpoints(CheckpointIO):
    """Keeps a checkpoint's tensors as such, all else as JSON in the file's metadata; replaces it whole."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: Any,
        storage_options: Any | None = None,  # noqa: ARG002  Lightning's signature, also below
    ) -> None:
        """Write it whole: a kill leaves the last one.

        Raises:
            OutputError: the disk is full.

        """
        tensors: dict[str, Tensor] = {}
        state = json.dumps(_flattened(checkpoint, tensors))
        target = Path(path)
        write_whole(target, save(tensors, {_STATE: state}))

    def load_checkpoint(
        self,
        path: Any,
        map_location: Any | None = None,  # noqa: ARG002
        weights_only: bool | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return what was saved.

        Raises:
            CorruptFile: the file is no checkpoint of ours.

        """
        try:
            with safe_open(path, "pt", device="cpu") as file:
                state = json.loads((file.metadata() or {})[_STATE])
                found: dict[str, Any] = _restored(
                    state,
                    {name: file.get_tensor(name) for name in file.keys()},  # noqa: SIM118
                )
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise CorruptFile(
                f"it is no checkpoint ({type(error).__name__}: {error})",
                "remove it to begin again",
                display(Path(path)),
            ) from error
        return found

    def remove_checkpoint(self, path: Any) -> None:
        """Remove it, if it is there."""
        Path(path).unlink(missing_ok=True)


def kept_weights(path: Path) -> dict[str, Tensor] | None:
    """Return a network's weights in a checkpoint of its training; None if a file is none."""
    with safe_open(path, "pt", device="cpu") as file:
        if _STATE not in (file.metadata() or {}):
            return None
    state = SafeCheckpoints().load_checkpoint(path)["state_dict"]
    return {
        name.removeprefix(_NETWORK): values for name, values in state.items() if name.startswith(_NETWORK)
    }


def _flattened(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Return the value fit for JSON: one-key objects stand for what JSON lacks; fill ``tensors``."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        items = [[_flattened(key, tensors), _flattened(entry, tensors)] for key, entry in value.items()]
        return {"items": items}
    if isinstance(value, tuple):
        return {"tuple": [_flattened(entry, tensors) for entry in value]}
    if isinstance(value, list):
        return [_flattened(entry, tensors) for entry in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__}")


def _restored(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_restored(entry, tensors) for entry in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "tuple":
        return tuple(_restored(entry, tensors) for entry in content)
    return {_restored(key, tensors): _restored(entry, tensors) for key, entry in content}
