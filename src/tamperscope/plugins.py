"""Finds plugins by the file that holds them.

A module without a leading underscore in a plugin package *is* the registered name; it defines one concrete
class of the kind. Third parties add theirs through the entry point group ``tamperscope.<kind>``. A plugin
is a frozen dataclass: its fields are its configuration, declared with `option`.
"""

import difflib
import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from tamperscope.errors import Defect, InvalidParameter, UnknownPlugin

__all__ = [
    "Configurable",
    "build",
    "load",
    "name_of",
    "names",
    "option",
    "options",
    "pair",
    "parameters",
    "parse",
    "parsed",
]

_BASES = {
    "datasets": "Dataset",
    "detectors": "Detector",
    "metrics": "Metric",
    "networks": "Network",
    "refine": "Refiner",
    "segmenters": "Segmenter",
}
_NAMES: dict[type[Any], str] = {}


def option(default: Any, description: str, *, low: Any = None, high: Any = None) -> Any:
    """Declare a plugin's field: its default, what it means, and the range that it may take."""
    return field(default=default, metadata={"description": description, "low": low, "high": high})


@dataclass(frozen=True)
class Configurable:
    """A plugin whose fields are its configuration; checks them against their declarations."""

    def __post_init__(self) -> None:
        for entry in options(type(self)).values():
            _check(name_of(self), entry, getattr(self, entry.name))

    def prepare(self) -> None:
        """Make ready what it needs, so that what is missing is known before the first photo.

        Raises:
            TamperscopeError: weights cannot be used.

        """


@cache
def _third_party(kind: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"tamperscope.{kind}")}


@cache
def names(kind: str, *, own: bool = False) -> tuple[str, ...]:
    """Return the registered names of a kind, sorted, without importing any; only our ``own`` if so told.

    >>> "ela" in names("detectors")
    True
    """
    package = importlib.import_module(f"tamperscope.{kind}")
    files = {module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] != "_"}
    return tuple(sorted(files if own else files | set(_third_party(kind))))


def load(kind: str, name: str) -> type[Any]:
    """Return the class of the plugin.

    Raises:
        UnknownPlugin: no plugin of that kind has that name; the message offers the nearest one.
        Defect: the plugin itself is broken.

    """
    if name not in names(kind):
        raise UnknownPlugin(f"there is no {_BASES[kind].lower()} {name!r}", _did_you_mean(name, names(kind)))
    try:
        plugin = _find(kind, name)
    except Exception as error:  # one broken plugin, whosoever it is, breaks only itself
        raise Defect(
            f"the {_BASES[kind].lower()} {name!r} cannot be loaded ({type(error).__name__}: {error})",
            "repair or uninstall the package that it comes from",
        ) from error
    _NAMES.setdefault(plugin, name)
    return plugin


def _find(kind: str, name: str) -> type[Any]:
    base = getattr(importlib.import_module(f"tamperscope.{kind}._base"), _BASES[kind])
    if name not in names(kind, own=True):  # a name of ours is not for others to take
        theirs = _third_party(kind)[name].load()
        if missing := [fact for fact in _owed(base) if not hasattr(theirs, fact)]:
            raise TypeError(f"it lacks {', '.join(missing)}")
        return typing.cast(type[Any], theirs)
    module = importlib.import_module(f"tamperscope.{kind}.{name}")
    (found,) = (
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__
    )
    return found


def _owed(base: type[Any]) -> list[str]:
    """Return what each class of a kind must say of itself, such as a detector's card."""
    facts: dict[str, Any] = inspect.get_annotations(base)
    stated = (name for name, kind in facts.items() if typing.get_origin(kind) is typing.ClassVar)
    return [name for name in stated if not hasattr(base, name)]


def name_of(plugin: Any) -> str:
    """Return the registered name of a plugin or its class; the class's own if it is not registered.

    What is put together from several plugins has a ``full_name`` of its own.
    """
    if not inspect.isclass(plugin) and hasattr(plugin, "full_name"):
        return str(plugin.full_name)
    kind = plugin if inspect.isclass(plugin) else type(plugin)
    return _NAMES.get(kind) or _name_by_place(kind.__module__, kind.__qualname__)


