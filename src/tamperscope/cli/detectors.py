"""`tamperscope detectors`."""

from typing import Annotated, Any

import typer

from tamperscope import plugins
from tamperscope.cli._app import app, say
from tamperscope.errors import TamperscopeError

__all__ = ["detectors"]


@app.command()
def detectors(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """List the detectors: what each looks at, what it needs, and its fields."""
    listed = []
    for name in plugins.names("detectors"):
        try:
            listed.append(_describe(name))
        except TamperscopeError as error:
            say(str(error))
    if as_json:
        import json

        typer.echo(json.dumps(listed, indent=2))
        return
    for entry in listed:
        typer.secho(f"{entry['name']} - {entry['title']}", bold=True)
        for label, text in (
            ("looks at", entry["looks_at"]),
            ("limits", entry["limits"]),
            ("needs", ", ".join(entry["needs"]) or "any photo"),
            ("paper", f"{entry['paper']}, {entry['year']}"),
            ("licence", entry["licence"]),
            ("threshold", f"{entry['threshold']}; {entry['calibrated'] or 'not calibrated'}"),
            *(("differs from the paper", text) for text in entry["deviations"]),
        ):
            typer.echo(f"  {label}: {text}")
        for field in entry["fields"]:
            limits = f"; {field['low']} to {field['high']}" if field["high"] is not None else ""
            value = f"{entry['name']}.{field['name']}={field['default']}"
            typer.echo(f"  --set {value}  {field['description']}{limits}")
        typer.echo()


def _describe(name: str) -> dict[str, Any]:
    """Return a detector's card, needs and fields, fit for JSON."""
    from dataclasses import asdict

    plugin = plugins.load("detectors", name)
    return {
        "name": name,
        **asdict(plugin.card),
        "needs": sorted(need.value for need in plugin.needs),
        "fields": [
            {
                "name": entry.name,
                "default": entry.default,
                **{key: entry.metadata.get(key) for key in ("description", "low", "high")},
            }
            for entry in plugins.options(plugin).values()
        ],
    }
