"""The deployed stack that adopts: its name at Stripe, its table, its key, all as its functions have them."""

from collections.abc import Mapping

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.operate.adopt.account import StripeAccount
from infra.operate.adopt.adoption import Adoption
from tollkeeper.catalogue import load
from tollkeeper.clock import clock
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer
from tollkeeper.secrets import Secrets
from tollkeeper.settings import Settings
from tollkeeper.stripe.gateway import StripeGateway, connect, is_live

STRIPE_PATIENCE_SECONDS = 30.0
"""Of waiting in one call while Stripe limits calls."""


class UnfitError(Exception):
    """The stack cannot adopt like this; the message says what to do."""


def of_stack(name: str, *, live: bool) -> Adoption:
    """Return what adopts for a deployed stack, under the stack's own key.

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
    return Adoption(
        account=StripeAccount(client, catalogue, mine.deployment),
        users=Users(DynamoTable(boto3.client("dynamodb"), mine.table_name)),
        stripe=StripeGateway(client, catalogue, mine.deployment, livemode=is_live(secret_key)),
        catalogue=catalogue,
        offer=Offer(catalogue, mine.bill_overage_from),
        deployment=mine.deployment,
        now=clock(mine.sandbox_clock_url).now,
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
