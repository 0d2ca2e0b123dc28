"""What is done about each of Stripe's events."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.examples import END, NOW, OFFER, START, SUBSCRIPTION
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe_events import METADATA, card, customer, invoice, read, snapshot, thin
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.users import Users
from tollkeeper.rules.subscriptions import Cause, Status, Subscription
from tollkeeper.rules.times import epoch, iso
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.event_types import EventType
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.port import CheckoutOrder, MeterRejection
from tollkeeper.subscriptions.stripe_events import Outcome, StripeEvents

TRIAL = replace(SUBSCRIPTION, status=Status.TRIALING, trial_end=END)
SECOND = replace(SUBSCRIPTION, id="sub_second", created=START + timedelta(hours=1))

OF_SUBSCRIPTION = [
    snapshot("checkout.session.completed", metadata=METADATA),
    snapshot("customer.subscription.created", metadata=METADATA),
    snapshot("customer.subscription.updated", metadata=METADATA),
    snapshot("customer.subscription.deleted", metadata=METADATA),
    snapshot("customer.subscription.trial_will_end", metadata=METADATA),
    invoice("invoice.created"),
    invoice("invoice.finalized"),
    invoice("invoice.paid"),
    invoice("invoice.payment_succeeded"),
    invoice("invoice.payment_failed"),
    invoice("invoice.payment_action_required"),
    invoice("invoice.voided"),
    snapshot("invoiceitem.deleted", metadata=METADATA),
    customer("customer.deleted"),
    customer("customer.updated"),
    card("payment_method.updated"),
    card("payment_method.automatically_updated"),
]


def kind(event: dict[str, Any]) -> str:
    """An event's type."""
    return str(event["type"])


@pytest.fixture
def stripe() -> FakeStripe:
    """A Stripe account in which Ada has subscribed."""
    stripe = FakeStripe(SUBSCRIPTION)
    stripe.create_customer("ada")
    stripe.customers["cus_stranger"] = None
    return stripe


@pytest.fixture
def follow(users: Users, table: MemoryTable, stripe: FakeStripe) -> Callable[[dict[str, Any]], Outcome]:
    """The deployment called `live`, following an event."""
    stripe_events = StripeEvents(users, Bills(table), stripe, OFFER, "live")
    return lambda event: stripe_events.follow(read(event), NOW)


type Follow = Callable[[dict[str, Any]], Outcome]


def announced(table: MemoryTable) -> list[str]:
    """What was announced, in order of the alphabet."""
    return sorted(str(row["kind"]) for key, row in table.rows.items() if key.sk.startswith("ANNOUNCEMENT"))


def known(users: Users) -> Subscription | None:
    """What the ledger knows of Ada's subscription."""
    return users.read("ada", NOW).subscription


def order(customer_id: str = "cus_ada") -> CheckoutOrder:
    """An order for professional."""
    return CheckoutOrder("ada", customer_id, "professional", 14, "https://app.test", "https://app.test")


@pytest.mark.parametrize("event", OF_SUBSCRIPTION, ids=kind)
def test_what_is_about_a_subscription_brings_its_row_up_to_date(
    follow: Follow, users: Users, event: dict[str, Any]
) -> None:
    """Whichever comes first, the row then says what Stripe says."""
    assert (Outcome.FOLLOWED, SUBSCRIPTION) == (follow(event), known(users))


@pytest.mark.parametrize("event", OF_SUBSCRIPTION, ids=kind)
def test_what_could_not_be_followed_comes_again(
    follow: Follow, stripe: FakeStripe, table: MemoryTable, event: dict[str, Any]
) -> None:
    """While Stripe is down nothing is written, and the queue keeps the event."""
    stripe.is_down = True
    with pytest.raises(StripeUnavailableError):
        follow(event)
    assert {} == table.rows


