"""Each set's known faults, and what is done about them."""

from pathlib import Path

import numpy as np
import pytest

from dataset_trees import SHAPE, TREES, ellipse, put, put_mask
from photos import encode
from tamperscope.datasets import _casia, open_dataset
from tamperscope.errors import BadMask, WrongLayout


def test_casia1_masks_without_the_ending_are_found(tmp_path: Path) -> None:
    TREES["casia1"](tmp_path)
    folder = tmp_path / "CASIA 1.0 groundtruth"
    for path in list(folder.rglob("*.png")):
        path.rename(path.with_name(path.name.replace("_gt", "")))
    folder.rename(tmp_path / "Groundtruth")
    dataset = open_dataset("casia1", tmp_path)
    assert all(sample.mask for sample in dataset.samples() if sample.manipulated)


def test_folders_may_be_in_other_letters(tmp_path: Path) -> None:
    TREES["casia1"](tmp_path)
    (tmp_path / "Modified Tp").rename(tmp_path / "Modified TP")
    assert len(open_dataset("casia1", tmp_path).samples()) == 4


def test_casia1_tells_the_kind_by_the_name(tmp_path: Path) -> None:
    TREES["casia1"](tmp_path)
    kinds = {Path(one.name).stem: one.kind for one in open_dataset("casia1", tmp_path).samples()}
    assert kinds["Sp_S_NNN_C_txt0022_txt0022_0022"] == "copy-move"
    assert kinds["Sp_D_NRN_A_ani0001_sec0002_0003"] == "splice"
    assert kinds["Au_ani_0001"] == ""


def test_casia1_knows_whom_a_misspelt_name_means() -> None:
    names = [Path("Sp_D_NRN_A_ant0063_nat0065_0443.jpg"), Path("Au_nat_0063.jpg"), Path("Au_nat_0064.jpg")]
    groups = _casia._groups(names)
    assert groups[names[0].name] == groups[names[1].name] != groups[names[2].name]


def test_casia2_pairs_renamed_masks_by_their_number(tmp_path: Path) -> None:
    TREES["casia2"](tmp_path)
    truth = tmp_path / "CASIA 2 Groundtruth"
    renamed = truth / "Tp_S_NRN_S_N_ani00001_ani00001_00003_gt3.png"
    (truth / "Tp_D_NRN_S_N_ani00001_ani00002_00003_gt.png").rename(renamed)
    masks = [one.mask for one in open_dataset("casia2", tmp_path).samples() if one.manipulated]
    assert renamed in masks
    assert None not in masks


def test_casia2_does_not_guess_where_a_number_is_not_unique(tmp_path: Path) -> None:
    TREES["casia2"](tmp_path)
    truth = tmp_path / "CASIA 2 Groundtruth"
    path = truth / "Tp_D_NRN_S_N_ani00001_ani00002_00003_gt.png"
    for name in ("Tp_S_x_00003_gt.png", "Tp_D_y_00003_gt.png"):
        (truth / name).write_bytes(path.read_bytes())
    path.unlink()
    masks = [one.mask for one in open_dataset("casia2", tmp_path).samples() if "00003" in one.name]
    assert masks == [None]


def test_casia2_turns_swapped_masks_back(tmp_path: Path) -> None:
    TREES["casia2"](tmp_path)
    dataset = open_dataset("casia2", tmp_path)
    sample = next(one for one in dataset.samples() if one.manipulated)
    assert sample.mask
    sample.mask.write_bytes(encode(ellipse().T.astype(np.uint8) * 255))
    np.testing.assert_array_equal(dataset.mask(sample, SHAPE), ellipse())


def test_other_sets_do_not_swap(tmp_path: Path) -> None:
    TREES["casia1"](tmp_path)
    dataset = open_dataset("casia1", tmp_path)
    sample = next(one for one in dataset.samples() if one.manipulated)
    assert sample.mask
    sample.mask.write_bytes(encode(ellipse().T.astype(np.uint8) * 255))
    with pytest.raises(BadMask, match="48x64"):
        dataset.mask(sample, SHAPE)


@pytest.mark.parametrize("fault", ["shifted", "resized", "missing"])
def test_coverage_replaces_a_misaligned_mask_by_the_difference(tmp_path: Path, fault: str) -> None:
    TREES["coverage"](tmp_path)
    dataset = open_dataset("coverage", tmp_path)
    sample = next(one for one in dataset.samples() if one.manipulated)
    assert sample.mask
    if fault == "shifted":
        sample.mask.write_bytes(encode(np.roll(ellipse(), 10, axis=0).astype(np.uint8) * 255, "TIFF"))
    elif fault == "resized":
        put_mask(sample.mask, shape=(50, 66))
    else:
        sample.mask.unlink()
        with pytest.raises(BadMask):
            dataset.mask(sample, SHAPE)
        return
    found = dataset.mask(sample, SHAPE)
    assert (found != ellipse()).mean() < 0.02


def test_coverage_keeps_a_mask_that_covers_the_difference(tmp_path: Path) -> None:
    TREES["coverage"](tmp_path)
    dataset = open_dataset("coverage", tmp_path)
    sample = next(one for one in dataset.samples() if one.manipulated)
    larger = ellipse() | np.roll(ellipse(), 3, axis=1)
    assert sample.mask
    sample.mask.write_bytes(encode(larger.astype(np.uint8) * 255, "TIFF"))
    np.testing.assert_array_equal(dataset.mask(sample, SHAPE), larger)


