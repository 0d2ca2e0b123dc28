"""The types of Stripe's events that Tollkeeper follows: the one list of them (DESIGN §4).

What is done about each stands in `subscriptions/stripe_events.py`. The destinations at Stripe are set up for
these types, and the sweep asks for them where they could not be delivered.
"""

from enum import StrEnum
from typing import Self


class Style(StrEnum):
    """What an event carries (docs.stripe.com/event-destinations)."""

    SNAPSHOT = "snapshot"
    """The object it is about, as that was when the event was made."""
    THIN = "thin"
    """Only the object's name. Such events need a destination of their own."""


class EventType(StrEnum):
    """A type of event by Stripe's name. `response` says in words what is done about it."""

    response: str

    def __new__(cls, name: str, response: str) -> Self:
        """Make a member of its name and what is done about it."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.response = response
        return member

    CHECKOUT_SESSION_COMPLETED = (
        "checkout.session.completed",
        "The user's row is synchronised, and the customer's other open sessions are expired.",
    )
    CUSTOMER_CREATED = ("customer.created", "The customer is bound to its user.")
    CUSTOMER_UPDATED = ("customer.updated", "The user's row is synchronised: it may be another card.")
    CUSTOMER_DELETED = ("customer.deleted", "The user's row is synchronised.")
    CUSTOMER_SUBSCRIPTION_CREATED = ("customer.subscription.created", "The user's row is synchronised.")
    CUSTOMER_SUBSCRIPTION_UPDATED = ("customer.subscription.updated", "The user's row is synchronised.")
    CUSTOMER_SUBSCRIPTION_DELETED = ("customer.subscription.deleted", "The user's row is synchronised.")
    CUSTOMER_SUBSCRIPTION_TRIAL_WILL_END = (
        "customer.subscription.trial_will_end",
        "The user's row is synchronised, and trial.will_end is announced.",
    )
    INVOICE_CREATED = ("invoice.created", "The user's row is synchronised.")
    INVOICE_FINALIZED = ("invoice.finalized", "The user's row is synchronised.")
    INVOICE_FINALIZATION_FAILED = (
        "invoice.finalization_failed",
        "The user's row is synchronised, and it is counted and logged: the invoice stays a draft.",
    )
    INVOICE_PAID = ("invoice.paid", "The user's row is synchronised, and payment.succeeded is announced.")
    INVOICE_PAYMENT_SUCCEEDED = (
        "invoice.payment_succeeded",
        "The user's row is synchronised, and payment.succeeded is announced.",
    )
    INVOICE_PAYMENT_FAILED = (
        "invoice.payment_failed",
        "The user's row is synchronised, and payment.failed is announced.",
    )
    INVOICE_PAYMENT_ACTION_REQUIRED = (
        "invoice.payment_action_required",
        "The user's row is synchronised. If the payment failed by it, Stripe says so in an event of its own.",
    )
    INVOICE_VOIDED = (
        "invoice.voided",
        "The user's row is synchronised: what was past due may not be any more.",
    )
    INVOICEITEM_DELETED = (
        "invoiceitem.deleted",
        "The user's row is synchronised, and it is logged which item was taken away.",
    )
    PAYMENT_METHOD_ATTACHED = (
        "payment_method.attached",
        "The user's row is synchronised, and payment_method.changed is announced.",
    )
    PAYMENT_METHOD_DETACHED = (
        "payment_method.detached",
        "The user's row is synchronised, and payment_method.changed is announced.",
    )
    PAYMENT_METHOD_UPDATED = (
        "payment_method.updated",
        "The user's row is synchronised, and payment_method.changed is announced.",
    )
    PAYMENT_METHOD_AUTOMATICALLY_UPDATED = (
        "payment_method.automatically_updated",
        "The user's row is synchronised, and payment_method.changed is announced.",
    )
    METER_ERROR_REPORT_TRIGGERED = (
        "v1.billing.meter.error_report_triggered",
        "It is counted, and the meter events that Stripe rejected are logged.",
    )
    METER_NO_METER_FOUND = (
        "v1.billing.meter.no_meter_found",
        "It is counted, and the meter events that Stripe rejected are logged.",
    )

    @property
    def style(self) -> Style:
        """What events of this type carry; the names of thin ones begin with the version of Stripe's API."""
        return Style.THIN if self.startswith(("v1.", "v2.")) else Style.SNAPSHOT


def of_style(style: Style) -> list[EventType]:
    """Return the types of one style, which one destination can send."""
    return [each for each in EventType if each.style is style]