@pytest.mark.parametrize(
    "event",
    [
        snapshot("customer.subscription.created", metadata={**METADATA, "deployment": "other"}),
        invoice("invoice.paid", parent={"subscription_details": {"metadata": {"deployment": "other"}}}),
        snapshot("invoice.finalized", customer="cus_stranger"),
        snapshot("checkout.session.completed", customer=None),
        snapshot("customer.subscription.trial_will_end", customer="cus_stranger"),
        card("payment_method.attached", customer="cus_stranger"),
        card("payment_method.detached", customer=None),
        snapshot("customer.created", id="cus_stranger", object="customer"),
        snapshot("invoice.created", customer="cus_unknown"),
        invoice("invoice.voided") | {"account": "acct_other"},
        invoice("invoice.payment_failed") | {"livemode": True},
        thin("v1.billing.meter.no_meter_found", "evt_unknown"),
    ],
    ids=kind,
)
def test_what_is_not_ours_is_left(follow: Follow, table: MemoryTable, event: dict[str, Any]) -> None:
    """Another deployment's, or nobody's we know: acknowledged and counted, nothing written."""
    assert (Outcome.OF_OTHERS, {}) == (follow(event), table.rows)


def test_stripe_is_not_asked_about_another_deployments_event(follow: Follow, stripe: FakeStripe) -> None:
    """Where the event itself says whose it is, following it costs no call."""
    stripe.is_down = True
    event = snapshot("customer.subscription.created", metadata={"deployment": "other"})
    assert Outcome.OF_OTHERS is follow(event)


@pytest.mark.parametrize("event", [snapshot("charge.succeeded"), thin("v2.core.account.updated")], ids=kind)
def test_an_event_that_nobody_asked_for_is_acknowledged(
    follow: Follow, table: MemoryTable, event: dict[str, Any]
) -> None:
    """A destination may be set up for more than is needed."""
    assert (Outcome.LEFT_ALONE, {}) == (follow(event), table.rows)


def test_a_customer_that_nobody_noted_is_the_users(follow: Follow, users: Users) -> None:
    """Whoever made it died before binding it; Stripe's own event does."""
    follow(customer("customer.created"))
    assert "cus_ada" == users.read("ada", NOW).customer_id


def test_a_customer_made_too_many_takes_nobodys_place(follow: Follow, users: Users) -> None:
    """A user keeps the one they have."""
    users.bind_customer("ada", "cus_first")
    follow(customer("customer.created"))
    assert "cus_first" == users.read("ada", NOW).customer_id


def test_a_customer_who_was_replaced_says_nothing_more(follow: Follow, users: Users) -> None:
    """What is late from a deleted customer does not undo what the user bought as a new one."""
    users.bind_customer("ada", "cus_again")
    event = snapshot("customer.subscription.deleted", metadata=METADATA)
    assert (Outcome.OF_OTHERS, None) == (follow(event), known(users))


def test_other_pages_are_taken_away_when_one_is_paid_on(follow: Follow, stripe: FakeStripe) -> None:
    """Two that were opened at one instant could each give a trial, one after the other."""
    stripe.create_checkout_session(order())
    stripe.create_checkout_session(order(stripe.create_customer("bob")))
    follow(snapshot("checkout.session.completed", metadata=METADATA))
    assert ["cs_1"] == stripe.expired


def test_a_trials_end_is_announced_before_it_comes(
    follow: Follow, stripe: FakeStripe, table: MemoryTable
) -> None:
    """Once, however often Stripe says it."""
    stripe.held = [TRIAL]
    for _ in range(2):
        follow(snapshot("customer.subscription.trial_will_end", metadata=METADATA))
    assert ["subscription.activated", "trial.will_end"] == announced(table)


def test_the_end_of_no_trial_is_not_announced(follow: Follow, table: MemoryTable) -> None:
    """It was ended early, or cancelled, before the event was followed."""
    follow(snapshot("customer.subscription.trial_will_end", metadata=METADATA))
    assert ["subscription.activated"] == announced(table)


