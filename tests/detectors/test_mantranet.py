from pathlib import Path
from typing import Any

import numpy as np
import pytest

import photos
from networks_made import write_network
from tamperscope import plugins
from tamperscope.errors import MissingWeights
from tamperscope.io.decode import decode


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("made") / "m.onnx", ["mask"], side=None, network="mantranet")


def build(weights: Path, **fields: Any) -> Any:
    return plugins.build("detectors", "mantranet", weights=str(weights), **fields)


@pytest.mark.parametrize(("side", "overlap"), [(640, 64), (64, 16), (72, 0), (200, 512), (64, 64)])
def test_parts_are_laid_where_they_belong(made: Path, side: int, overlap: int) -> None:
    given = decode(photos.encode(photos.crop(150, 205)))
    found = build(made, side=side, overlap=overlap).localize(given)
    assert np.abs(found.heatmap - given.pixels.mean(axis=2) / 255).max() < 1e-5
    assert found.score is None


def test_without_weights_it_says_where_they_come_from() -> None:
    with pytest.raises(MissingWeights, match="tamperscope convert"):
        plugins.build("detectors", "mantranet").prepare()
