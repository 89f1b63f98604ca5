"""What the commands share: the application, exit codes, messages and progress."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import typer
from typer.core import TyperGroup

from tamperscope.errors import InvalidParameter, TamperscopeError, UnknownPlugin
from tamperscope.plugins import names

__all__ = [
    "FAILED",
    "FOUND",
    "INTERRUPTED",
    "TERMINATED",
    "answering",
    "app",
    "measuring",
    "needing",
    "of_each",
    "progress",
    "say",
]

FAILED, FOUND, INTERRUPTED, TERMINATED = 1, 3, 130, 143
_T = TypeVar("_T")


class _Commands(TyperGroup):
    """The commands; an option without a value is refused: a path of nothing would be the current folder."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is asked for, and its words."""
        found: Any = super().resolve_command(ctx, args)
        _, command, words = found
        options = [one for one in command.params if one.param_type_name == "option" and not one.is_flag]
        named = {spelled for option in options for spelled in option.opts}
        for word, following in zip(words, [*words[1:], None], strict=False):
            option, equals, value = word.partition("=")
            if option in named and not value and (equals or following == ""):
                raise typer.BadParameter(f"{option} is empty; check the variable that it came from")
        return found


app = typer.Typer(
    cls=_Commands,
    name="tamperscope",
    help="Finds where a photograph was edited.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def say(text: str) -> None:
    """Tell a person what went wrong, if there is anywhere to tell it."""
    if sys.stderr is not None:
        typer.echo(text, err=True)


def of_each(kind: str, make: Callable[[str], _T]) -> dict[str, _T]:
    """Return what is made of each plugin of a kind, by its name; of one that is broken, tell."""
    made = {}
    for name in names(kind):
        try:
            made[name] = make(name)
        except TamperscopeError as error:
            say(str(error))
    return made


@contextmanager
def answering(*, resume: str = "") -> Iterator[None]:
    """Turn problems into one line and an exit code; an interruption says how to ``resume``.

    A name or a value that there is not counts as wrong usage.
    """
    try:
        yield
    except TamperscopeError as error:
        if isinstance(error, UnknownPlugin | InvalidParameter):
            raise typer.BadParameter(str(error)) from None
        say(str(error))
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        say(f"interrupted: {resume}" if resume else "interrupted")
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def needing(extra: str, what: str) -> Iterator[None]:
    """Turn a library that is missing into one line: ``what`` needs it, and which ``extra`` brings it."""
    try:
        yield
    except ImportError as error:
        say(f"{what} ({error}); pip install 'tamperscope[{extra}]'")
        raise typer.Exit(FAILED) from None


def measuring() -> AbstractContextManager[None]:
    """Do so for what measures detectors."""
    return needing("evaluation", "measuring needs PyArrow and Matplotlib")


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[..., None]]:
    """Show a bar on a terminal once the work takes more than two seconds; yield what advances it.

    By one, or as told. A ``total`` that is not known is none.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    # Its own descriptor: the decoder diverts the process's standard error while a C library may write to it.
    with os.fdopen(os.dup(2), "w") as terminal:
        bar = Progress(
            *Progress.get_default_columns()[:-1],
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(file=terminal, force_terminal=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # a pipe gets its lines directly
        )
        task = bar.add_task(label, total=total)
        timer = threading.Timer(2, bar.start)
        timer.daemon = True
        timer.start()
        try:
            yield lambda count=1: bar.advance(task, count)
        finally:
            timer.cancel()
            timer.join()
            bar.stop()