@pytest.mark.parametrize(
    ("event", "news"),
    [
        (invoice("invoice.paid"), "payment.succeeded"),
        (invoice("invoice.payment_succeeded"), "payment.succeeded"),
        (invoice("invoice.payment_failed"), "payment.failed"),
    ],
)
def test_a_payment_is_announced(follow: Follow, table: MemoryTable, event: dict[str, Any], news: str) -> None:
    """Beside what it made of the subscription."""
    follow(event)
    assert [news, "subscription.activated"] == announced(table)


def test_one_payment_is_announced_once(follow: Follow, table: MemoryTable) -> None:
    """Stripe tells of it by two events, each may come twice, and the first one's time is the payment's."""
    later = epoch(NOW + timedelta(minutes=1))
    for at, kind_ in enumerate(["invoice.paid", "invoice.payment_succeeded", "invoice.paid"]):
        follow(invoice(kind_, f"evt_{at}") | ({"created": later} if at else {}))
    rows = (row for key, row in table.rows.items() if key.sk.startswith("ANNOUNCEMENT"))
    assert [("ada", iso(NOW))] == [
        (row["userId"], row["at"]) for row in rows if row["kind"] == "payment.succeeded"
    ]


@pytest.mark.parametrize("type_", EventType)
def test_every_type_on_the_list_is_followed(
    users: Users, table: MemoryTable, stripe: FakeStripe, type_: EventType
) -> None:
    """What destinations are set up for, something is done about."""
    stripe.rejected = {"evt_1": []}
    stripe_events = StripeEvents(users, Bills(table), stripe, OFFER, "live")
    assert Outcome.LEFT_ALONE is not stripe_events.follow(StripeEvent("evt_1", type_, NOW), NOW)


def test_an_invoice_that_could_not_be_finalised_is_counted_and_logged(
    follow: Follow, users: Users, caplog: pytest.LogCaptureFixture
) -> None:
    """It stays a draft that nobody pays; the row is brought up to date as well."""
    error = {"message": "The customer's location isn't recognized.", "type": "invalid_request_error"}
    event = invoice("invoice.finalization_failed", last_finalization_error=error)
    assert (Outcome.FINALIZATION_FAILED, SUBSCRIPTION) == (follow(event), known(users))
    (record,) = caplog.records
    assert ("ada", "in_1", error["message"]) == tuple(
        record.__dict__[name] for name in ("userId", "invoice", "reason")
    )


def test_an_item_that_was_taken_away_is_logged(follow: Follow, caplog: pytest.LogCaptureFixture) -> None:
    """A person decided that it is not to be paid."""
    follow(snapshot("invoiceitem.deleted", id="ii_1", object="invoiceitem", metadata=METADATA))
    (record,) = caplog.records
    assert ("ada", "ii_1") == (record.__dict__["userId"], record.__dict__["item"])


def test_each_update_of_a_card_is_announced_once(follow: Follow, table: MemoryTable) -> None:
    """A new expiry is news, told again it is none, and the next one is news again."""
    for at, year in enumerate([2030, 2030, 2034]):
        numbers = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": year}
        event = card("payment_method.automatically_updated", f"evt_{at}")
        event["data"]["object"]["card"] = numbers
        follow(event)
    assert ["payment_method.changed", "payment_method.changed", "subscription.activated"] == announced(table)


@pytest.mark.parametrize("change", ["attached", "detached", "updated", "automatically_updated"])
def test_a_change_of_cards_is_announced(follow: Follow, table: MemoryTable, change: str) -> None:
    """The row learns of it as well: it may be the one that the next invoice is charged to."""
    assert Outcome.FOLLOWED is follow(card(f"payment_method.{change}"))
    assert ["payment_method.changed", "subscription.activated"] == announced(table)


