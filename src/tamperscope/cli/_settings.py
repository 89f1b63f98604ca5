"""Detectors and their fields, as several commands take them."""

from collections import defaultdict
from typing import Annotated, Any

import typer

from tamperscope import plugins
from tamperscope.errors import InvalidParameter

__all__ = ["Detectors", "Settings", "Workers", "detector_fields", "detector_names", "pair"]

Detectors = Annotated[
    list[str] | None,
    typer.Option(
        "--detector", "-d", metavar="NAME[,NAME]", help="See `tamperscope detectors`; auto unless given."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="DETECTOR.FIELD=VALUE", help="Configure a detector; may be repeated."),
]
Workers = Annotated[int, typer.Option("--workers", "-w", min=1, max=256, help="Processes.")]


def detector_names(text: str) -> tuple[str, ...]:
    """Return the names in ``"adjpeg,ela"``, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip())) or ("",)


def detector_fields(names: tuple[str, ...], settings: list[str]) -> dict[str, dict[str, Any]]:
    """Return the fields that ``--set DETECTOR.FIELD=VALUE`` gives to the named detectors.

    Raises:
        UnknownPlugin, InvalidParameter: there is no such detector or field, or the value does not fit.

    """
    from tamperscope.scanning.photo import choices

    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for setting in settings:
        target, equals, value = setting.partition("=")
        name, dot, field = target.partition(".")
        if not (equals and dot and name and field):
            raise InvalidParameter(f"--set {setting!r} is not understood", "write --set detector.field=value")
        if name not in names and not any(name in choices(chooser) for chooser in names):
            raise InvalidParameter(
                f"--set {setting!r} concerns a detector that does not run", f"add {name} to --detector"
            )
        texts[name][field] = value
    return {name: plugins.parse("detectors", name, values) for name, values in texts.items()}


def pair(text: str, wanted: str = "field=value", option: str = "--set") -> tuple[str, str]:
    """Split ``"field=value"``, as it was given to an option.

    Raises:
        InvalidParameter: it is none; the remedy is to write ``wanted``.

    """
    field, equals, value = text.partition("=")
    if not equals:
        raise InvalidParameter(f"{option} {text!r} is not understood", f"write {option} {wanted}")
    return field, value
