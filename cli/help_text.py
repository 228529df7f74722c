"""Help that reads as it was written: what is printed with rich takes square brackets for markup and drops them."""

from __future__ import annotations

from typing import Any

import typer
from rich.markup import escape


def command_of(app: typer.Typer) -> Any:
    """The command behind ``app`` and all commands below it, the brackets in their help and that of options kept.

    >>> app = typer.Typer()
    >>> @app.command()
    ... def bright(enhancer: str = typer.Option("sgz", help="Or name[key=value].")):
    ...     "Enhance [a picture]."
    >>> print(command_of(app).params[0].help)
    Or name\\[key=value].
    """
    command = typer.main.get_command(app)
    _keep_brackets(command)
    return command


def _keep_brackets(command: Any) -> None:
    if command.rich_markup_mode == "rich":  # else rich has no part in it
        for part in (command, *command.params):
            if getattr(part, "help", None):
                part.help = escape(part.help)
    for below in getattr(command, "commands", {}).values():
        _keep_brackets(below)