@pytest.mark.parametrize(
    "kind_", ["v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"]
)
def test_rejected_meter_events_are_said_aloud(
    follow: Follow, stripe: FakeStripe, caplog: pytest.LogCaptureFixture, kind_: str
) -> None:
    """The log names the meter events and the reason; the outcome is a metric with an alarm."""
    rejection = MeterRejection("no_meter", 2, ["tollkeeper-1: No meter.", "tollkeeper-2: No meter."])
    stripe.rejected = {"evt_1": [rejection]}
    assert Outcome.METER_EVENTS_REJECTED is follow(thin(kind_))
    (record,) = caplog.records
    assert ("no_meter", 2, "tollkeeper-2: No meter.") == (
        record.__dict__["reason"],
        record.__dict__["count"],
        record.__dict__["samples"][1],
    )


def test_a_second_live_subscription_is_cancelled(follow: Follow, stripe: FakeStripe, users: Users) -> None:
    """The oldest one stays, and is what the user has."""
    stripe.held = [SECOND, SUBSCRIPTION]
    follow(snapshot("checkout.session.completed", metadata=METADATA))
    assert ([("sub_second", Cause.DUPLICATE)], SUBSCRIPTION) == (stripe.canceled, known(users))


def test_a_second_live_subscription_is_announced_as_a_change_of_the_first(
    follow: Follow, stripe: FakeStripe, table: MemoryTable
) -> None:
    """Nobody who switches features off at `subscription.canceled` does so to a user who still pays."""
    stripe.held = [SECOND, SUBSCRIPTION]
    for _ in range(3):
        follow(snapshot("checkout.session.completed", metadata=METADATA))
    assert ["subscription.activated", "subscription.changed"] == announced(table)


def test_a_second_live_subscription_is_audited_once(
    follow: Follow, stripe: FakeStripe, table: MemoryTable
) -> None:
    """However many events come about it."""
    stripe.held = [SECOND, SUBSCRIPTION]
    for event in OF_SUBSCRIPTION:
        follow(event)
    rows = [row for key, row in table.rows.items() if key.sk.startswith("AUDIT")]
    assert [("SUBSCRIPTION_CREATED", "sub_ada"), ("SUBSCRIPTION_DUPLICATE_CANCELED", "sub_second")] == sorted(
        (row["action"], row["entityId"]) for row in rows
    )


def test_a_first_charge_that_fails_ends_the_subscription(
    follow: Follow, stripe: FakeStripe, users: Users
) -> None:
    """The trial was the customer's to try; there is no grace on top."""
    stripe.held = [replace(TRIAL, status=Status.PAST_DUE, past_due_since=NOW, first_charge_failed=True)]
    follow(invoice("invoice.payment_failed"))
    row = known(users)
    assert row
    assert (Status.CANCELED, Cause.FIRST_CHARGE_FAILED) == (row.status, row.canceled_for)


def test_a_renewal_that_fails_ends_nothing(follow: Follow, stripe: FakeStripe, users: Users) -> None:
    """It has its grace, and Stripe tries again."""
    stripe.held = [replace(SUBSCRIPTION, status=Status.PAST_DUE, past_due_since=NOW)]
    follow(invoice("invoice.payment_failed"))
    assert ([], stripe.held[0]) == (stripe.canceled, known(users))


def test_who_buys_again_after_a_first_charge_failed_keeps_the_new_one(
    follow: Follow, stripe: FakeStripe, users: Users
) -> None:
    """Of the two that live, the older one must end; it makes the newer one no duplicate."""
    failed = replace(SUBSCRIPTION, status=Status.PAST_DUE, first_charge_failed=True)
    stripe.held = [failed, SECOND]
    follow(invoice("invoice.payment_failed"))
    assert ([("sub_ada", Cause.FIRST_CHARGE_FAILED)], SECOND) == (stripe.canceled, known(users))


def test_outcomes_keep_their_names() -> None:
    """They are metrics: a deployer's own alarms and dashboards go by them."""
    assert [
        "StripeEventsFollowed",
        "StripeEventsOfOthers",
        "StripeEventsLeftAlone",
        "MeterEventsRejected",
        "InvoiceFinalizationsFailed",
    ] == [*Outcome]
