"""Stripe's events as they come: in a webhook, through EventBridge, or from the list of events.

Stripe has two styles. A snapshot event carries the object it is about, as that was; a thin one only names it
(docs.stripe.com/event-destinations). Of an object no more is believed than what cannot change: whose it is,
and that a payment was made or refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from tollkeeper.rules.announcements import Announcement, Kind, Plain
from tollkeeper.rules.times import from_epoch, iso, parse_iso


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """One event. `about` is the object that a snapshot event carries, `previously` what changed of it."""

    id: str
    type: str
    at: datetime
    about: Mapping[str, Any] = field(default_factory=dict)
    previously: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """Read an event of either style.

        Raises:
            KeyError, ValueError, …: it is none.
        """
        created, data = event["created"], event.get("data", {})
        return cls(
            id=str(event["id"]),
            type=str(event["type"]),
            at=from_epoch(created) if isinstance(created, int) else parse_iso(created),
            about=data.get("object") or {},
            previously=data.get("previous_attributes") or {},
        )

    @classmethod
    def read(cls, body: str) -> Self:
        """Read an event from a message: alone, as webhooks bring it, or in EventBridge's envelope.

        Raises:
            KeyError, ValueError, …: it is none.
        """
        message = json.loads(body)
        return cls.of(message["detail"] if "detail-type" in message else message)

    @property
    def customer_id(self) -> str | None:
        """The customer it is about; of a card taken away, the one who had it."""
        if self.about.get("object") == "customer":
            return str(self.about["id"])
        customer = self.about.get("customer") or self.previously.get("customer")
        return str(customer) if customer else None

    @property
    def deployment(self) -> str | None:
        """The deployment that made what it is about; None if that is not said here."""
        return self._noted("deployment")

    @property
    def user_id(self) -> str | None:
        """The user for whom that deployment made it; None if that is not said here."""
        return self._noted("userId")

    def _noted(self, name: str) -> str | None:
        """Return what is noted on the object, or on the subscription that an invoice is of."""
        details = (self.about.get("parent") or {}).get("subscription_details") or {}
        noted = [self.about.get("metadata"), details.get("metadata")]
        return next((str(each[name]) for each in noted if each and name in each), None)

    def announcement(self, user_id: str) -> Announcement | None:
        """Return what it announces by itself; None if only the user's row can tell.

        Stripe tells of one payment by two events, and of nothing paid by them as well.
        """
        match self.type:
            case "invoice.paid" | "invoice.payment_succeeded" if self.about["amount_paid"]:
                return self._of_payment(Kind.PAYMENT_SUCCEEDED, user_id, "paid", self.about["amount_paid"])
            case "invoice.payment_failed":
                attempt = str(self.about["attempt_count"])
                return self._of_payment(Kind.PAYMENT_FAILED, user_id, attempt, self.about["amount_due"])
            case "payment_method.attached" | "payment_method.detached":
                return self._of_payment_method(user_id)
            case _:
                return None

    def _of_payment(self, kind: Kind, user_id: str, outcome: str, amount: int) -> Announcement:
        invoice = self.about
        details = (invoice.get("parent") or {}).get("subscription_details") or {}
        retry = invoice.get("next_payment_attempt")
        detail: dict[str, Plain] = {
            "invoiceId": invoice["id"],
            "subscriptionId": details.get("subscription"),
            "amount": amount,
            "currency": invoice["currency"],
            "attempt": invoice["attempt_count"],
            "nextAttemptAt": iso(from_epoch(retry)) if retry else None,
            "hostedInvoiceUrl": invoice.get("hosted_invoice_url"),
        }
        return Announcement.of(kind, user_id, [invoice["id"], outcome], at=self.at, detail=detail)

    def _of_payment_method(self, user_id: str) -> Announcement:
        change, card = self.type.partition(".")[2], self.about.get("card") or {}
        detail: dict[str, Plain] = {
            "change": change,
            "paymentMethodId": self.about["id"],
            "type": self.about["type"],
            "brand": card.get("brand"),
            "last4": card.get("last4"),
            "expMonth": card.get("exp_month"),
            "expYear": card.get("exp_year"),
        }
        facts = [self.about["id"], change]
        return Announcement.of(Kind.PAYMENT_METHOD_CHANGED, user_id, facts, at=self.at, detail=detail)
