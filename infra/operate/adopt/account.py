"""Stripe's side of adopting: says who is there, and notes whose they are."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import stripe

from infra.operate.adopt.customers import Customer, LicensedItem, LiveSubscription
from tollkeeper.catalogue import Catalogue, Plan
from tollkeeper.rules.subscriptions import LIVE, Status
from tollkeeper.stripe.gateway import objects
from tollkeeper.stripe.gateway.errors import translated

if TYPE_CHECKING:
    from stripe.params import PriceCreateParams

_PAGE = 100

UNSPECIFIED = "unspecified"
"""Stripe's word for a price of which nobody has said how tax stands."""


class StripeAccount:
    """The customers of one Stripe account, and what they subscribe to.

    Every method raises `StripeUnavailableError` when Stripe does not answer, and `StripeRefusedError` when it
    refuses, as it does for a customer that was deleted meanwhile.
    """

    def __init__(self, client: stripe.StripeClient, catalogue: Catalogue, deployment: str) -> None:
        self._stripe = client.v1
        self._plans = {plan.product_id: plan.name for plan in catalogue.plans.values()}
        self._currency = catalogue.currency
        self._deployment = deployment

    def customers(self) -> Iterator[Customer]:
        """List the customers with their live subscriptions, the newest first; deleted ones are not told.

        A hundred to a call; a subscription past due whose trial may have ended unpaid costs one more.
        """
        with translated():
            live: dict[str, list[LiveSubscription]] = defaultdict(list)
            for each in self._stripe.subscriptions.list({"limit": _PAGE}).auto_paging_iter():
                if each.status in LIVE:
                    live[str(each.customer)].append(self._subscription(each))
            for customer in self._stripe.customers.list({"limit": _PAGE}).auto_paging_iter():
                noted = customer.metadata.to_dict() if customer.metadata else {}
                # Stripe leaves it out, or says null, where nothing was billed yet.
                currency = getattr(customer, "currency", None)
                yield Customer(customer.id, currency, noted, tuple(live[customer.id]))

    def note_on_customer(self, customer_id: str, user_id: str) -> None:
        """Note on a customer whose it is, beside all else that is noted there."""
        with translated():
            self._stripe.customers.update(
                customer_id, {"metadata": {"userId": user_id, "deployment": self._deployment}}
            )

    def note_on_subscription(self, subscription_id: str, user_id: str, plan: str) -> None:
        """Note on a subscription whose it is and of what plan, as Checkout does; nothing else changes."""
        with translated():
            self._stripe.subscriptions.update(
                subscription_id,
                {"metadata": {"userId": user_id, "planId": plan, "deployment": self._deployment}},
            )

    def move(self, subscription_id: str, item: LicensedItem, plan: Plan) -> None:
        """Make a subscription's item one of a plan's product, at a price of the same amount.

        The price is one that the product has or, if none is like it, a new one; nothing is prorated.
        """
        with translated():
            price = self._price_like(item, plan) or self._create_price_like(item, plan)
            self._stripe.subscriptions.update(
                subscription_id,
                {
                    # Without a quantity, a new price would start again at one.
                    "items": [{"id": item.id, "price": price, "quantity": item.quantity}],
                    "proration_behavior": "none",
                },
            )

    def _price_like(self, item: LicensedItem, plan: Plan) -> str | None:
        prices = self._stripe.prices.list({"product": plan.product_id, "active": True, "limit": _PAGE})
        like = (price for price in prices.auto_paging_iter() if self._is_like(price, item))
        return next((price.id for price in like), None)

    def _is_like(self, price: stripe.Price, item: LicensedItem) -> bool:
        return (
            _is_plain(price)
            and price.currency == self._currency
            and _interval(price) == "month"
            and price.unit_amount_decimal == item.cents
            and (price.tax_behavior or UNSPECIFIED) == item.tax_behavior
        )

    def _create_price_like(self, item: LicensedItem, plan: Plan) -> str:
        params: PriceCreateParams = {
            "product": plan.product_id,
            "currency": self._currency,
            "unit_amount_decimal": item.cents,
            "recurring": {"interval": "month"},
        }
        if item.tax_behavior != UNSPECIFIED:
            params["tax_behavior"] = item.tax_behavior
        return self._stripe.prices.create(params).id

    def _subscription(self, of: stripe.Subscription) -> LiveSubscription:
        unpaid = None
        if of.status == Status.PAST_DUE and of.trial_end is not None:
            unpaid = self._oldest_unpaid(of.id)
        # A property named like a dict's method: `items` is Stripe's list of subscription items here.
        items = list(of["items"].auto_paging_iter())
        prices = [item.price for item in items]
        base = next((price for price in prices if str(price.product) in self._plans), prices[0])
        return LiveSubscription(
            said=objects.subscription(of, self._plans, unpaid=unpaid, pending_plan=None, payment_method=None),
            currency=of.currency,
            metadata=of.metadata.to_dict() if of.metadata else {},
            interval=_interval(base),
            products=tuple(dict.fromkeys(str(price.product) for price in prices)),
            metered=tuple(price.id for price in prices if _is_metered(price)),
            item=_licensed(items[0]) if len(items) == 1 else None,
        )

    def _oldest_unpaid(self, subscription_id: str) -> stripe.Invoice | None:
        found = self._stripe.invoices.list(
            {"subscription": subscription_id, "status": "open", "limit": _PAGE}
        )
        return min(found.auto_paging_iter(), key=lambda invoice: invoice.created, default=None)


def _licensed(item: stripe.SubscriptionItem) -> LicensedItem | None:
    price = item.price
    if not _is_plain(price) or price.unit_amount_decimal is None:
        return None
    return LicensedItem(
        item.id,
        str(price.product),
        price.unit_amount_decimal,
        item.quantity or 1,
        price.tax_behavior or UNSPECIFIED,
    )


def _is_plain(price: stripe.Price) -> bool:
    """Whether each of it costs the same."""
    return not _is_metered(price) and price.billing_scheme == "per_unit" and not price.transform_quantity


def _is_metered(price: stripe.Price) -> bool:
    return price.recurring is not None and price.recurring.usage_type == "metered"


def _interval(price: stripe.Price) -> str:
    recurring = price.recurring
    if recurring is None:
        return "no interval"
    many = recurring.interval_count
    return recurring.interval if many == 1 else f"{many} {recurring.interval}s"
