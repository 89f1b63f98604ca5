"""Splits keep groups whole, come near their ratios, and depend on the seed alone."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamperscope.datasets import select, split
from tamperscope.errors import InvalidParameter, WrongLayout
from tamperscope.types import Sample

groups = st.lists(st.integers(0, 30), min_size=1, max_size=80)


def samples(of: list[int], split: str | None = None) -> list[Sample]:
    return [
        Sample(f"{place}.jpg", Path("x"), True, f"g{group}", split=split) for place, group in enumerate(of)
    ]


@given(groups, st.integers(0, 9))
def test_groups_are_never_cut(of: list[int], seed: int) -> None:
    done = split(samples(of), seed=seed)
    assert [one.name for one in done] == [one.name for one in samples(of)]
    places = {(one.group, one.split) for one in done}
    assert len(places) == len(set(of))


@given(groups, st.integers(0, 9))
def test_the_seed_decides_and_the_order_does_not(of: list[int], seed: int) -> None:
    forward, backward = split(samples(of), seed=seed), split(samples(of)[::-1], seed=seed)
    assert {one.name: one.split for one in forward} == {one.name: one.split for one in backward}


@given(groups, st.integers(0, 9))
def test_no_split_is_empty_if_there_are_groups_enough(of: list[int], seed: int) -> None:
    done = split(samples(of), seed=seed)
    assert len({one.split for one in done}) == min(3, len(set(of)))


def test_ratios_are_approached_and_seeds_differ() -> None:
    many = samples([place // 3 for place in range(900)])
    done = split(many, (65, 10, 25), seed=1)
    counts = [sum(one.split == name for one in done) for name in ("train", "val", "test")]
    assert counts == pytest.approx([585, 90, 225], abs=3)
    assert done != split(many, (65, 10, 25), seed=2)


@pytest.mark.parametrize("ratios", [(1, 1), (0, 0, 0), (1, -1, 1), (1, float("nan"), 1)])
def test_ratios_that_mean_nothing_are_refused(ratios: tuple[float, ...]) -> None:
    with pytest.raises(InvalidParameter, match="ratios cannot be"):
        split(samples([1]), ratios)


def test_own_splits_are_kept() -> None:
    assert len(select(samples([1, 2], "val"), "val")) == 2
    assert len(select(samples([1, 2], "val"), "all")) == 2
    with pytest.raises(WrongLayout, match="no sample in split 'test'; choose from val, all"):
        select(samples([1, 2], "val"), "test")


def test_others_are_split_by_the_seed() -> None:
    many = samples(list(range(100)))
    assert 20 <= len(select(many, "test", seed=3)) <= 30
    with pytest.raises(InvalidParameter, match="no split 'testing'"):
        select(many, "testing")


def test_some_without_a_split_are_an_error() -> None:
    with pytest.raises(WrongLayout, match=r"1 of 3 samples have no split, such as 0\.jpg"):
        select([*samples([1, 2], "val"), *samples([3])], "val")


def test_both_classes_are_shared_out() -> None:
    mixed = [replace(one, manipulated=place < 6) for place, one in enumerate(samples(list(range(20))))]
    for seed in range(50):
        done = split(mixed, seed=seed)
        assert {one.manipulated for one in done if one.split == "test"} == {True, False}
