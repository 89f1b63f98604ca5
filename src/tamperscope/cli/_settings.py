"""Detectors and their fields, as several commands take them."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer

from tamperscope import plugins
from tamperscope.errors import InvalidParameter

__all__ = ["Detectors", "NetworkFile", "Refine", "Settings", "Workers", "detector_fields", "detector_names"]

Detectors = Annotated[
    list[str] | None,
    typer.Option(
        "--detector", "-d", metavar="NAME[,NAME]", help="See `tamperscope detectors`; auto unless given."
    ),
]
Refine = Annotated[
    list[str] | None,
    typer.Option(
        "--refine",
        metavar="NAME[,NAME]",
        help="Better all maps, see `tamperscope refiners`; `--detector ela+crf` betters one.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME.FIELD=VALUE", help="Configure a detector or refiner; may be repeated."
    ),
]
NetworkFile = Annotated[
    Path, typer.Option("--out", "-o", metavar="FILE", dir_okay=False, help="Write the network here (ONNX).")
]
Workers = Annotated[int, typer.Option("--workers", "-w", min=1, max=256, help="Processes.")]


def detector_names(detectors: list[str] | None, refiners: list[str] | None = None) -> tuple[str, ...]:
    """Return the names in ``["adjpeg,ela"]``, each once and with all refiners: ``ela+crf``."""
    names = dict.fromkeys(_names(detectors or ["auto"])) or {"": None}
    return tuple("+".join((name, *_names(refiners or []))) for name in names)


def _names(texts: list[str]) -> list[str]:
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def detector_fields(names: tuple[str, ...], settings: list[str]) -> dict[str, dict[str, Any]]:
    """Return the fields that ``--set NAME.FIELD=VALUE`` gives to the named detectors and their refiners.

    Raises:
        UnknownPlugin, InvalidParameter: there is no such detector or field, or the value does not fit.

    """
    from tamperscope.detectors._refined import parts
    from tamperscope.scanning.photo import choices

    kinds: dict[str, str] = {}
    for asked in names:
        kinds |= {parts(name)[0]: "detectors" for name in (asked, *choices(asked))}
        kinds |= dict.fromkeys(parts(asked)[1], "refine")
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for setting in settings:
        target, equals, value = setting.partition("=")
        name, dot, field = target.partition(".")
        if not (equals and dot and name and field):
            raise InvalidParameter(f"--set {setting!r} is not understood", "write --set name.field=value")
        if name not in kinds:
            raise InvalidParameter(
                f"--set {setting!r} concerns what does not run", f"add {name} to --detector or --refine"
            )
        texts[name][field] = value
    return {name: plugins.parse(kinds[name], name, values) for name, values in texts.items()}
