"""Subscriptions (docs.stripe.com/api/subscriptions), each with its payment method and its unpaid invoice."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import stripe

from tollkeeper.rules.subscriptions import Cause, Status, Subscription
from tollkeeper.rules.times import epoch, from_epoch
from tollkeeper.stripe.gateway import objects
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import PASSING, translated
from tollkeeper.stripe.port import ListedSubscription

if TYPE_CHECKING:
    from stripe.params import SubscriptionListParams

PAYMENT_METHOD = "data.default_payment_method"


class SubscriptionsGateway(Connection):
    """The port's Subscriptions."""

    def subscriptions_of(self, customer_id: str) -> list[Subscription]:
        """List a customer's subscriptions of any status, those of this deployment."""
        with translated():
            found = self._client.v1.subscriptions.list(
                {"customer": customer_id, "status": "all", "limit": 100, "expand": [PAYMENT_METHOD]}
            )
            return [self._subscription(each) for each in found.auto_paging_iter() if self._user(each)]

    def subscriptions(self, until: datetime | None = None) -> Iterator[ListedSubscription]:
        """List the account's subscriptions, without those that are cancelled, those of this deployment."""
        which: SubscriptionListParams = {"limit": 100, "expand": [PAYMENT_METHOD]}
        if until is not None:
            which["created"] = {"lte": epoch(until)}
        with translated():
            for each in self._client.v1.subscriptions.list(which).auto_paging_iter():
                if user_id := self._user(each):
                    yield ListedSubscription(
                        user_id, str(each.customer), from_epoch(each.created), self._readable(each)
                    )

    def payment_page(self, subscription_id: str) -> str | None:
        """Return the hosted page of a subscription's oldest open invoice."""
        with translated():
            invoice = self._oldest_unpaid(subscription_id)
        return getattr(invoice, "hosted_invoice_url", None)

    def cancel_subscription(self, subscription_id: str, cause: Cause) -> None:
        """Cancel a subscription; to Stripe one that has ended is missing."""
        credited = cause is Cause.DUPLICATE
        with translated():
            try:
                self._client.v1.subscriptions.cancel(
                    subscription_id,
                    {
                        "cancellation_details": {"comment": objects.comment(cause)},
                        "invoice_now": credited,
                        "prorate": credited,
                    },
                )
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise

    def _readable(self, of: stripe.Subscription) -> Subscription | None:
        """Return a subscription, or None if it cannot be read: it hides no other."""
        try:
            return self._subscription(of)
        except PASSING:
            raise
        except Exception:  # noqa: BLE001 - whoever reads this customer's alone is told what is wrong
            return None

    def _subscription(self, of: stripe.Subscription) -> Subscription:
        return objects.subscription(
            of,
            {plan.product_id: plan.name for plan in self._catalogue.plans.values()},
            unpaid=self._oldest_unpaid(of.id) if of.status == Status.PAST_DUE else None,
            payment_method=self._payment_method(of),
        )

    def _payment_method(self, of: stripe.Subscription) -> stripe.PaymentMethod | None:
        """Return what a subscription's invoices are charged to: its own, or else its customer's."""
        method = of.default_payment_method
        if method is None and of.ended_at is None:
            customer = self._client.v1.customers.retrieve(
                str(of.customer), {"expand": ["invoice_settings.default_payment_method"]}
            )
            # A customer deleted meanwhile has no settings at all.
            settings = getattr(customer, "invoice_settings", None)
            method = settings.default_payment_method if settings else None
        return method if isinstance(method, stripe.PaymentMethod) else None

    def _oldest_unpaid(self, subscription_id: str) -> stripe.Invoice | None:
        """Return the invoice that made a subscription past due: the newest one may be of a later month."""
        found = self._client.v1.invoices.list(
            {"subscription": subscription_id, "status": "open", "limit": 100}
        )
        return min(found.auto_paging_iter(), key=lambda invoice: invoice.created, default=None)
