"""What an event says of itself, in each of the forms in which it comes."""

from typing import Any

import pytest

from tests.examples import NOW
from tests.fakes.stripe_events import (
    METADATA,
    card,
    customer,
    invoice,
    read,
    snapshot,
    thin,
    through_event_bridge,
)
from tollkeeper.rules.announcements import Kind
from tollkeeper.stripe.events import StripeEvent


def test_an_event_is_the_same_by_whatever_way_it_comes() -> None:
    """EventBridge puts it into an envelope, which says nothing more."""
    event = invoice("invoice.paid")
    assert read(event) == read(through_event_bridge(event))


def test_a_thin_event_names_nobody() -> None:
    """It has an id, a type and a time, which is text in this style; the rest is asked for."""
    event = read(thin("v1.billing.meter.no_meter_found", "evt_9"))
    assert ("evt_9", "v1.billing.meter.no_meter_found", NOW) == (event.id, event.type, event.at)
    assert (None, None) == (event.customer_id, event.deployment)


@pytest.mark.parametrize(
    "event",
    [
        snapshot("customer.subscription.updated", metadata=METADATA),
        invoice("invoice.paid"),
        customer("customer.deleted"),
    ],
    ids=["subscription", "invoice", "customer"],
)
def test_an_object_says_whose_it_is(event: dict[str, Any]) -> None:
    """A customer itself, what is the customer's, and an invoice by its subscription."""
    found = read(event)
    assert ("cus_ada", "live", "ada") == (found.customer_id, found.deployment, found.user_id)


def test_a_card_taken_away_says_who_had_it() -> None:
    """It is nobody's any more; the event tells what it was before."""
    event = card("payment_method.detached", customer=None)
    event["data"]["previous_attributes"] = {"customer": "cus_ada"}
    assert "cus_ada" == read(event).customer_id


def test_an_object_without_metadata_says_no_deployment() -> None:
    """Whose customer it is must be asked then."""
    events = [
        snapshot("x"),
        snapshot("x", metadata=None),
        snapshot("x", metadata={}),
        snapshot("x", parent=None),
    ]
    assert {None} == {read(event).deployment for event in events}


@pytest.mark.parametrize("body", ["", "null", "[]", "{}", '{"id": 1}', '{"detail-type": "x"}', "plain text"])
def test_what_is_no_event_is_not_read(body: str) -> None:
    """It came by a trusted way, so it is kept as a dead letter and somebody looks."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        StripeEvent.read(body)


def test_a_payment_is_announced() -> None:
    """The app gets what it needs to write a mail: the amount, and where the invoice stands."""
    news = read(invoice("invoice.paid")).news
    assert news
    assert Kind.PAYMENT_SUCCEEDED is news.kind
    assert {
        "invoiceId": "in_1",
        "subscriptionId": "sub_ada",
        "amount": 99_00,
        "currency": "usd",
        "attempt": 1,
        "nextAttemptAt": None,
        "hostedInvoiceUrl": "https://pay.test/in_1",
    } == news.detail


def test_one_payment_is_announced_once() -> None:
    """Stripe tells of it by two events, and each may come twice."""
    kinds = ["invoice.paid", "invoice.payment_succeeded", "invoice.paid"]
    news = [read(invoice(kind, f"evt_{at}")).news for at, kind in enumerate(kinds)]
    assert {(Kind.PAYMENT_SUCCEEDED, ("in_1", "paid"))} == {(each.kind, each.facts) for each in news if each}


def test_each_attempt_that_fails_is_announced() -> None:
    """The second refusal is news; the first one told again is not."""
    news = [read(invoice("invoice.payment_failed", attempt_count=attempt)).news for attempt in (1, 2, 1)]
    assert [("in_1", "1"), ("in_1", "2"), ("in_1", "1")] == [each and each.facts for each in news]


def test_a_failed_payment_says_what_is_due_and_when_it_is_tried_again() -> None:
    """That is what the customer must hear."""
    event = invoice("invoice.payment_failed", next_payment_attempt=1_763_467_200)
    news = read(event).news
    assert news
    assert (Kind.PAYMENT_FAILED, 99_00, "2025-11-18T12:00:00Z") == (
        news.kind,
        news.detail["amount"],
        news.detail["nextAttemptAt"],
    )


@pytest.mark.parametrize("kind", ["invoice.paid", "invoice.payment_succeeded"])
def test_an_invoice_of_nothing_is_no_payment(kind: str) -> None:
    """A trial begins with one."""
    assert read(invoice(kind, amount_paid=0)).news is None


@pytest.mark.parametrize("change", ["attached", "detached"])
def test_a_change_of_cards_is_announced(change: str) -> None:
    """With what people know their card by."""
    news = read(card(f"payment_method.{change}")).news
    assert news
    assert (Kind.PAYMENT_METHOD_CHANGED, change, "visa", "4242") == (
        news.kind,
        *(news.detail[name] for name in ("change", "brand", "last4")),
    )


@pytest.mark.parametrize("kind", ["invoice.created", "customer.subscription.updated", "customer.deleted"])
def test_other_events_announce_nothing_by_themselves(kind: str) -> None:
    """What they mean for the user only the user's row can tell."""
    assert read(invoice(kind)).news is None


def test_when_an_event_was_made_is_no_part_of_its_news() -> None:
    """Another event about the same fact, at another time, is the same news."""
    later = invoice("invoice.paid", "evt_2") | {"created": 1_800_000_000}
    one, other = read(invoice("invoice.paid")), read(later)
    assert (one.news, True) == (other.news, one.at != other.at)
