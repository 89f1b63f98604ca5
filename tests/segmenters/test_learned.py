"""Segmenters that need weights of others: where they come from, and what is said if they cannot be had."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import photos
from segmenters_made import made_weights
from tamperscope import plugins
from tamperscope.errors import CorruptFile, MissingWeights
from tamperscope.io.decode import decode
from tamperscope.segmenters.deeplab import DeepLab
from tamperscope.segmenters.sam import Sam

NAMES = [name for name in plugins.names("segmenters") if name != "felzenszwalb"]


@pytest.fixture(autouse=True)
def nothing_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No network, and caches that are empty."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    yield
    for name in NAMES:
        plugins.load("segmenters", name)._load.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_weights_that_cannot_be_had_are_said_before_the_first_photo(name: str) -> None:
    with pytest.raises(MissingWeights) as caught:
        plugins.build("segmenters", name).prepare()
    assert "give" in caught.value.remedy or "put it at" in caught.value.remedy


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_holds_something_else_is_refused(name: str, tmp_path: Path) -> None:
    place = tmp_path / "weights"
    if name == "deeplab":
        place.write_bytes(b"no weights")
    else:
        place.mkdir()
        (place / "model.safetensors").write_bytes(b"no weights")
        (place / "config.json").write_text("{}")
    with pytest.raises((CorruptFile, MissingWeights)):
        plugins.build("segmenters", name, weights=str(place)).prepare()


def test_what_is_in_the_cache_is_checked_and_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    from torchvision.models import segmentation

    made = made_weights("deeplab", tmp_path)
    assert made
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    published = segmentation.DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1
    kept = tmp_path / "torch" / "checkpoints" / f"made-{digest[:8]}.pth"
    kept.parent.mkdir(parents=True)
    shutil.copy(made, kept)
    ours = SimpleNamespace(
        url=f"https://example.org/{kept.name}",
        meta=published.meta,
        get_state_dict=lambda **options: torch.hub.load_state_dict_from_url(
            f"https://example.org/{kept.name}", **options
        ),
    )
    known = SimpleNamespace(COCO_WITH_VOC_LABELS_V1=ours)
    monkeypatch.setattr(segmentation, "DeepLabV3_ResNet50_Weights", known)
    DeepLab().prepare()
    DeepLab._load.cache_clear()
    kept.write_bytes(made.read_bytes()[:-1] + b"x")
    with pytest.raises(CorruptFile, match="not what was published; delete it"):
        DeepLab().prepare()


def test_a_network_of_another_kind_is_no_pspnet(tmp_path: Path) -> None:
    import segmentation_models_pytorch

    network = segmentation_models_pytorch.Unet("resnet18", encoder_weights=None, classes=2)
    network.save_pretrained(tmp_path / "unet")
    with pytest.raises(CorruptFile, match="it holds a Unet"):
        plugins.build("segmenters", "pspnet", weights=str(tmp_path / "unet")).prepare()


def test_regions_are_the_connected_parts_of_classes_without_the_background(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    classes = torch.zeros(1, 21, 60, 80)
    classes[:, 0] = 1
    classes[:, 5, 5:25, 5:25] = 2  # two things of one class, and one of another that is too small
    classes[:, 5, 30:50, 40:70] = 2
    classes[:, 7, 0:3, 60:63] = 2
    monkeypatch.setattr(DeepLab, "_logits", lambda _self, _pixels: classes)
    found = DeepLab(least=50).regions(decode(photos.encode(photos.crop(60, 80))))
    assert sorted(found.sum(axis=(1, 2))) == [400, 600]


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_weights: str) -> Any:
        raise ImportError("No module named 'transformers'")

    monkeypatch.setattr(Sam, "_load", staticmethod(absent))
    with pytest.raises(MissingWeights, match=r"needs a library.*pip install 'tamperscope\[segment\]'"):
        Sam().prepare()
    monkeypatch.undo()


def test_sam_finds_the_same_as_its_library(tmp_path: Path) -> None:
    from PIL import Image
    from transformers import MaskGenerationPipeline, SamModel, SamProcessor

    made = str(made_weights("sam", tmp_path))
    given = decode(photos.encode(photos.crop(64, 96)))
    found = Sam(weights=made, points=3, quality=0.0, stability=0.0).regions(given)
    model, processor = SamModel.from_pretrained(made), SamProcessor.from_pretrained(made)
    kind: Any = MaskGenerationPipeline
    answers = kind(model=model, image_processor=processor.image_processor)(
        Image.fromarray(given.pixels), points_per_crop=3, pred_iou_thresh=0.0, stability_score_thresh=0.0
    )
    expected = np.stack([np.asarray(mask, bool) for mask in answers["masks"]])
    assert np.array_equal(found, expected[expected.any(axis=(1, 2))])


def test_weights_of_sam_must_be_whole(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    made = made_weights("sam", tmp_path)
    assert made
    state = load_file(made / "model.safetensors")
    state.pop(next(name for name in state if "mask_decoder" in name))
    save_file(state, made / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CorruptFile, match="it lacks 1 tensors of SAM"):
        Sam(weights=str(made)).prepare()


def test_weights_of_another_network_are_no_deeplab(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pth")
    with pytest.raises(CorruptFile, match="it holds another network"):
        DeepLab(weights=str(tmp_path / "other.pth")).prepare()
    (tmp_path / "empty.pth").write_bytes(b"")
    with pytest.raises(CorruptFile, match=r"empty\.pth"):
        DeepLab(weights=str(tmp_path / "empty.pth")).prepare()
