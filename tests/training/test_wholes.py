from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tamperscope import plugins
from tamperscope.datasets.manifest import Manifest
from tamperscope.errors import BadMask
from tamperscope.forge.make import forge
from tamperscope.io.decode import decode
from tamperscope.networks._base import Sight
from tamperscope.signal.error_level import grid_levels, whole_levels
from tamperscope.training import wholes
from tamperscope.training.config import Training
from tamperscope.training.data import VALIDATION, Labelled, Photographs, collate, open_splits, saved_like
from tamperscope.training.export import export
from tamperscope.training.run import stream, train
from tamperscope.training.wholes import Wholes, comparable
from tamperscope.types import Photo
from training_made import TINY, write_set

SIGHT = Sight(side=64, levels=90)
GRID = replace(SIGHT, levels=5, grid=True)
EVEN = replace(TINY, variant="", manipulated=0.5, resaved=1.0, per_photo=1)


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Photographs]:
    return open_splits(str(write_set(tmp_path_factory.mktemp("made"))), None, 0)


def test_an_item_is_a_photographs_error_levels(splits: dict[str, Photographs]) -> None:
    labelled = splits["val"].labelled
    items = Wholes.of_each(labelled, replace(EVEN, resaved=0.0), SIGHT)
    assert len(items) == len(labelled)
    for item, (path, manipulated, _) in zip(map(items.__getitem__, range(len(items))), labelled, strict=True):
        assert item["label"].tolist() == [manipulated]
        assert np.array_equal(item["pixels"][0], whole_levels(decode(path).pixels, 90, 64))


def test_levels_are_not_scaled_as_pixels_are(splits: dict[str, Photographs]) -> None:
    item = Wholes.of_each(splits["val"].labelled, EVEN, SIGHT)[0]
    batch = collate([item])
    assert batch["pixels"].shape == (1, 3, 64, 64)
    assert np.array_equal(batch["pixels"][0].permute(1, 2, 0).numpy(), item["pixels"][0])


def test_both_classes_are_saved_alike(splits: dict[str, Photographs]) -> None:
    """The trap of CASIA: what was not saved once more could be told by its file's quality."""
    for again in (0.0, 1.0):
        items = Wholes.of_each(splits["val"].labelled, replace(EVEN, resaved=again), SIGHT)
        plain = [whole_levels(decode(path).pixels, 90, 64) for path, *_ in splits["val"].labelled]
        same = [np.array_equal(items[place]["pixels"][0], one) for place, one in enumerate(plain)]
        assert all(same) if again == 0 else not any(same)


def test_items_are_drawn_the_same_for_the_same_seed(splits: dict[str, Photographs]) -> None:
    training = replace(EVEN, forged=0.5, epoch_steps=5)
    first, again, later = (Wholes(splits["train"].labelled, training, epoch, SIGHT) for epoch in (0, 0, 1))
    assert len(first) == 5 * training.batch
    assert np.array_equal(first[3]["pixels"], again[3]["pixels"])
    assert not np.array_equal(first[3]["pixels"], later[3]["pixels"])
    labels = [bool(first[place]["label"][0]) for place in range(len(first))]
    assert 0 < sum(labels) < len(labels)


def test_a_class_that_is_missing_gives_its_label_to_no_other(splits: dict[str, Photographs]) -> None:
    for wanted in (False, True):
        only = [one for one in splits["train"].labelled if one[1] == wanted]
        items = Wholes(only, replace(EVEN, epoch_steps=3), 0, SIGHT)
        assert {bool(items[place]["label"][0]) for place in range(len(items))} == {wanted}


def test_pristine_photographs_alone_make_both_classes_where_they_are_forged(
    splits: dict[str, Photographs],
) -> None:
    pristine = [one for one in splits["train"].labelled if not one.manipulated]
    items = Wholes(pristine, replace(EVEN, epoch_steps=3, forged=1.0), 0, SIGHT)
    assert {bool(items[place]["label"][0]) for place in range(len(items))} == {False, True}


def test_classes_are_compared_within_data_sets(tmp_path: Path) -> None:
    one, other, alone = (
        Labelled(tmp_path / name, manipulated, source)
        for name, manipulated, source in (("a", False, "x"), ("b", True, "x"), ("c", False, "y"))
    )
    assert comparable([one, other, alone]) == [one, other]
    assert comparable([one, alone]) == [one, alone]
    among = SimpleNamespace(labelled=[one, other, alone])
    validation = stream(among, EVEN, VALIDATION, SIGHT)  # type: ignore[arg-type]
    assert isinstance(validation, Wholes)
    assert validation.labelled == [one, other]


