"""What the tests start from: a deployment, and Ada, a professional in the middle of her period."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from tollkeeper.catalogue import load
from tollkeeper.rules.binding import Binding, bind
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period, Stretch
from tollkeeper.rules.subscriptions import Status, Subscription, choose
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.rules.users import User

CATALOGUE = load()
OFFER = Offer(CATALOGUE, bill_overage_from=date(2025, 1, 1))

START = datetime(2025, 11, 3, 9, 30, 15, tzinfo=UTC)
NOW = datetime(2025, 11, 15, 12, tzinfo=UTC)
END = datetime(2025, 12, 3, 9, 30, 15, tzinfo=UTC)

SUBSCRIPTION = Subscription(
    id="sub_ada",
    customer_id="cus_ada",
    plan="professional",
    status=Status.ACTIVE,
    created=START,
    period_start=START,
    period_end=END,
)
PERIOD = Period(START, END, SUBSCRIPTION.id, OFFER.terms("professional", START))
USER = User(
    "ada",
    rev=1,
    customer_id="cus_ada",
    subscription=SUBSCRIPTION,
    timeline=(Stretch(START, END, SUBSCRIPTION.id),),
    periods=(PERIOD,),
)
RECORD = UsageRecord(id="evt-1", user_id="ada", metric="apiCalls", quantity=1, timestamp=NOW, accepted_at=NOW)

ENVIRONMENT: Mapping[str, str] = {
    "STAGE": "prod",
    "DEPLOYMENT": "live",
    "USER_AUDIENCE": "tollkeeper",
    "SERVICE_AUDIENCE": "tollkeeper-service",
    "SERVICE_SCOPE": "billing:service",
    "USER_CLAIM": "sub",
    "BILLING_CLAIM": "",
    "TABLE_NAME": "ledger",
    "USAGE_QUEUE_URL": "https://sqs.test/usage",
    "USAGE_DEAD_LETTER_QUEUE_URL": "https://sqs.test/usage-dead-letters",
    "STRIPE_EVENT_QUEUE_URL": "https://sqs.test/stripe-events",
    "STREAM_DEAD_LETTER_QUEUE_URL": "https://sqs.test/stream-dead-letters",
    "STRIPE_EVENT_DEAD_LETTER_QUEUE_URL": "https://sqs.test/stripe-event-dead-letters",
    "EVENT_BUS_NAME": "live",
    "STRIPE_SECRET_KEY_PARAMETER": "/live/stripe/key",
    "STRIPE_WEBHOOK_SECRET_PARAMETER": "/live/stripe/webhook",
    "STRIPE_CALLS_PER_SECOND": "20",
    "STRIPE_EVENT_CONCURRENCY": "2",
    "ALLOWED_ORIGINS": "https://app.example.com,http://localhost:3000",
    "BILL_OVERAGE_FROM": "2026-01-31",
    "HOLD_HOURS": "72",
    "RECORD_DAYS": "400",
    "CHARGE_APART": "invoice",
    "UPGRADE_URL": "/pricing",
}


def bound(user: User, *subscriptions: Subscription, at: datetime = NOW, offer: Offer = OFFER) -> Binding:
    """Return what Stripe's word of subscriptions makes of a user's periods."""
    chosen = choose(subscriptions)
    assert chosen
    return bind(user, subscriptions, chosen, offer, at)
