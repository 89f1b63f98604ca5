"""`tamperscope forge`."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from tamperscope.cli._app import FAILED, answering, app, progress, say
from tamperscope.cli._settings import Workers
from tamperscope.errors import InvalidParameter, TamperscopeError
from tamperscope.plugins import pair

__all__ = ["forge"]


@app.command(
    epilog="""Examples:

tamperscope forge photos --out forged --count 1000 --seed 1 --workers 2

tamperscope forge photos --out easy --count 60 --recipe aligned --size 384

tamperscope forge photos --out tiny --count 200 --set 'area=[0.005, 0.02]' --set 'kinds={"splice": 1}' --split

Recipes: default, aligned, clean, wild, edited, raw, savings, laundered, or a JSON file;
docs/guide/forge.md explains them."""
)
def forge(
    photos: Annotated[
        list[str],
        typer.Argument(metavar="PHOTOS...", help="Folders, photos or glob patterns.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Write the set here.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000_000, help="How many.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same bytes.")] = 0,
    size: Annotated[int, typer.Option(min=64, max=4096, help="Pixels a side, when shrunk most.")] = 512,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="NAME|FILE", help="How they are made.")
    ] = "default",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=JSON", help="Change the recipe; may be repeated."),
    ] = None,
    workers: Workers = 1,
    splits: Annotated[
        bool, typer.Option("--split", help="Share out into train, val and test, 65/10/25, without leaks.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted set.")] = False,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders' folders.")] = False,
) -> None:
    """Make manipulated photographs with exact masks, from photographs that are only read."""
    from tamperscope.forge.batch import forge_all
    from tamperscope.forge.recipe import load_recipe
    from tamperscope.scanning.find import find_photos

    try:
        chosen = load_recipe(recipe).changed(
            dict(pair(text, "field=value, the value as JSON") for text in settings or [])
        )
    except InvalidParameter as error:
        raise typer.BadParameter(str(error)) from None
    found = list(find_photos(photos, recursive=recursive, note=say))
    problems = [entry for entry in found if isinstance(entry, TamperscopeError)]
    for problem in problems:
        say(f"{problem} (passed over)")
    with (
        answering(resume="what is made is whole, --resume goes on from here"),
        progress("forging", count) as advance,
    ):
        made = forge_all(
            [entry for entry in found if isinstance(entry, Path)],
            out,
            count,
            seed=seed,
            recipe=chosen,
            size=size,
            workers=workers,
            resume=resume,
            splits=splits,
            advance=advance,
        )
    for problem in made.unreadable:
        say(f"{problem} (passed over)")
    kinds = Counter(row["kind"] or "pristine" for row in made.rows)
    said = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    typer.echo(f"{len(made.rows)} photographs in {out}: {said}")
    raise typer.Exit(FAILED if problems or made.unreadable else 0)
