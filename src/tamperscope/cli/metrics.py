"""`tamperscope metrics`."""

import json
from typing import Annotated

import typer

from tamperscope import plugins
from tamperscope.cli._app import app, say
from tamperscope.errors import TamperscopeError

__all__ = ["metrics"]


@app.command()
def metrics(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the metrics, each with what it means."""
    kinds = {}
    for name in plugins.names("metrics"):
        try:
            kinds[name] = plugins.load("metrics", name)
        except TamperscopeError as error:  # one broken plugin hides no other
            say(str(error))
    if as_json:
        facts = {
            name: {"title": kind.title, "convention": kind.convention, "level": kind.level, "of": kind.of}
            for name, kind in kinds.items()
        }
        typer.echo(json.dumps(facts, indent=2))
        return
    for name, kind in kinds.items():
        thresholds = f" (@{', @'.join(kind.variants)}, or any number)" if kind.variants else ""
        typer.echo(f"{name}{thresholds}: {kind.title}\n  {kind.convention}")
