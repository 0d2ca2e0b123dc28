"""Checks: what was looked at, whether it is well, and what to do where it is not."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
from httpx import HTTPError
from rich.console import Console
from stripe import StripeError

from infra.operate.answers import Answer
from infra.operate.exits import NO_ACCOUNT, UnfitError
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
    except (NoCredentialsError, NoRegionError) as error:
        yield Check(area, "can be looked at", is_well=False, found=NO_ACCOUNT.format(error))
    except (BotoCoreError, ClientError, HTTPError, StripeError, SettingsError, UnfitError) as error:
        yield Check(area, "can be looked at", is_well=False, found=str(error))


def answer(found: Sequence[Check], *, names_all: bool = False) -> Answer:
    """Return what came of checks; text names those that are not well, and the others only if asked to."""
    red = [each for each in found if not each.is_well]

    def text(console: Console) -> None:
        for area, of in groupby(found, key=lambda each: each.area):
            several = [*of]
            well = sum(each.is_well for each in several)
            console.print(f"{'✓' if well == len(several) else '✗'} {area}: {well} of {len(several)} well")
            for each in several:
                if names_all or not each.is_well:
                    said = f"✓ {each.what}" if each.is_well else f"✗ {each.what}: {each.found}"
                    console.print(f"  {said}", soft_wrap=True)
        said = f"{len(red)} of {len(found)} are not well" if red else f"{len(found)} looked at, all well"
        console.print(said)

    return Answer(
        name="checks",
        columns=("area", "what", "isWell", "found"),
        rows=[(each.area, each.what, each.is_well, "" if each.is_well else each.found) for each in found],
        text=text,
        sums={"isWell": not red, "checked": len(found), "red": len(red)},
        is_well=not red,
    )
