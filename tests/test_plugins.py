import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tamperscope import plugins
from tamperscope.detectors import ela
from tamperscope.errors import Defect, InvalidParameter, TamperscopeError, UnknownPlugin
from tamperscope.plugins import Configurable, option

NAMES = plugins.names("detectors")


def test_names_are_the_files_without_underscore() -> None:
    files = Path(ela.__file__).parent.glob("[!_]*.py")
    assert list(NAMES) == sorted(path.stem for path in files)


def test_listing_imports_no_plugin() -> None:
    code = (
        "import sys; from tamperscope import plugins; plugins.names('detectors');"
        "print([m for m in sys.modules if m.startswith('tamperscope.detectors.')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_holds_one_plugin(name: str) -> None:
    assert plugins.load("detectors", name).__module__ == f"tamperscope.detectors.{name}"


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownPlugin, match="did you mean 'adjpeg'"):
        plugins.load("detectors", "adjpg")
    with pytest.raises(UnknownPlugin, match="choose from adjpeg, "):
        plugins.load("detectors", "zzz")


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="did you mean 'quality'"):
        plugins.build("detectors", "ela", qualty=90)
    with pytest.raises(InvalidParameter, match="auto has no field 'x'; it has no fields"):
        plugins.build("detectors", "auto", x=1)


@dataclass(frozen=True)
class Every(Configurable):
    """One field of each type."""

    count: int = option(3, "a count", low=1, high=9)
    width: float = option(0.5, "a width", low=0.0)
    flag: bool = option(False, "a switch")
    text: str = option("a", "a word")
    path: str | None = option(None, "perhaps a word")
    limit: int | None = option(None, "perhaps a count", low=1)


@pytest.mark.parametrize(
    "values",
    [
        {"count": 0},
        {"count": 10},
        {"count": 2.5},
        {"count": "3"},
        {"count": True},
        {"count": None},
        {"width": -1.0},
        {"width": float("nan")},
        {"flag": 1},
        {"text": 3},
        {"limit": 0},
    ],
)
def test_values_are_checked_when_a_plugin_is_made(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter, match=f"Every.{next(iter(values))} cannot be"):
        Every(**values)


def test_values_that_fit_are_taken() -> None:
    made = Every(count=9, width=2, flag=True, text="b", path="c", limit=1)
    assert plugins.parameters(made) == {
        "count": 9,
        "width": 2,
        "flag": True,
        "text": "b",
        "path": "c",
        "limit": 1,
    }


@pytest.fixture
def every(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(plugins, "load", lambda kind, name: Every)
    return "every"


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("count", "4", 4),
        ("width", "1.5", 1.5),
        ("width", "2", 2.0),
        ("flag", "true", True),
        ("flag", "No", False),
        ("text", "none", "none"),
        ("path", "none", None),
        ("path", "a.onnx", "a.onnx"),
        ("limit", "None", None),
        ("limit", "7", 7),
    ],
)
def test_texts_become_values(every: str, field: str, text: str, value: object) -> None:
    parsed = plugins.parse("detectors", every, {field: text})
    assert parsed == {field: value}
    assert type(parsed[field]) is type(value)


@pytest.mark.parametrize(
    ("field", "text"),
    [("count", "x"), ("count", "99"), ("count", "1.5"), ("flag", "maybe"), ("limit", "x"), ("z", "1")],
)
def test_texts_that_do_not_fit_are_refused(every: str, field: str, text: str) -> None:
    with pytest.raises(InvalidParameter, match=field):
        plugins.parse("detectors", every, {field: text})


def test_third_parties_add_plugins_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Theirs(Every):
        card = plugins.load("detectors", "ela").card

    class Point:
        def __init__(self, name: str, plugin: type[Any]) -> None:
            self.name, self.plugin = name, plugin

        def load(self) -> type[Any]:
            return self.plugin

    points = [Point("theirs", Theirs), Point("bare", Every), Point("ela", Theirs)]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points if group.endswith("detectors") else [])
    plugins.names.cache_clear()
    plugins._third_party.cache_clear()
    try:
        assert "theirs" in plugins.names("detectors")
        assert plugins.build("detectors", "theirs", count=5).count == 5
        with pytest.raises(Defect, match=r"'bare' cannot be loaded .TypeError: it lacks card."):
            plugins.load("detectors", "bare")
        assert plugins.load("detectors", "ela") is not Theirs  # a name of ours
    finally:
        monkeypatch.undo()
        plugins.names.cache_clear()
        plugins._third_party.cache_clear()


def test_a_broken_plugin_breaks_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(kind: str, name: str) -> type[Any]:
        raise ImportError("no module named x")

    monkeypatch.setattr(plugins, "_find", broken)
    with pytest.raises(Defect, match=r"'ela' cannot be loaded .ImportError: no module named x.; repair"):
        plugins.load("detectors", "ela")


def test_a_plugin_is_called_by_its_registered_name() -> None:
    assert plugins.name_of(plugins.build("detectors", "ela")) == "ela"
    with pytest.raises(InvalidParameter, match=r"^ela\.quality cannot be 500"):
        plugins.build("detectors", "ela", quality=500)


def test_errors_of_plugins_are_ours() -> None:
    assert issubclass(UnknownPlugin, TamperscopeError)
    assert issubclass(InvalidParameter, TamperscopeError)
