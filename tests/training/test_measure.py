import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from networks_made import write_network
from photos import encode
from tamperscope import plugins
from tamperscope.detectors._onnx import open_weights
from tamperscope.errors import TrainingFailed
from tamperscope.io.decode import decode
from tamperscope.training.data import Patches, Photographs, open_splits
from tamperscope.training.measure import PER_PHOTO, measure, measure_photos
from training_made import TINY, write_set


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Photographs:
    return open_splits(str(write_set(tmp_path_factory.mktemp("set"))), None, 0)["val"]


def test_the_numbers_are_those_of_scikit_learn(photographs: Photographs, tmp_path: Path) -> None:
    trained = open_weights(write_network(tmp_path / "made.onnx"), "conv_lstm")
    found = measure(trained, photographs, TINY)
    manipulated = Photographs(photographs.dataset, photographs.of(manipulated=True))
    patches = Patches.of_each(manipulated, replace(TINY, positive=0.5, validation=PER_PHOTO))
    items = [patches[index] for index in range(len(patches))]
    mask = np.concatenate([item["mask"] for item in items]).ravel()
    label = np.concatenate([item["label"] for item in items])
    heat = np.concatenate([item["pixels"] for item in items]).mean(axis=3, dtype=np.float64) / 255
    assert (found.photographs, found.patches) == (len(items), len(label))
    assert found.pixel_curve is not None
    assert found.pixel_curve.auc == pytest.approx(roc_auc_score(mask, heat.ravel()), abs=1e-4)
    assert found.segmentation_accuracy == pytest.approx(accuracy_score(mask, heat.ravel() > 0.5), abs=1e-4)
    means = heat.mean(axis=(1, 2))
    assert found.patch_curve is not None
    assert found.patch_curve.auc == pytest.approx(roc_auc_score(label, means), abs=1e-3)
    assert found.patch_accuracy == accuracy_score(label, means > 0.5)
    assert found.patch_chance == max(label.mean(), 1 - label.mean())


def test_what_a_network_does_not_predict_is_not_measured(photographs: Photographs, tmp_path: Path) -> None:
    found = measure(
        open_weights(write_network(tmp_path / "m.onnx", ["mask"]), "conv_lstm"), photographs, TINY
    )
    assert (found.patch_accuracy, found.patch_curve) == (None, None)
    assert found.record["patch_auc"] is None
    assert found.record["pixel_auc"] is not None


def test_saving_again_changes_what_is_seen_but_not_the_truth(
    photographs: Photographs, tmp_path: Path
) -> None:
    trained = open_weights(write_network(tmp_path / "made.onnx"), "conv_lstm")
    plain, again = (measure(trained, photographs, TINY, resaved=resaved) for resaved in (False, True))
    assert plain.pixel_curve is not None
    assert again.pixel_curve is not None
    assert plain.pixel_curve.auc != again.pixel_curve.auc
    assert measure(trained, photographs, TINY, resaved=True).record == again.record


def test_without_forgeries_there_is_nothing_to_measure(photographs: Photographs, tmp_path: Path) -> None:
    pristine = Photographs(photographs.dataset, photographs.of(manipulated=False))
    trained = open_weights(write_network(tmp_path / "made.onnx"), "conv_lstm")
    with pytest.raises(TrainingFailed, match="no manipulated photograph"):
        measure(trained, pristine, TINY)


def test_whole_photographs_are_measured_for_each_data_set(tmp_path: Path) -> None:
    table = write_set(tmp_path) / "manifest.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    next(row for row in rows if row["split"] == "val" and row["label"] == "0")["dataset"] = "quiet"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    photographs = open_splits(str(table.parent), None, 0)["val"]
    weights = write_network(tmp_path / "made.onnx")
    detector = plugins.build("detectors", "conv_lstm", weights=str(weights))
    found = measure_photos(detector, photographs)
    areas = []
    for sample in photographs.of(manipulated=True):
        photo = decode(sample.image)
        truth = photographs.dataset.mask(sample, (photo.height, photo.width))
        areas.append(roc_auc_score(truth.ravel(), detector.localize(photo).heatmap.ravel()))
    assert found["made"]["manipulated"] == len(areas) > 1
    assert found["made"]["pixel_auc"] == pytest.approx(np.mean(areas), abs=1e-3)
    assert {name: found["quiet"][name] for name in ("manipulated", "pristine", "pixel_auc")} == {
        "manipulated": 0,
        "pristine": 1,
        "pixel_auc": None,
    }
    assert 0 <= found["quiet"]["false_alarm_area@card"] <= 1
    empty = photographs.of(manipulated=True)[0]
    assert empty.mask
    empty.mask.write_bytes(encode(np.zeros(decode(empty.image).pixels.shape[:2], np.uint8)))
    again = measure_photos(detector, photographs)["made"]
    assert again["manipulated"] == len(areas) - 1
    assert again["pristine"] == found["made"]["pristine"]
    pristine = Photographs(photographs.dataset, photographs.of(manipulated=False))
    with pytest.raises(TrainingFailed, match="no manipulated photograph"):
        measure_photos(detector, pristine)
