"""A deployed stack as commands work on it: settings, table, key and clock, as its functions have them."""

from collections.abc import Mapping
from dataclasses import dataclass

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from stripe import StripeClient

from tollkeeper.catalogue import Catalogue, load
from tollkeeper.clock import Clock, clock
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.ledger.table import Table
from tollkeeper.secrets import Secrets
from tollkeeper.settings import Settings
from tollkeeper.stripe.gateway import StripeGateway, connect, is_live

DEFAULT_STACK = "tollkeeper-dev"

STRIPE_PATIENCE_SECONDS = 30.0
"""Of waiting in one call while Stripe limits calls."""


class UnfitError(Exception):
    """The stack cannot be worked on like this; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a command needs of a stack. `client` is the SDK's, for what the gateway does not do."""

    settings: Settings
    table: Table
    client: StripeClient
    stripe: StripeGateway
    catalogue: Catalogue
    clock: Clock


def deployed(name: str, *, live: bool) -> Deployed:
    """Return a deployed stack, under its own key.

    Raises:
        UnfitError: there is no such stack here, or its key is live and that was not expected.
        SettingsError: the stack lacks a key, or has one of the other mode than its stage's.
        CatalogueError: the catalogue file cannot be read.
    """
    mine = Settings.from_environment(_environment(name))
    secret_key = Secrets(boto3.client("ssm")).read(mine.stripe_secret_key_parameter)
    mine.require_fitting(secret_key)
    require_meant(name, secret_key, live=live)
    catalogue = load()
    client = connect(
        secret_key,
        mine.stripe_api_base,
        patience_seconds=STRIPE_PATIENCE_SECONDS,
        calls_per_second=mine.stripe_calls_per_second,
    )
    return Deployed(
        settings=mine,
        table=DynamoTable(boto3.client("dynamodb"), mine.table_name),
        client=client,
        stripe=StripeGateway(client, catalogue, mine.deployment, livemode=is_live(secret_key)),
        catalogue=catalogue,
        clock=clock(mine.sandbox_clock_url),
    )


def require_meant(stack: str, secret_key: str, *, live: bool) -> None:
    """See that a live key is used by those alone who say that they mean it.

    Raises:
        UnfitError: it is live, and they do not.
    """
    if is_live(secret_key) and not live:
        raise UnfitError(f"{stack} has a live key: add --live (LIVE=1) if you mean real customers.")


def _environment(stack: str) -> Mapping[str, str]:
    """Return the environment of the stack's sweep, which has all that a function of the stack is told."""
    try:
        resource = boto3.client("cloudformation").describe_stack_resource(
            StackName=stack, LogicalResourceId="Sweep"
        )["StackResourceDetail"]
        found = boto3.client("lambda").get_function_configuration(FunctionName=resource["PhysicalResourceId"])
    except (BotoCoreError, ClientError) as error:
        raise UnfitError(f"The stack {stack} cannot be read here: {error}") from error
    return found["Environment"]["Variables"]
