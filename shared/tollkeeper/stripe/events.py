"""Stripe's events as they come: in a webhook, through EventBridge, or from the list of events.

An event is read once, and completely. Of the object it carries no more is believed than what cannot change:
whose it is, and that a payment was made or refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from tollkeeper.rules.announcements import Kind, Plain
from tollkeeper.rules.times import from_epoch, iso, parse_iso
from tollkeeper.stripe.event_types import EventType


@dataclass(frozen=True, slots=True)
class News:
    """What an event announces by itself, whoever the user is; `facts` tell it from others of its kind."""

    kind: Kind
    facts: tuple[str, ...]
    detail: Mapping[str, Plain]


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """One event. A thin one says no more of itself than its id, type and time.

    `object_id` names the object it is about and `customer_id` the customer whose object that is; of a payment
    method taken away, the customer who had it. `deployment` and `user_id` are what a deployment of Tollkeeper
    noted on the object when it made it, or on the subscription that an invoice is of. `account_id` is the
    account it happened in, where Stripe names one; `livemode` its mode, likewise. `trouble` says in Stripe's
    words why an invoice could not be finalised.
    """

    id: str
    type: str
    at: datetime
    object_id: str | None = None
    customer_id: str | None = None
    deployment: str | None = None
    user_id: str | None = None
    news: News | None = None
    account_id: str | None = None
    livemode: bool | None = None
    trouble: str | None = None

    def __str__(self) -> str:
        return self.id

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """Read an event of either style.

        Raises:
            KeyError, ValueError, …: it is none.
        """
        created, data = event["created"], event.get("data", {})
        about: Mapping[str, Any] = data.get("object") or {}
        previously: Mapping[str, Any] = data.get("previous_attributes") or {}
        return cls(
            id=str(event["id"]),
            type=str(event["type"]),
            at=from_epoch(created) if isinstance(created, int) else parse_iso(created),
            object_id=about.get("id"),
            customer_id=_customer(about, previously),
            deployment=_noted(about, "deployment"),
            user_id=_noted(about, "userId"),
            news=_news(str(event["type"]), about),
            account_id=event.get("account"),
            livemode=event.get("livemode"),
            trouble=(about.get("last_finalization_error") or {}).get("message"),
        )

    @classmethod
    def read(cls, body: str) -> Self:
        """Read an event from a message: alone, as webhooks bring it, or in EventBridge's envelope.

        Raises:
            KeyError, ValueError, …: it is none.
        """
        message = json.loads(body)
        return cls.of(message["detail"] if "detail-type" in message else message)


def _customer(about: Mapping[str, Any], previously: Mapping[str, Any]) -> str | None:
    if about.get("object") == "customer":
        return str(about["id"])
    customer = about.get("customer") or previously.get("customer")
    return str(customer) if customer else None


def _noted(about: Mapping[str, Any], name: str) -> str | None:
    noted = [about.get("metadata"), _subscription_details(about).get("metadata")]
    return next((str(each[name]) for each in noted if each and name in each), None)


def _subscription_details(invoice: Mapping[str, Any]) -> Mapping[str, Any]:
    return (invoice.get("parent") or {}).get("subscription_details") or {}


def _news(kind: str, about: Mapping[str, Any]) -> News | None:
    """Return what is announced of an event that needs no look at the user's row; None of all others.

    Stripe tells of one payment by two events, and of an invoice of nothing by the same two.
    """
    match kind:
        case EventType.INVOICE_PAID | EventType.INVOICE_PAYMENT_SUCCEEDED if about["amount_paid"]:
            return _payment(Kind.PAYMENT_SUCCEEDED, about, "paid", about["amount_paid"])
        case EventType.INVOICE_PAYMENT_FAILED:
            return _payment(Kind.PAYMENT_FAILED, about, str(about["attempt_count"]), about["amount_due"])
        case (
            EventType.PAYMENT_METHOD_ATTACHED
            | EventType.PAYMENT_METHOD_DETACHED
            | EventType.PAYMENT_METHOD_UPDATED
            | EventType.PAYMENT_METHOD_AUTOMATICALLY_UPDATED
        ):
            return _payment_method(kind.partition(".")[2], about)
        case _:
            return None


def _payment(kind: Kind, invoice: Mapping[str, Any], outcome: str, amount: int) -> News:
    retry = invoice.get("next_payment_attempt")
    detail: dict[str, Plain] = {
        "invoiceId": invoice["id"],
        "subscriptionId": _subscription_details(invoice).get("subscription"),
        "amount": amount,
        "currency": invoice["currency"],
        "attempt": invoice["attempt_count"],
        "nextAttemptAt": iso(from_epoch(retry)) if retry else None,
        "hostedInvoiceUrl": invoice.get("hosted_invoice_url"),
    }
    return News(kind, (invoice["id"], outcome), detail)


def _payment_method(change: str, method: Mapping[str, Any]) -> News:
    card = method.get("card") or {}
    detail: dict[str, Plain] = {
        "change": change,
        "paymentMethodId": method["id"],
        "type": method["type"],
        "brand": card.get("brand"),
        "last4": card.get("last4"),
        "expMonth": card.get("exp_month"),
        "expYear": card.get("exp_year"),
    }
    facts = [method["id"], change]
    if change.endswith("updated"):
        # It is updated more than once: what it is by now tells one time from the next.
        facts += [str(detail[name]) for name in ("last4", "expMonth", "expYear")]
    return News(Kind.PAYMENT_METHOD_CHANGED, tuple(facts), detail)
