"""The options that commands share, so that each is spelled, checked and explained once."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from infra.operate.answers import Format
from infra.operate.stacks import DEFAULT_STACK, LOCAL
from tollkeeper.rules.times import parse_iso

type Command = Callable[..., Any]


def instant(_context: click.Context, parameter: click.Parameter, said: str | None) -> datetime | None:
    """Read an instant as the API writes it; None where none is given.

    Raises:
        click.BadParameter: it is none.
    """
    try:
        return parse_iso(said) if said else None
    except ValueError as error:
        refusal = f"{said} is no instant such as 2025-11-03T09:30:15Z"
        raise click.BadParameter(refusal, param=parameter) from error


def _format(_context: click.Context, _parameter: click.Parameter, said: str) -> Format:
    return Format(said)


def stack(command: Command) -> Command:
    """Add `--stack`: which of the deployed ones."""
    return click.option(
        "--stack",
        "stack_name",
        default=DEFAULT_STACK,
        envvar="TOLLKEEPER_STACK",
        show_default=True,
        metavar="NAME",
        help=f"The stack. {LOCAL!r} is the one that `make up` left running on this machine.",
    )(command)


def form(command: Command) -> Command:
    """Add `--format`: for people or for a program."""
    return click.option(
        "--format",
        "form",
        type=click.Choice([each.value for each in Format]),  # newer clicks take a member by its name
        default=Format.TEXT.value,
        show_default=True,
        callback=_format,
        help="How the answer is printed.",
    )(command)


def table(command: Command) -> Command:
    """Add `--table`: for what is done to a table, one that no stack has."""
    return click.option("--table", metavar="NAME", help="A table by its name, instead of a stack's.")(command)


def prod(command: Command) -> Command:
    """Add `--prod`: whoever changes something in production says so."""
    return click.option(
        "--prod",
        is_flag=True,
        help="Needed to change something where the stage is prod or Stripe's key is live.",
    )(command)