@cache
def _name_by_place(module: str, title: str) -> str:
    """Name a class that was not loaded by name, as when a plugin comes from another process."""
    package, _, name = module.rpartition(".")
    if package in {f"tamperscope.{kind}" for kind in _BASES} and not name.startswith("_"):
        return name
    entries = (entry for kind in _BASES for entry in _third_party(kind).values())
    return next((entry.name for entry in entries if entry.value == f"{module}:{title}"), title)


def build(kind: str, name: str, **values: Any) -> Any:
    """Return the plugin with these fields, the rest at their defaults.

    Raises:
        UnknownPlugin: no plugin of that kind has that name.
        InvalidParameter: no such field, or a value of the wrong type or out of range.

    """
    plugin = load(kind, name)
    for key in values:
        _known(name, key, options(plugin))
    return plugin(**values)


def options(plugin: type[Any]) -> dict[str, Field[Any]]:
    """Return the plugin's configurable fields by name, in the order of their definition."""
    return {entry.name: entry for entry in fields(plugin) if entry.init}


def parameters(plugin: Any) -> dict[str, Any]:
    """Return the values of the plugin's fields, fit for JSON."""
    return asdict(plugin)


def parse(kind: str, name: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Turn ``{"field": "text"}`` from a command line into values of the fields' types.

    >>> parse("detectors", "ela", {"quality": "95"})
    {'quality': 95}
    """
    plugin = load(kind, name)
    values = parsed(name, plugin, texts)
    plugin(**values)  # checks the ranges now, before any photo is read
    return values


def parsed(name: str, configurable: type[Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Do the same for any class of `option`s, which checks ranges when it is made of them."""
    declared = options(configurable)
    return {key: _convert(name, _known(name, key, declared), text) for key, text in texts.items()}


def pair(text: str, wanted: str = "field=value", option: str = "--set") -> tuple[str, str]:
    """Split ``"field=value"``, as it was given to an option.

    Raises:
        InvalidParameter: it is none; the remedy is to write ``wanted``.

    """
    field, equals, value = text.partition("=")
    if not equals:
        raise InvalidParameter(f"{option} {text!r} is not understood", f"write {option} {wanted}")
    return field, value


def _known(name: str, key: str, declared: Mapping[str, Field[Any]]) -> Field[Any]:
    if key not in declared:
        remedy = _did_you_mean(key, declared) if declared else "it has no fields"
        raise InvalidParameter(f"{name} has no field {key!r}", remedy)
    return declared[key]


def _convert(name: str, entry: Field[Any], text: str) -> Any:
    kinds = _types(entry)
    if type(None) in kinds and text.lower() == "none":
        return None
    if bool in kinds:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if text.lower() in words:
            return words[text.lower()]
    for kind in (int, float, Path, str):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                continue
    raise InvalidParameter(f"{name}.{entry.name} cannot be {text!r}", f"give {_spelled(kinds)}")


def _check(name: str, entry: Field[Any], value: Any) -> None:
    kinds = _types(entry)
    fits = isinstance(value, tuple(kinds)) or (float in kinds and isinstance(value, int))
    if not fits or (isinstance(value, bool) and bool not in kinds):
        plain = " of Python's own: .item() makes one of NumPy's" if hasattr(value, "item") else ""
        raise InvalidParameter(f"{name}.{entry.name} cannot be {value!r}", f"give {_spelled(kinds)}{plain}")
    low, high = entry.metadata.get("low"), entry.metadata.get("high")
    if value is None or isinstance(value, str | Path):
        return
    if not ((low is None or value >= low) and (high is None or value <= high)):  # NaN fails here
        limits = " and ".join(
            f"{word} {limit}" for word, limit in (("at least", low), ("at most", high)) if limit is not None
        )
        raise InvalidParameter(f"{name}.{entry.name} cannot be {value!r}", f"give a value of {limits}")


def _types(entry: Field[Any]) -> set[type]:
    # Annotations are real types: plugins do not use `from __future__ import annotations`.
    kind: Any = entry.type
    return set(typing.get_args(kind)) if isinstance(kind, types.UnionType) else {kind}


def _spelled(kinds: set[type]) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", Path: "a path"}
    return " or ".join(sorted(words.get(kind, "none") for kind in kinds))


def _did_you_mean(word: str, known: typing.Iterable[str]) -> str:
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(choices)}"
