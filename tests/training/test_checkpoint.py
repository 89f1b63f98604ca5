from pathlib import Path

import pytest
import torch

from tamperscope.errors import CorruptFile
from tamperscope.training.checkpoint import SafeCheckpoints


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    state = {
        "epoch": 3,
        "weights": {"a": torch.arange(6.0).reshape(2, 3), "b": [torch.tensor(2), None, True]},
        "optimizer": {0: (0.9, 0.999), 1: {"step": 1.5}},
        "odd": {"tensor": "a name", "items": float("inf")},
    }
    SafeCheckpoints().save_checkpoint(state, tmp_path / "new" / "one.safetensors")
    found = SafeCheckpoints().load_checkpoint(tmp_path / "new" / "one.safetensors")
    torch.testing.assert_close(found.pop("weights"), state.pop("weights"))
    assert found == state


def test_what_json_and_tensors_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="cannot hold object"):
        SafeCheckpoints().save_checkpoint({"a": object()}, tmp_path / "one.safetensors")


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    path.write_bytes(b"not at all")
    with pytest.raises(CorruptFile, match=r"one\.safetensors"):
        SafeCheckpoints().load_checkpoint(path)