def test_forged_ones_of_both_classes_have_the_same_history(
    splits: dict[str, Photographs], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def forging(*given: Any) -> Any:
        made.append(forge(*given))
        return made[-1]

    monkeypatch.setattr(wholes, "forge", forging)
    items = Wholes(splits["train"].labelled, replace(EVEN, forged=1.0, epoch_steps=8), 0, SIGHT)
    labels = [bool(items[place]["label"][0]) for place in range(len(items))]
    assert [bool(one.kind) for one in made] == labels
    assert 0.2 < np.mean(labels) < 0.8
    for wanted in (False, True):
        assert any("host" in one.parameters for one in made if bool(one.kind) == wanted)


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photograph")
    items = Wholes([Labelled(tmp_path / "broken.jpg", True)], EVEN, 0, SIGHT)
    assert items[0]["failed"]
    assert not len(items[0]["label"])
    one = Wholes.of_each([Labelled(tmp_path / "broken.jpg", True)], EVEN, SIGHT)[0]
    assert not one["failed"]
    assert "broken.jpg" in one["skipped"][0] or "not a picture" in one["skipped"][0]


def test_no_mask_is_read_in_a_training(
    splits: dict[str, Photographs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reading(*_: object) -> None:
        raise BadMask("a mask was read", "never do that here")

    monkeypatch.setattr(Manifest, "mask", reading)
    monkeypatch.setattr(Manifest, "_mask", reading, raising=False)
    options: Training = replace(EVEN, epochs=1, forged=0.3, validation=2)
    train("wcbnet", splits["train"], splits["val"], options, tmp_path / "run")
    with pytest.raises(Exception, match=r"mask was read|cannot be used"):  # what sees patches does read them
        train("fcn", splits["train"], splits["val"], replace(options, per_photo=2), tmp_path / "patches")


def test_a_sight_on_the_grid_sees_windows_of_photographs_as_they_are(splits: dict[str, Photographs]) -> None:
    labelled = splits["val"].labelled
    training = replace(EVEN, resaved=0.0)
    items = Wholes.of_each(labelled, training, GRID)
    for item, (path, manipulated, _) in zip(map(items.__getitem__, range(len(items))), labelled, strict=True):
        expected = grid_levels(decode(path).pixels, 5, 64)
        assert len(item["pixels"]) == 4  # of 128x128
        assert item["label"].tolist() == [manipulated] * 4
        assert np.array_equal(item["pixels"][3], expected[-64:, -64:])
    one = Wholes(splits["train"].labelled, training, 0, GRID)[0]
    assert one["pixels"].shape == (1, 64, 64, 3)


@pytest.mark.parametrize("sight", [SIGHT, GRID])
def test_twins_are_of_both_classes(splits: dict[str, Photographs], sight: Sight) -> None:
    training = replace(EVEN, twins=True, forged=0.5, epoch_steps=6, resaved=0.5)
    items = Wholes(splits["train"].labelled, training, 0, sight)
    assert len(items) == 6 * training.batch // 2
    for place in range(len(items)):
        item = items[place]
        assert item["label"].tolist() == [False, True]
        assert item["pixels"].shape == (2, 64, 64, 3)
        assert np.array_equal(item["pixels"], items[place]["pixels"])
    # Without manipulated photographs all of them are forged.
    pristine = [one for one in splits["train"].labelled if not one.manipulated]
    assert Wholes(pristine, replace(training, forged=1.0), 0, sight)[0]["label"].tolist() == [False, True]


def test_of_drawn_twins_the_pristine_one_was_saved_as_the_other(
    splits: dict[str, Photographs], monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = []

    def saving(photo: Photo, other: Photo) -> Photo:
        pairs.append((photo, other, saved_like(photo, other)))
        return pairs[-1][2]

    monkeypatch.setattr(wholes, "saved_like", saving)
    items = Wholes(splits["train"].labelled, replace(EVEN, twins=True, forged=0.0, epoch_steps=4), 0, SIGHT)
    for place in range(len(items)):
        items[place]
    assert len(pairs) == len(items)
    for photo, other, saved in pairs:
        if other.jpeg is None:
            assert saved is photo
            continue
        assert saved.jpeg is not None
        assert np.array_equal(saved.jpeg.tables[0], other.jpeg.tables[0])


def test_a_training_with_twins_runs_and_its_card_tells_the_sight(
    splits: dict[str, Photographs], tmp_path: Path
) -> None:
    options = replace(EVEN, variant="blocks", twins=True, forged=0.5, epochs=1, epoch_steps=1)
    train("wcbnet", splits["train"], splits["val"], options, tmp_path / "run")
    card = export(tmp_path / "run", tmp_path / "wcbnet.onnx", splits)
    assert card.sight["grid"]
    assert card.sight["levels"] == 5
    found = plugins.build("detectors", "wcbnet", weights=str(tmp_path / "wcbnet.onnx"))
    photo = decode(splits["val"].labelled[0].path)
    assert found.localize(photo).heatmap.shape == (photo.height, photo.width)
    # What its card says of whole photographs is what the detector says of them.
    told = comparable(splits["val"].labelled)
    labels = np.array([one.manipulated for one in told])
    said = np.array([found.look(decode(one.path)).suspicion for one in told])
    measured = card.metrics["val"]
    assert measured["raw"]["photographs"] == measured["equalized"]["photographs"] == len(told)
    assert measured["raw"]["image_auc"] == pytest.approx(roc_auc_score(labels, said), abs=1e-4)
    right = (said > 0) == labels
    balanced = (right[labels].mean() + right[~labels].mean()) / 2
    assert measured["raw"]["balanced_accuracy"] == pytest.approx(balanced, abs=1e-4)


def test_hosts_are_drawn_evenly_from_each_data_set(
    splits: dict[str, Photographs], monkeypatch: pytest.MonkeyPatch
) -> None:
    (few, *many) = [one for one in splits["train"].labelled if not one.manipulated]
    labelled = [few._replace(source="few"), *[one._replace(source="many") for one in many] * 20]
    read: list[Any] = []

    def reading(given: Any) -> Photo:
        read.append(given)
        return decode(given)

    monkeypatch.setattr(wholes, "decode", reading)
    shares = []
    for evenly in (False, True):
        items = Wholes(labelled, replace(EVEN, evenly=evenly, forged=1.0, epoch_steps=12), 0, SIGHT)
        read.clear()
        for place in range(len(items)):
            items[place]
        hosts = [given for given in read if not isinstance(given, bytes)]
        shares.append(hosts.count(few.path) / len(hosts))
    assert shares[0] < 0.1
    assert 0.3 < shares[1] < 0.7
