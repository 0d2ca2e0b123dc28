"""`tollkeeper stripe plan` and `apply`: Stripe's side of a stack, made to be what the catalogue file says.

That is products, prices, meters and the portal; and, of a deployed stack, the key that its functions read,
the two destinations of events at its webhook, and their signing secrets where the functions read them.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import boto3
import click
from rich.console import Console
from stripe import StripeClient

from infra.operate import options
from infra.operate.answers import Answer, Format, give
from infra.operate.exits import Exit, UnfitError
from infra.operate.stacks import Stack
from infra.operate.stripe_catalogue.destinations import Destinations
from infra.operate.stripe_catalogue.gateway import StripeCatalogue
from infra.operate.stripe_catalogue.planning import Billed, Clash, Keep, Metered, Step, plan, wanted
from infra.operate.stripe_catalogue.unsold import Unsold
from infra.operate.stripe_catalogue.webhook import OBSTACLES, UNCHANGED, StoredSecrets, Tie, TieStep
from tollkeeper.catalogue import Catalogue, load
from tollkeeper.stripe.gateway import is_live

NO_KEY = "Set STRIPE_SECRET_KEY to your account's secret key (sk_test_… to try it)"
SPELLED = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Side:
    """Stripe's side: the account and its catalogue, and the stack that is tied to it, if one is."""

    client: StripeClient
    catalogue: Catalogue
    is_live: bool
    tie: Tie | None = None

    def steps(self, now: datetime) -> Iterator[tuple[Step | TieStep, Callable[[], None]]]:
        """Return all there is to do, each with what does it; nothing is done meanwhile."""
        stripe = StripeCatalogue(self.client)
        for each in plan(self.catalogue, stripe.read([*wanted(self.catalogue)]), now):
            yield each, partial(stripe.take, each, now)
        if (tie := self.tie) is not None:
            for one in tie.plan():
                yield one, partial(tie.take, one)


@click.group()
def stripe() -> None:
    """Stripe's side: products, prices, meters, the portal, and where events are sent."""


def _options(command: options.Command) -> options.Command:
    for each in (
        options.form,
        click.option("--webhook", metavar="URL", help="Instead of the stack's own WebhookUrl."),
        click.option("--without-stack", is_flag=True, help="Products, prices, meters and portal alone."),
        options.stack,
    ):
        command = each(command)
    return command


@stripe.command("plan")
@_options
def plan_command(stack_name: str, webhook: str | None, form: Format, *, without_stack: bool) -> Exit:
    """Show what `apply` would change. It changes nothing."""
    stack = None if without_stack else Stack.find(stack_name)
    return give(applied(side_of(stack, webhook), applies=False), form)


@stripe.command("apply")
@_options
@options.prod
def apply_command(
    stack_name: str, webhook: str | None, form: Format, *, without_stack: bool, prod: bool
) -> Exit:
    """Have Stripe sell what the catalogue says, and tell the stack what happens. A second time does nothing.

    The key is STRIPE_SECRET_KEY or, if that is not set, the one that the stack's functions have.
    """
    stack = None if without_stack else Stack.find(stack_name)
    side = side_of(stack, webhook)
    if stack:
        stack.require_said(prod=prod, live=side.is_live)
    elif side.is_live and not prod:
        raise UnfitError("STRIPE_SECRET_KEY is a live key: add --prod (PROD=1) if you mean real customers.")
    return give(applied(side, applies=True), form)


def side_of(stack: Stack | None, webhook: str | None) -> Side:
    """Return Stripe's side, of a stack if there is one. STRIPE_API_BASE is the address of a stand-in.

    Raises:
        UnfitError: there is no key.
        SettingsError: the key is of another mode than the stack's stage.
    """
    key, base = os.environ.get("STRIPE_SECRET_KEY", ""), os.environ.get("STRIPE_API_BASE")
    if stack is None:
        if not key:
            raise UnfitError(f"{NO_KEY}.")
        return Side(_client(key, base), load(), is_live(key))
    settings, secrets = stack.settings(), StoredSecrets(boto3.client("ssm"))
    key = key or secrets.read(settings.stripe_secret_key_parameter)
    if not key:
        raise UnfitError(f"{NO_KEY}, for there is none in {settings.stripe_secret_key_parameter} yet.")
    settings.require_fitting(key)
    client = _client(key, base or settings.stripe_api_base)
    tie = Tie(
        secrets=secrets,
        destinations=Destinations(client, webhook or stack.webhook, settings.deployment),
        deployment=settings.deployment,
        key=key,
        key_parameter=settings.stripe_secret_key_parameter,
        webhook_parameter=settings.stripe_webhook_secret_parameter,
    )
    return Side(client, load(), is_live(key), tie)


def applied(side: Side, *, applies: bool) -> Answer:
    """Show what there is to do or do it, and return the steps. Whatever stands in the way stops all of it.

    Raises:
        stripe.StripeError: Stripe refused or could not be reached; run again, it goes on where it stopped.
    """
    steps = [*side.steps(datetime.now(UTC))]
    stops = [each for each, _ in steps if isinstance(each, (Clash, Billed, *OBSTACLES))]
    idle = (Keep, Metered, Unsold, Clash, Billed, *UNCHANGED, *OBSTACLES)
    changes = sum(not isinstance(each, idle) for each, _ in steps)
    does = applies and not stops
    if does:
        for _, take in steps:
            take()
    shown = stops if applies and stops else [each for each, _ in steps]

    def text(console: Console) -> None:
        console.print(*map(str, shown), sep="\n", soft_wrap=True)
        if not (applies and stops):
            console.print(f"{changes or 'Nothing'} {'changed' if applies else 'to change'}")

    return Answer(
        name="steps",
        columns=("step", "what"),
        rows=[(SPELLED.sub(" ", type(each).__name__).lower(), str(each)) for each in shown],
        text=text,
        sums={"changed": changes if does else 0, "toChange": 0 if does else changes},
        is_well=not stops,
    )


def _client(key: str, base: str | None) -> StripeClient:
    return StripeClient(key, max_network_retries=3, base_addresses={"api": base} if base else {})
