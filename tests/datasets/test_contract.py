"""What every data set promises, on a small tree in its published layout."""

from pathlib import Path

import numpy as np
import pytest

from dataset_trees import SHAPE, TREES, ellipse
from tamperscope import plugins
from tamperscope.datasets import Dataset, open_dataset, split
from tamperscope.errors import BadMask, InvalidParameter, UnknownPlugin, WrongLayout

NAMES = plugins.names("datasets", own=True)


@pytest.fixture(params=NAMES)
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    TREES[request.param](tmp_path)
    return open_dataset(request.param, tmp_path)


def test_every_data_set_has_a_tree() -> None:
    assert sorted(TREES) == list(NAMES)


def test_the_card_is_complete(dataset: Dataset) -> None:
    card = dataset.card
    assert all([card.title, card.paper, card.url, card.terms, card.layout.strip()])
    assert card.url.startswith(("http", "docs/"))
    assert all(fault and fault[-1] != "." for fault in card.faults)


def test_samples_are_sorted_unique_and_there(dataset: Dataset) -> None:
    samples = dataset.samples()
    names = [sample.name for sample in samples]
    assert names == sorted(set(names))
    assert {sample.manipulated for sample in samples} == {True, False}
    for sample in samples:
        assert sample.image.is_file()
        assert sample.image == dataset.root / sample.name
        assert sample.group
        assert sample.kind in ("", "splice", "copy-move", "removal")
        assert sample.manipulated or sample.mask is None
        assert not sample.kind or sample.manipulated


def test_masks_are_exact(dataset: Dataset) -> None:
    for sample in dataset.samples():
        truth = dataset.mask(sample, SHAPE)
        assert truth.dtype == np.bool_
        np.testing.assert_array_equal(truth, ellipse() if sample.manipulated else np.zeros(SHAPE, bool))


def test_a_mask_of_another_size_is_an_error_that_names_it(dataset: Dataset) -> None:
    sample = next(sample for sample in dataset.samples() if sample.manipulated)
    with pytest.raises(BadMask, match=r"it is 64x48, its photo 70x50; masks are never resized") as caught:
        dataset.mask(sample, (50, 70))
    assert caught.value.source == str(sample.mask)


def test_a_missing_mask_is_an_error_that_names_the_photo(dataset: Dataset) -> None:
    sample = next(sample for sample in dataset.samples() if sample.manipulated)
    assert sample.mask
    sample.mask.unlink()
    with pytest.raises(BadMask) as caught:
        dataset.mask(sample, SHAPE)
    assert caught.value.source == str(sample.image)


def test_a_broken_mask_is_an_error_that_names_it(dataset: Dataset) -> None:
    sample = next(sample for sample in dataset.samples() if sample.manipulated)
    assert sample.mask
    sample.mask.write_bytes(b"nonsense")
    if type(dataset).__name__ != "Coverage":  # which knows the truth from the pair as well
        with pytest.raises(BadMask, match="cannot be read") as caught:
            dataset.mask(sample, SHAPE)
        assert caught.value.source == str(sample.mask)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("exists", [True, False])
def test_a_wrong_root_is_an_error_that_names_it(name: str, exists: bool, tmp_path: Path) -> None:
    root = tmp_path / "elsewhere"
    if exists:
        root.mkdir()
    with pytest.raises(WrongLayout) as caught:
        open_dataset(name, root).samples()
    assert str(caught.value).startswith(str(root))
    assert "expected below the root" in str(caught.value) or not exists


@pytest.mark.parametrize("name", NAMES)
def test_a_root_that_is_an_empty_file_is_an_error(name: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.touch()
    with pytest.raises(WrongLayout) as caught:
        open_dataset(name, root).samples()
    assert str(caught.value).startswith(str(root))


def test_pristine_photos_share_the_group_of_what_was_made_from_them(tmp_path: Path) -> None:
    expected = {
        "casia1": "ani0001",
        "casia2": "ani00001",
        "coverage": "1",
        "comofod": "001",
        "imd2020": "1a1ogs",
    }
    for name, group in expected.items():
        root = tmp_path / name
        root.mkdir()
        TREES[name](root)
        samples = open_dataset(name, root).samples()
        assert {sample.manipulated for sample in samples if sample.group == group} == {True, False}


def test_every_data_set_can_be_split(dataset: Dataset) -> None:
    done = split(dataset.samples())
    places = {(sample.group, sample.split) for sample in done}
    assert len(places) == len({group for group, _ in places})


def test_unknown_names_and_fields_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownPlugin, match=r"did you mean 'casia[12]'"):
        open_dataset("casia", tmp_path)
    with pytest.raises(InvalidParameter, match="has no field 'x'"):
        open_dataset("carvalho", tmp_path, x=1)
