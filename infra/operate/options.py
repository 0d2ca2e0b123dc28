"""The options that commands share, so that each is spelled, checked and explained once."""

from collections.abc import Callable
from typing import Any

import click

from infra.operate.answers import Format
from infra.operate.stacks import DEFAULT_STACK, LOCAL

type Command = Callable[..., Any]


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
        type=click.Choice([*Format]),
        default=Format.TEXT,
        show_default=True,
        callback=_format,
        help="How the answer is printed.",
    )(command)


def prod(command: Command) -> Command:
    """Add `--prod`: whoever changes something in production says so."""
    return click.option(
        "--prod",
        is_flag=True,
        help="Needed to change something where the stage is prod or Stripe's key is live.",
    )(command)
