"""What a function is made of: each part made once in its life, when it is first asked for.

Handlers take these as dependencies, so that a test hands in its own. What a part is made of is imported with
it and not before: a function that does not need it starts sooner, most of all without Stripe's SDK.

Here is what several rooms need; what one room is made of is in the module of its name.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import boto3

from tollkeeper.aws import AWS
from tollkeeper.clock import Clock
from tollkeeper.clock import clock as clock_at
from tollkeeper.settings import Settings, is_lambda

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from tollkeeper.api.authorization import Authorizer
    from tollkeeper.catalogue import Catalogue
    from tollkeeper.ledger.patience import Patience
    from tollkeeper.ledger.table import Table
    from tollkeeper.ledger.users import Users
    from tollkeeper.rules.offers import Offer
    from tollkeeper.secrets import Secrets
    from tollkeeper.stripe.gateway import StripeGateway

PATIENCE_SECONDS = 8.0  # for which a race is run before the answer is 503: half of what a function has


def get_ready(*parts: Callable[[], object]) -> None:
    """Make parts before the first call, while Lambda lends a whole processor to a function that starts."""
    if is_lambda():
        for part in parts:
            part()


@cache
def settings() -> Settings:
    """Return what the deployment decides."""
    return Settings.from_environment()


@cache
def catalogue() -> "Catalogue":
    """Return what is counted and sold."""
    from tollkeeper.catalogue import load

    return load()


@cache
def clock() -> Clock:
    """Return what tells the time."""
    return clock_at(settings().sandbox_clock_url)


@cache
def authorizer() -> "Authorizer":
    """Return what lets callers in."""
    from tollkeeper.api.authorization import Authorizer

    mine = settings()
    return Authorizer(
        mine.user_audience, mine.service_audience, mine.service_scope, mine.user_claim, mine.billing_claim
    )


def patience() -> "Patience":
    """Return how long a caller who waits is made to wait while others are at the same rows: from now on."""
    from tollkeeper.ledger.patience import for_seconds

    return for_seconds(PATIENCE_SECONDS)


@cache
def offer() -> "Offer":
    """Return what a period pins when it starts."""
    from tollkeeper.rules.offers import Offer

    return Offer(catalogue(), settings().bill_overage_from, settings().record_lifetime)


@cache
def table() -> "Table":
    """Return the ledger's table."""
    from tollkeeper.ledger.dynamo import DynamoTable

    return DynamoTable(boto3.client("dynamodb", config=AWS), settings().table_name)


@cache
def users() -> "Users":
    """Return the book of users."""
    from tollkeeper.ledger.users import Users

    return Users(table())


@cache
def sqs() -> "SQSClient":
    """Return what sends to queues."""
    return boto3.client("sqs", config=AWS)


@cache
def secrets() -> "Secrets":
    """Return what reads the deployment's secrets."""
    from tollkeeper.secrets import Secrets

    return Secrets(boto3.client("ssm", config=AWS))


@cache
def _stripe_gateway(secret_key: str, **pace: float) -> "StripeGateway":
    from tollkeeper.stripe.gateway import StripeGateway, connect, is_live

    client = connect(secret_key, settings().stripe_api_base, **pace)
    return StripeGateway(client, catalogue(), settings().deployment, livemode=is_live(secret_key))


def stripe_gateway(**pace: float) -> "StripeGateway":
    """Return Stripe, under the key that is in force now, at the pace that `connect` is told.

    Raises:
        SettingsError: there is none, or it is not for this stage.
    """
    secret_key = secrets().read(settings().stripe_secret_key_parameter)
    settings().require_fitting(secret_key)
    return _stripe_gateway(secret_key, **pace)
