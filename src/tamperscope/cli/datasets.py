"""`tamperscope datasets`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tamperscope import plugins
from tamperscope.cli._app import FAILED, answering, app, of_each, progress
from tamperscope.cli._settings import Workers
from tamperscope.errors import UnknownPlugin

if TYPE_CHECKING:
    from tamperscope.datasets import Dataset, Source
    from tamperscope.datasets._check import Finding

__all__ = ["check", "datasets", "show"]

_SHOWN = 5

_commands = typer.Typer(
    invoke_without_command=True,
    epilog="""Examples:

tamperscope datasets

tamperscope datasets show casia2

tamperscope datasets check casia1 ~/data/CASIA1""",
)
app.add_typer(_commands, name="datasets")


@_commands.callback()
def datasets(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the data sets that can be read, or look into one."""
    if context.invoked_subcommand:
        return
    cards = of_each("datasets", _card)
    if as_json:
        typer.echo(json.dumps({name: asdict(card) for name, card in cards.items()}, indent=2))
        return
    for name, card in cards.items():
        counts = [(card.manipulated, "manipulated"), (card.pristine, "pristine")]
        said = ", ".join(f"{count} {kind}" for count, kind in counts if count) or "any number"
        typer.echo(f"{name}: {card.title} ({said})\n  {card.url}; {card.terms}")


@_commands.command()
def show(name: Annotated[str, typer.Argument(metavar="NAME", help="A data set's name.")]) -> None:
    """Show the layout that is expected, the terms, and the known faults with how each is handled."""
    try:
        card = _card(name)
    except UnknownPlugin as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(f"{card.title}\n{card.paper}\n{card.url}\nterms: {card.terms}\n\nlayout:")
    for line in card.layout.strip().splitlines():
        typer.echo(f"  {line.strip()}")
    if card.faults:
        typer.echo("\nknown faults, and what is done about each:")
    for fault in card.faults:
        typer.echo(f"  - {fault}")
    for entry in plugins.options(plugins.load("datasets", name)).values():
        typer.echo(f"\nfield {entry.name}: {entry.metadata['description']} (default: {entry.default})")


@_commands.command()
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A data set's name, or one in a manifest.")],
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="Where it lies.")],
    workers: Workers = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a list of findings.")] = False,
) -> None:
    """Read all of a data set and say what is missing or odd; exit with 1 on errors, not on warnings."""
    from tamperscope.datasets import open_dataset

    with answering():
        dataset = open_dataset(name, root)
        findings = _checked(name, dataset, workers)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    for finding in [] if as_json else findings:
        typer.echo(f"{finding.severity}: {finding.text}")
        for one in finding.names[:_SHOWN]:
            typer.echo(f"  {one}")
        if len(finding.names) > _SHOWN:
            typer.echo(f"  and {len(finding.names) - _SHOWN} more (--json lists all)")
    raise typer.Exit(FAILED if any(finding.severity == "error" for finding in findings) else 0)


def _checked(name: str, dataset: "Dataset", workers: int) -> "list[Finding]":
    from tamperscope.datasets._check import check as run

    with progress(f"checking {name}", len(dataset.samples())) as advance:
        return run(dataset, workers=workers, advance=advance)


def _card(name: str) -> "Source":
    card: Source = plugins.load("datasets", name).card
    return card
