import json
from pathlib import Path

import pytest

from tamperscope.errors import InvalidParameter
from tamperscope.training.config import Training


def test_a_file_is_changed_by_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"batch": 32, "forged": 0.5}))
    found = Training.read(path, {"batch": "16", "turns": "no"})
    assert (found.batch, found.forged, found.turns) == (16, 0.5, False)


@pytest.mark.parametrize(
    ("text", "problem"), [("{", "cannot be read"), ("[1]", "no object"), ('{"bacth": 3}', "bacth")]
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(InvalidParameter, match=problem) as caught:
        Training.read(path, {})
    assert "config.json" in str(caught.value)


@pytest.mark.parametrize(
    "setting", [{"batch": "0"}, {"batch": "many"}, {"bacth": "3"}, {"learning_rate": "nan"}]
)
def test_a_setting_that_does_not_fit_is_refused(setting: dict[str, str]) -> None:
    with pytest.raises(InvalidParameter):
        Training.read(None, setting)


@pytest.mark.parametrize(("recipe", "batch"), [("wang2024", 6), ("wang2024-quick", 12), ("fusion", 4)])
def test_settings_are_checked_together_with_the_recipe(recipe: str, batch: int) -> None:
    """Eight patches of a photograph are the default, and one in these, so that any batch fits."""
    assert Training.read(recipe, {"batch": str(batch)}).batch == batch
    with pytest.raises(InvalidParameter, match="a multiple of per_photo"):
        Training.read(None, {"batch": str(batch)})
