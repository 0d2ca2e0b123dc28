"""Subscriptions in flexible billing mode (docs.stripe.com/api/subscriptions)."""

from collections.abc import Mapping, Sequence
from typing import Any

from stripe import ListObject, PaymentMethod, Price, Subscription, SubscriptionItem
from stripe.params import SubscriptionCreateParams, SubscriptionListParams, SubscriptionRetrieveParams

from infra.stripe_standin.account.shapes import listing, make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.customers import customers
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.invoices import collection
from infra.stripe_standin.products import discounts
from infra.stripe_standin.products.prices import plan
from infra.stripe_standin.server.lists import matching, outside_clocks, page
from infra.stripe_standin.server.routes import Routes
from infra.stripe_standin.subscriptions import billing_cycle, subscription_status
from infra.stripe_standin.subscriptions.periods import DAY, end_after

routes = Routes()

MOST_ITEMS = 20


@routes.post("/v1/subscriptions", SubscriptionCreateParams)
def create(account: Account, params: SubscriptionCreateParams) -> Subscription:
    """Create a subscription and collect its first invoice (docs.stripe.com/api/subscriptions/create)."""
    if "customer" not in params:
        raise RefusedError("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = customers.living(account, params["customer"])
    if params.get("automatic_tax", {"enabled": False})["enabled"]:
        raise lacking("automatic tax")
    method = params.get("default_payment_method")
    if method and account.get(PaymentMethod, method, "default_payment_method").customer != customer.id:
        raise RefusedError(
            "The payment method must be attached to the customer.", param="default_payment_method"
        )
    subscription = start(account, customer.id, list(params.get("items", [])), params)
    if payment_behavior(params) == "error_if_incomplete" and subscription.status != "trialing":
        refusal = collection.refusal_of(account, subscription)
        if refusal:
            account.forget(subscription)
            raise refusal
    billing_cycle.begin(account, subscription, customer)
    return subscription


def start(
    account: Account, customer: str, wanted: Sequence[Mapping[str, Any]], params: Mapping[str, Any]
) -> Subscription:
    """Write a subscription down, trialing or not yet paid; `billing_cycle.begin` then bills it.

    Args:
        account: The account.
        customer: Who subscribes.
        wanted: `price`, `quantity` and `metadata` per item.
        params: The parameters a subscription's creation and Checkout's `subscription_data` share.
    """
    living = customers.living(account, customer)
    now = account.now(living.test_clock)
    identifier = new_id("sub")
    items = [new_item(account, identifier, now, item) for item in wanted]
    if not items or len(items) > MOST_ITEMS:
        raise RefusedError("Give between 1 and 20 items.", code="parameter_missing", param="items")
    check_items(items)
    trial_end = _trial_end(params, now)
    anchor = trial_end or params.get("billing_cycle_anchor") or now
    recurring = items[0].price.recurring
    if recurring is None or anchor < now:
        raise RefusedError("billing_cycle_anchor must not lie in the past.", param="billing_cycle_anchor")
    billing_cycle.set_period(items, now, trial_end or end_after(anchor, recurring, now))
    method, days_until_due = collection_method(params)
    subscription = make(
        Subscription,
        id=identifier,
        automatic_tax={"enabled": False},
        billing_cycle_anchor=anchor,
        billing_mode={"type": "flexible", "flexible": {"proration_discounts": "included"}},
        billing_schedules=[],
        cancel_at_period_end=params.get("cancel_at_period_end", False),
        cancel_at=params.get("cancel_at"),
        cancellation_details={},
        collection_method=method,
        days_until_due=days_until_due,
        created=now,
        currency=items[0].price.currency,
        customer=customer,
        default_payment_method=params.get("default_payment_method"),
        default_tax_rates=[],
        description=params.get("description"),
        discounts=[],
        invoice_settings={"issuer": {"type": "self"}},
        items=listing(items, f"/v1/subscription_items?subscription={identifier}"),
        metadata=metadata(params.get("metadata")),
        payment_settings={"save_default_payment_method": "off"},
        start_date=now,
        status="trialing" if trial_end else ("active" if method == "send_invoice" else "incomplete"),
        test_clock=living.test_clock,
        trial_end=trial_end,
        trial_settings=params.get(
            "trial_settings", {"end_behavior": {"missing_payment_method": "create_invoice"}}
        ),
        trial_start=now if trial_end else None,
    )
    subscription.discounts = discounts.redeem(account, params.get("discounts") or [], subscription)
    return account.keep(subscription)


def collection_method(params: Mapping[str, Any]) -> tuple[str, int | None]:
    """How invoices are paid, and within how many days if they are sent.

    See docs.stripe.com/billing/collection-method.
    """
    method = str(params.get("collection_method", "charge_automatically"))
    days = params.get("days_until_due") if method == "send_invoice" else None
    if method == "send_invoice" and days is None:
        raise RefusedError(
            "You must pass `days_until_due` when `collection_method` is `send_invoice`.",
            param="days_until_due",
        )
    return method, days


def payment_behavior(params: Mapping[str, Any]) -> str:
    """What to do about a payment that fails; to leave it unattempted is not among what the stand-in does."""
    behavior = str(params.get("payment_behavior", "allow_incomplete"))
    if behavior == "default_incomplete":
        raise lacking("payment_behavior=default_incomplete")
    return behavior


def new_item(account: Account, subscription: str, now: int, wanted: Mapping[str, Any]) -> SubscriptionItem:
    """An item of a recurring price (docs.stripe.com/api/subscription_items)."""
    if "price" not in wanted:
        raise lacking("subscription items without a ready-made price")
    price = account.get(Price, wanted["price"], "items[0][price]")
    if not price.active:
        raise RefusedError(f"The price specified is inactive: {price.id}", param="items[0][price]")
    return make(
        SubscriptionItem,
        id=new_id("si"),
        created=now,
        current_period_end=now,
        current_period_start=now,
        discounts=[],
        metadata=metadata(wanted.get("metadata")),
        plan=plan(price),
        price=price,
        quantity=wanted.get("quantity", 1),
        subscription=subscription,
        tax_rates=[],
    )


def check_items(items: list[SubscriptionItem]) -> None:
    """One currency, one interval, no price twice.

    Stripe's flexible mode mixes intervals; the stand-in does not.
    """
    prices = [item.price for item in items]
    if len({price.id for price in prices}) < len(prices):
        raise RefusedError("A subscription cannot have two items of one price.", param="items")
    if len({price.currency for price in prices}) > 1:
        raise RefusedError("All prices must have the same currency.", param="items")
    if len({(p.recurring.interval, p.recurring.interval_count) for p in prices if p.recurring}) > 1:
        raise lacking("subscriptions of mixed intervals")


def _trial_end(params: Mapping[str, Any], now: int) -> int | None:
    if "trial_period_days" in params and "trial_end" in params:
        raise RefusedError("Give trial_end or trial_period_days, not both.", param="trial_end")
    if days := params.get("trial_period_days"):
        return now + int(days) * DAY
    trial_end = params.get("trial_end")
    if not isinstance(trial_end, int):
        return None
    if trial_end <= now:
        raise RefusedError("trial_end must lie in the future.", param="trial_end")
    return trial_end


@routes.get("/v1/subscriptions", SubscriptionListParams)
def listed(account: Account, params: SubscriptionListParams) -> ListObject[Subscription]:
    """List subscriptions; canceled ones only if asked for (docs.stripe.com/api/subscriptions/list)."""
    found = matching(account.all(Subscription), params, "customer", "test_clock")
    found = outside_clocks(found, params, "customer", "test_clock")
    if price := params.get("price"):
        found = [known for known in found if price in {item.price.id for item in known.items.data}]
    status = params.get("status")
    found = [known for known in found if _in_status(known, status)]
    return page(found, params, "/v1/subscriptions")


def _in_status(subscription: Subscription, status: str | None) -> bool:
    if status is None:
        return subscription.status not in subscription_status.ENDED
    if status == "ended":
        return subscription.status in subscription_status.ENDED
    return status in ("all", subscription.status)


@routes.get("/v1/subscriptions/{subscription}", SubscriptionRetrieveParams)
def retrieve(account: Account, _params: SubscriptionRetrieveParams, subscription: str) -> Subscription:
    """Retrieve a subscription (docs.stripe.com/api/subscriptions/retrieve)."""
    return account.get(Subscription, subscription)