def test_columbia_reads_the_noisy_colours_of_a_jpeg(tmp_path: Path) -> None:
    TREES["columbia"](tmp_path)
    dataset = open_dataset("columbia", tmp_path)
    sample = next(one for one in dataset.samples() if one.manipulated)
    colours = np.where(ellipse()[..., None], [10, 120, 5], [120, 12, 4]).astype(np.uint8)
    assert sample.mask
    sample.mask.write_bytes(encode(colours, "JPEG", quality=75, subsampling=0))
    assert (dataset.mask(sample, SHAPE) != ellipse()).mean() < 0.03


def test_carvalho_reads_its_other_part(tmp_path: Path) -> None:
    put(tmp_path / "DSI-1" / "splicing-07.png")
    put_mask(tmp_path / "DSI-1-Fake-Images-Masks" / "splicing-07.png", inverted=True)
    (sample,) = open_dataset("carvalho", tmp_path, part="DSI-1").samples()
    assert sample.manipulated
    with pytest.raises(WrongLayout, match="no folder DSO-1"):
        open_dataset("carvalho", tmp_path).samples()


def test_nist16_keeps_versions_of_one_photograph_together(tmp_path: Path) -> None:
    TREES["nist16"](tmp_path)
    samples = open_dataset("nist16", tmp_path).samples()
    assert samples[0].group == samples[1].group != samples[2].group
    assert [sample.kind for sample in samples] == ["splice", "splice", ""]


def test_nist16_keeps_a_forgery_of_a_forgery_with_it(tmp_path: Path) -> None:
    TREES["nist16"](tmp_path)
    table = tmp_path / "reference" / "manipulation" / "NC2016-manipulation-ref.csv"
    _, forged, _, pristine = table.read_text().split("\n")[:4]
    again = pristine.replace("|NA|NA|", "|probe/NC2016_0000.jpg|NA|")
    assert again != pristine
    table.write_text(table.read_text().replace(pristine, again))
    samples = open_dataset("nist16", tmp_path).samples()
    assert len({sample.group for sample in samples}) == 1, forged


def test_nist16_takes_all_that_is_not_white_as_manipulated(tmp_path: Path) -> None:
    TREES["nist16"](tmp_path)
    dataset = open_dataset("nist16", tmp_path)
    sample = next(one for one in dataset.samples() if one.manipulated)
    colours = np.where(ellipse()[..., None], [255, 0, 0], 255).astype(np.uint8)
    colours[0, 0] = 254
    assert sample.mask
    sample.mask.write_bytes(encode(colours))
    found = dataset.mask(sample, SHAPE)
    assert found[0, 0]
    found[0, 0] = False
    np.testing.assert_array_equal(found, ellipse())


def test_nist16_says_which_columns_are_missing(tmp_path: Path) -> None:
    TREES["nist16"](tmp_path)
    table = tmp_path / "reference" / "manipulation" / "NC2016-manipulation-ref.csv"
    table.write_text(table.read_text().replace("IsTarget", "Target"))
    with pytest.raises(WrongLayout, match="lacks the columns IsTarget"):
        open_dataset("nist16", tmp_path).samples()


def test_ifs_tc_may_be_the_other_way_round(tmp_path: Path) -> None:
    TREES["ifs_tc"](tmp_path)
    dataset = open_dataset("ifs_tc", tmp_path, inverted=False)
    sample = next(one for one in dataset.samples() if one.manipulated)
    np.testing.assert_array_equal(dataset.mask(sample, SHAPE), ~ellipse())


def test_comofod_variants_are_chosen(tmp_path: Path) -> None:
    TREES["comofod"](tmp_path)
    (sample,) = open_dataset("comofod", tmp_path, variant="JC1").samples()
    assert sample.name == "001_F_JC1.jpg"
    np.testing.assert_array_equal(open_dataset("comofod", tmp_path).mask(sample, SHAPE), ellipse())


@pytest.mark.parametrize("part", ["images", "masks"])
def test_a_folder_lists_its_orphans(tmp_path: Path, part: str) -> None:
    TREES["folder"](tmp_path)
    for number in range(12):
        put(tmp_path / part / f"orphan{number:02}.png")
    with pytest.raises(WrongLayout, match=rf"{part[:-1]}.*{part}/orphan00.png.*orphan09.png and 2 more"):
        open_dataset("folder", tmp_path).samples()


def test_all_orphans_are_in_one_list(tmp_path: Path) -> None:
    TREES["folder"](tmp_path)
    put(tmp_path / "images" / "a.png")
    put(tmp_path / "masks" / "other" / "a.png")
    with pytest.raises(WrongLayout, match=r"images/a.png, masks/other/a.png"):
        open_dataset("folder", tmp_path).samples()


def test_a_folder_refuses_two_files_of_one_name(tmp_path: Path) -> None:
    TREES["folder"](tmp_path)
    put(tmp_path / "images" / "deep" / "a.png")
    with pytest.raises(WrongLayout, match="two files share the name images/deep/a"):
        open_dataset("folder", tmp_path).samples()
