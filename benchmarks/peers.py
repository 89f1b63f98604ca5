"""Each detector, from file to heatmap, beside pyIFD's function for the same paper; see README.md."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from pyIFD.ADQ2 import getJmap
from pyIFD.BLK import GetBlockGrid
from pyIFD.DCT import DCT
from pyIFD.ELA import ELA
from pyIFD.NADQ import NADQ
from pyIFD.NOI1 import GetNoiseMap

import tamperscope
from tamperscope.demo import make

PEERS = {
    "adjpeg": getJmap,
    "blk": GetBlockGrid,
    "dct": DCT,
    "ela": ELA,
    "nadjpeg": NADQ,
    "noi": GetNoiseMap,
}
SIZES = {"384x256": (384, 256), "12 MP": (4000, 3000)}


@pytest.fixture(scope="session", params=SIZES)
def photo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a forged JPEG of the size, from the demonstration's photographs."""
    folder = tmp_path_factory.mktemp("photos")
    forged, _ = make(folder)
    small = np.asarray(Image.open(forged))
    width, height = SIZES[request.param]
    # Tiled, not enlarged: enlarging would leave nothing but zeros to compress.
    tiles = np.tile(small, (-(-height // small.shape[0]), -(-width // small.shape[1]), 1))
    path = folder / "photo.jpg"
    cv2.imwrite(str(path), tiles[:height, :width], [cv2.IMWRITE_JPEG_QUALITY, 92])
    return path


def _ours(name: str) -> Callable[[str], Any]:
    detector = tamperscope.detector(name)
    return lambda path: detector.localize(tamperscope.load(path)).heatmap


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("whose", ["ours", "pyIFD"])
@pytest.mark.parametrize("name", PEERS)
def test_speed(name: str, whose: str, photo: Path, benchmark: Any, request: pytest.FixtureRequest) -> None:
    benchmark.group = f"{name}, {request.node.callspec.params['photo']}"
    function = _ours(name) if whose == "ours" else PEERS[name]
    large = request.node.callspec.params["photo"] == "12 MP"
    found = benchmark.pedantic(
        function, [str(photo)], rounds=1 if large and whose == "pyIFD" else 5, warmup_rounds=not large
    )
    assert found is not None
