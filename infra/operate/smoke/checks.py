"""What a smoke run checks, and what came of it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from httpx import HTTPError
from stripe import StripeError

from infra.operate.exits import UnfitError
from tollkeeper.settings import SettingsError


class Check(NamedTuple):
    """One thing that was looked at: whether it is well, and what was found where it is not."""

    area: str
    what: str
    is_well: bool
    found: str = ""


type Look = Callable[[], Iterator[Check]]
"""Looks at all of an area."""


def looked_at(area: str, look: Look) -> Iterator[Check]:
    """Look at an area; one that cannot be looked at is not well."""
    try:
        yield from look()
    except (BotoCoreError, ClientError, HTTPError, StripeError, SettingsError, UnfitError) as error:
        yield Check(area, "can be looked at", is_well=False, found=str(error))
