"""Subscriptions (docs.stripe.com/api/subscriptions), each with its payment method and its unpaid invoice."""

from collections.abc import Iterator

import stripe

from tollkeeper.rules.subscriptions import Cause, Status, Subscription
from tollkeeper.stripe.gateway import objects
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import translated

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

    def subscriptions(self) -> Iterator[tuple[str, Subscription]]:
        """List the account's subscriptions, without those that are cancelled, those of this deployment."""
        with translated():
            found = self._client.v1.subscriptions.list({"limit": 100, "expand": [PAYMENT_METHOD]})
            for each in found.auto_paging_iter():
                if user_id := self._user(each):
                    yield user_id, self._subscription(each)

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
