"""What a function is made of: each part made once in its life, when it is first asked for.

Handlers take these as dependencies, so that a test hands in its own. What a part is made of is imported with
it and not before: a function that does not need it starts sooner, most of all without Stripe's SDK.
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

    from tollkeeper.announcements.announcer import EventBus
    from tollkeeper.announcements.dead_letters import StreamDeadLetters
    from tollkeeper.api.authorization import Authorizer
    from tollkeeper.catalogue import Catalogue
    from tollkeeper.ledger.bills import Bills
    from tollkeeper.ledger.patience import Patience
    from tollkeeper.ledger.spending_caps import SpendingCaps
    from tollkeeper.ledger.table import Table
    from tollkeeper.ledger.tracking import QueueBacklog
    from tollkeeper.ledger.users import Users
    from tollkeeper.periods.charging import Charging
    from tollkeeper.periods.reporter import Reporter
    from tollkeeper.quota.quota import Quota
    from tollkeeper.rules.offers import Offer
    from tollkeeper.secrets import Secrets
    from tollkeeper.stripe.event_queue import DeadEvents, StripeEventQueue
    from tollkeeper.stripe.gateway import StripeGateway
    from tollkeeper.subscriptions.checkout import Checkout
    from tollkeeper.subscriptions.stripe_events import StripeEvents
    from tollkeeper.subscriptions.sweep import Sweep
    from tollkeeper.usage.intake import Intake
    from tollkeeper.usage.queue import UsageQueue
    from tollkeeper.usage.tracker import Tracker
    from tollkeeper.views.reader import Reader

PATIENCE_SECONDS = 8.0  # for which a race is run before the answer is 503: half of what a function has
TRACKER_WORKERS = 16  # users counted side by side: as many transactions as keep a small processor busy
REPORTER_WORKERS = 20  # users charged side by side: as many as 25 calls a second to an endpoint keep busy


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
def spending_caps() -> "SpendingCaps":
    """Return the book of spending caps."""
    from tollkeeper.ledger.spending_caps import SpendingCaps

    return SpendingCaps(table(), offer())


def reader() -> "Reader":
    """Return what shows users what they have."""
    from tollkeeper.ledger.history import History
    from tollkeeper.views.reader import Reader

    return Reader(users(), History(table()), offer(), clock())


@cache
def quota() -> "Quota":
    """Return what answers questions of quota."""
    from tollkeeper.ledger.consuming import Consuming
    from tollkeeper.quota.quota import Quota

    return Quota(Consuming(table(), offer()))


@cache
def sqs() -> "SQSClient":
    """Return what sends to queues."""
    return boto3.client("sqs", config=AWS)


@cache
def usage_queue() -> "UsageQueue":
    """Return the queue that usage records travel on."""
    from tollkeeper.usage.queue import UsageQueue

    return UsageQueue(sqs(), settings().usage_queue_url)


@cache
def intake() -> "Intake":
    """Return what takes usage in."""
    from tollkeeper.usage.intake import Intake

    return Intake(usage_queue(), catalogue().metrics)


@cache
def queue_backlog() -> "QueueBacklog":
    """Return what is noted of the usage queue."""
    from tollkeeper.ledger.tracking import QueueBacklog

    return QueueBacklog(table())


@cache
def tracker() -> "Tracker":
    """Return what counts the usage queue's messages."""
    from concurrent.futures import ThreadPoolExecutor

    from tollkeeper.ledger.counting import Counting
    from tollkeeper.ledger.tracking import MessageAttempts
    from tollkeeper.usage.queue import DeadLetters
    from tollkeeper.usage.tracker import Tracker

    counting, attempts = Counting(table(), offer()), MessageAttempts(table())
    dead_letters = DeadLetters(sqs(), settings().usage_dead_letter_queue_url)
    several = ThreadPoolExecutor(TRACKER_WORKERS).map
    return Tracker(counting, dead_letters, attempts, queue_backlog(), catalogue().metrics, several)


@cache
def event_bus() -> "EventBus":
    """Return where announcements are published."""
    from tollkeeper.announcements.announcer import EventBus

    return EventBus(boto3.client("events", config=AWS), settings().event_bus_name)


@cache
def stream_dead_letters() -> "StreamDeadLetters":
    """Return where changes are put aside that can never be announced."""
    from tollkeeper.announcements.dead_letters import StreamDeadLetters

    return StreamDeadLetters(sqs(), settings().stream_dead_letter_queue_url)


@cache
def stripe_event_queue() -> "StripeEventQueue":
    """Return the queue that Stripe's events wait on."""
    from tollkeeper.stripe.event_queue import StripeEventQueue

    return StripeEventQueue(sqs(), settings().stripe_event_queue_url)


@cache
def dead_events() -> "DeadEvents":
    """Return where Stripe's events go that cannot be followed."""
    from tollkeeper.stripe.event_queue import DeadEvents

    return DeadEvents(sqs(), settings().stripe_event_dead_letter_queue_url)


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


def checkout() -> "Checkout":
    """Return what opens checkout sessions."""
    from tollkeeper.subscriptions.checkout import Checkout

    return Checkout(users(), stripe_gateway(), catalogue(), settings().allowed_origins)


def stripe_events() -> "StripeEvents":
    """Return what follows Stripe's events up."""
    from tollkeeper.ledger.bills import Bills
    from tollkeeper.subscriptions.stripe_events import StripeEvents

    stripe = stripe_gateway(calls_per_second=settings().stripe_calls_each)
    return StripeEvents(users(), Bills(table()), stripe, offer(), settings().deployment)


def sweep() -> "Sweep":
    """Return what puts right what webhooks missed."""
    from tollkeeper.ledger.bills import Bills
    from tollkeeper.ledger.sweep_progress import SweepProgressBook
    from tollkeeper.subscriptions.sweep import STRIPE_PATIENCE_SECONDS, Sweep

    stripe, progress = stripe_gateway(patience_seconds=STRIPE_PATIENCE_SECONDS), SweepProgressBook(table())
    return Sweep(users(), Bills(table()), stripe, offer(), settings().deployment, progress)


def charging(bills: "Bills", stripe: "StripeGateway") -> "Charging":
    """Return what charges bills."""
    from tollkeeper.periods.charging import Charging
    from tollkeeper.rules.bills import Apart, Policy

    policy = Policy(settings().longest_hold, Apart.WRITE_OFF if settings().writes_off else Apart.INVOICE)
    return Charging(bills, stripe, catalogue(), policy, settings().deployment)


def reporter() -> "Reporter":
    """Return what closes and charges periods."""
    from concurrent.futures import ThreadPoolExecutor

    from tollkeeper.ledger.bills import Bills
    from tollkeeper.periods.reporter import STRIPE_PATIENCE_SECONDS, Reporter
    from tollkeeper.periods.settling import Settling

    seconds, pace = STRIPE_PATIENCE_SECONDS, settings().stripe_calls_per_second
    charges = charging(Bills(table()), stripe_gateway(patience_seconds=seconds, calls_per_second=pace))
    settling, several = Settling(usage_queue(), queue_backlog()), ThreadPoolExecutor(REPORTER_WORKERS).map
    return Reporter(table(), charges, settling, clock(), several)
