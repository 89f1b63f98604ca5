"""`tamperscope metrics`."""

import json
from functools import partial
from typing import Annotated

import typer

from tamperscope import plugins
from tamperscope.cli._app import app, of_each

__all__ = ["metrics"]


@app.command()
def metrics(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the metrics, each with what it means."""
    kinds = of_each("metrics", partial(plugins.load, "metrics"))
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
