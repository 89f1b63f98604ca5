"""Recipes: checked, changed, written and read."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tamperscope.errors import InvalidParameter
from tamperscope.forge.recipe import PRESETS, Recipe, load_recipe, load_recipes


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_recipe_survives_json(name: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(PRESETS[name].dumps())
    assert load_recipe(str(path)) == PRESETS[name] == load_recipe(name)


def test_fields_are_changed_by_json() -> None:
    changed = Recipe().changed({"area": "[0.1, 0.2]", "kinds": '{"splice": 1}', "launder": "1"})
    assert (changed.area, changed.kinds, changed.launder) == ((0.1, 0.2), {"splice": 1}, 1)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("area", "[0.2, 0.1]"),
        ("area", "[0.2]"),
        ("area", "0.2"),
        ("area", "[-1, 1]"),
        ("area", "[0, 1]"),
        ("feather_width", "[0, 1]"),
        ("launder", "true"),
        ("launder", "2"),
        ("launder", "true false"),
        ("launder", '"x"'),
        ("launder", "NaN"),
        ("kinds", '{"paint": 1}'),
        ("kinds", '{"splice": 0}'),
        ("kinds", "{}"),
        ("kinds", '{"splice": -1}'),
        ("final_quality", "[0, 101]"),
        ("fianl_quality", "[1, 2]"),
    ],
)
def test_what_does_not_fit_is_refused(field: str, text: str) -> None:
    with pytest.raises(InvalidParameter, match=field):
        Recipe().changed({field: text})


@pytest.mark.parametrize("content", ["[]", "{", '{"area": 1}', '{"x": 1}'])
def test_bad_files_are_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(content)
    with pytest.raises(InvalidParameter):
        load_recipe(str(path))


def test_unknown_recipes_are_answered_with_the_presets() -> None:
    with pytest.raises(InvalidParameter, match="no recipe 'aligned2'; choose from default, aligned"):
        load_recipe("aligned2")


def test_several_recipes_are_named_at_once() -> None:
    assert load_recipes("wild, raw,wild") == [PRESETS["wild"], PRESETS["raw"], PRESETS["wild"]]
    with pytest.raises(InvalidParameter, match="no recipe ''"):
        load_recipes("wild,")


def test_every_field_says_what_it_is() -> None:
    described: dict[str, Any] = {
        name: entry.metadata["description"] for name, entry in Recipe.__dataclass_fields__.items()
    }
    assert set(described) == set(json.loads(json.dumps(asdict(Recipe()))))
    assert all(described.values())
