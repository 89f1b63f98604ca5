"""Detectors for tests: what learned runs a made network, which answers at once."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from networks_made import card, write_network, write_views
from tamperscope import plugins
from tamperscope.detectors._activation import ActivationNetwork
from tamperscope.detectors._base import Detector
from tamperscope.detectors._learned import Learned
from tamperscope.detectors._onnx import shipped
from tamperscope.detectors.fusion import Fusion

__all__ = ["build", "build_made", "made_weights"]

_FOLDER = TemporaryDirectory()  # until the tests end


def build(name: str, **fields: Any) -> Detector:
    """Make a detector with the weights that are shipped, or, if there are none, with made ones."""
    if issubclass(plugins.load("detectors", name), Learned) and not shipped(name).exists():
        return build_made(name, **fields)
    built: Detector = plugins.build("detectors", name, **fields)
    return built


def build_made(name: str, **fields: Any) -> Detector:
    """Make a detector, with made weights if it learned."""
    if weights := made_weights(name):
        fields = {"weights": str(weights), **fields}
    built: Detector = plugins.build("detectors", name, **fields)
    return built


@cache
def made_weights(name: str) -> Path | None:
    """Return a made network for a detector; None if it runs none."""
    kind, path = plugins.load("detectors", name), Path(_FOLDER.name) / f"{name}.onnx"
    if issubclass(kind, ActivationNetwork):
        return write_views(path, name, len(kind.views))
    if issubclass(kind, Fusion):
        return _exported("fusion", path)
    if issubclass(kind, Learned):
        return write_network(path, side=None if name == "mantranet" else 64, network=name)
    return None


def _exported(name: str, path: Path) -> Path:
    """Write the detector's own network with random weights."""
    import torch

    from tamperscope.training.export import to_onnx, with_card
    from tamperscope.training.run import build_network

    torch.manual_seed(0)
    path.write_bytes(with_card(to_onnx(build_network(name)), card(network=name)))
    return path
