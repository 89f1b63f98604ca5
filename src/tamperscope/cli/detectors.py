"""`tamperscope detectors`, `tamperscope refiners` and `tamperscope segmenters`."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from tamperscope import plugins
from tamperscope.cli._app import app, of_each

__all__ = ["detectors", "refiners", "segmenters"]

Entry = dict[str, Any]
Lines = list[tuple[str, str]]


@app.command()
def detectors(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List the detectors: what each looks at, what it needs, and its fields."""
    _show("detectors", _card, _of_detector, as_json)


@app.command()
def refiners(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List what betters the maps of detectors, for `--refine`, with its fields."""
    _show("refine", partial(_facts, names=("title", "looks_at", "paper")), _of_others, as_json)


@app.command()
def segmenters(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List what divides photos into objects, for `--set bayes.segmenter=`, with its fields."""
    _show("segmenters", partial(_facts, names=("title", "paper")), _of_others, as_json)


def _show(
    kind: str, facts: Callable[[type[Any]], Entry], lines: Callable[[Entry], Lines], as_json: bool
) -> None:
    """Print the plugins of a kind with their facts and fields, for people or as JSON."""
    listed = _listed(kind, facts)
    if as_json:
        import json

        typer.echo(json.dumps(listed, indent=2))
        return
    for entry in listed:
        _print(entry, lines(entry))


def _of_detector(entry: Entry) -> Lines:
    return [
        ("looks at", entry["looks_at"]),
        ("limits", entry["limits"]),
        ("needs", ", ".join(entry["needs"]) or "any photo"),
        ("paper", f"{entry['paper']}, {entry['year']}"),
        ("licence", entry["licence"]),
        ("threshold", f"{entry['threshold']}; {entry['calibrated'] or 'not calibrated'}"),
        *(
            (("cannot tell", f"scores from {entry['doubt']:.2f} up to the threshold"),)
            if entry["doubt"]
            else ()
        ),
        *(("differs from the paper", text) for text in entry["deviations"]),
    ]


def _of_others(entry: Entry) -> Lines:
    return [(key.replace("_", " "), entry[key]) for key in ("looks_at", "paper") if key in entry]


def _listed(kind: str, facts: Callable[[type[Any]], Entry]) -> list[Entry]:
    """Return the plugins of a kind with their facts and fields, fit for JSON; of a broken one, tell."""

    def entry(name: str) -> Entry:
        plugin = plugins.load(kind, name)
        return {"name": name, **facts(plugin), "fields": _fields(plugin)}

    return list(of_each(kind, entry).values())


def _print(entry: Entry, lines: Lines) -> None:
    typer.secho(f"{entry['name']} - {entry['title']}", bold=True)
    for label, text in lines:
        typer.echo(f"  {label}: {text}")
    for field in entry["fields"]:
        limits = f"; {field['low']} to {field['high']}" if field["high"] is not None else ""
        value = f"{entry['name']}.{field['name']}={field['default']}"
        typer.echo(f"  --set {value}  {field['description']}{limits}")
    typer.echo()


def _card(plugin: type[Any]) -> dict[str, Any]:
    from dataclasses import asdict

    detector = plugin()  # whose weights say more than its class: threshold, calibration and terms
    card = detector.own_card if detector.ready else plugin.card
    return {**asdict(card), "needs": sorted(need.value for need in plugin.needs)}


def _facts(plugin: type[Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(plugin, name) for name in names}


def _fields(plugin: type[Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": entry.name,
            "default": entry.default,
            **{key: entry.metadata.get(key) for key in ("description", "low", "high")},
        }
        for entry in plugins.options(plugin).values()
    ]
