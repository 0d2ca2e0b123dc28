"""Changing and resuming subscriptions (docs.stripe.com/billing/subscriptions/change)."""

from collections.abc import Mapping, Sequence
from typing import Any

from stripe import Customer, PaymentMethod, Price, Subscription, SubscriptionItem
from stripe.params import SubscriptionResumeParams, SubscriptionUpdateParams

from infra.stripe_standin.account.shapes import make, metadata
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.invoices import collection, drafts, finalization, invoice_items
from infra.stripe_standin.products import discounts
from infra.stripe_standin.products.prices import plan
from infra.stripe_standin.server.routes import Routes
from infra.stripe_standin.subscriptions import (
    billing_cycle,
    pending_updates,
    prorations,
    subscription_status,
    subscriptions,
)
from infra.stripe_standin.subscriptions.periods import end_after

routes = Routes()

# docs.stripe.com/billing/subscriptions/pending-updates-reference; metadata since 2026-05-27.dahlia.
PENDABLE = {
    "expand",
    "items",
    "metadata",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "trial_end",
}


@routes.post("/v1/subscriptions/{subscription}", SubscriptionUpdateParams)
def update(account: Account, params: SubscriptionUpdateParams, subscription: str) -> Subscription:
    """Update a subscription (docs.stripe.com/api/subscriptions/update)."""
    known = account.get(Subscription, subscription)
    if known.schedule and (refused := params.keys() & {"cancel_at", "cancel_at_period_end"}):
        raise subscription_status.managed_by_schedule(known, min(refused))
    if known.ended_at and params.keys() - {"metadata", "cancellation_details", "expand"}:
        raise RefusedError("A canceled subscription can only update its cancellation_details and metadata.")
    if params.get("payment_behavior") == "pending_if_incomplete" and (refused := params.keys() - PENDABLE):
        raise RefusedError(
            f"Pending updates do not support {', '.join(sorted(refused))}.", param=min(refused)
        )
    if params.get("billing_cycle_anchor", {"type": "unchanged"})["type"] != "unchanged":
        raise lacking("moving the billing cycle anchor")
    wanted = changed_items(account, known, list(params.get("items", [])))
    with account.changing("customer.subscription.updated", known):
        swap(account, known, wanted, params)
        _set_plain_fields(account, known, params)
        subscription_status.cancel_later(account, known, params, billing_cycle.period(known)[1])
        if "trial_end" in params:
            _set_trial_end(account, known, params["trial_end"])
    return known


def changed_items(
    account: Account, subscription: Subscription, changes: Sequence[Mapping[str, Any]]
) -> list[SubscriptionItem]:
    """The subscription's items as they would be after `changes`; the present ones stay as they are.

    Raises:
        RefusedError: An item is not the subscription's, or the result could not be billed.
    """
    now = account.now(subscription.test_clock)
    after = {item.id: item for item in subscription.items.data}
    for at, change in enumerate(changes):
        identifier = change.get("id")
        if identifier is None:
            item = subscriptions.new_item(account, subscription.id, now, change)
            billing_cycle.set_period([item], *billing_cycle.period(subscription))
            after[item.id] = item
        elif identifier not in after:
            raise RefusedError(f"Invalid subscription item: {identifier}", param=f"items[{at}][id]")
        elif change.get("deleted"):
            del after[identifier]
        else:
            after[identifier] = _changed_item(account, after[identifier], change)
    subscriptions.check_items(list(after.values()))
    return list(after.values())


def _changed_item(account: Account, item: SubscriptionItem, change: Mapping[str, Any]) -> SubscriptionItem:
    """Without a quantity, a new price starts again at 1.

    See docs.stripe.com/billing/subscriptions/change-price.
    """
    price = account.get(Price, change["price"], "items[0][price]") if "price" in change else item.price
    kept = item.quantity if price.id == item.price.id else 1
    fields = item.to_dict(recursive=False) | {
        "price": price,
        "plan": plan(price),
        "quantity": change.get("quantity", kept),
        "metadata": metadata(change.get("metadata"), item.metadata),
    }
    return make(SubscriptionItem, **fields)


def swap(
    account: Account, subscription: Subscription, after: list[SubscriptionItem], params: Mapping[str, Any]
) -> None:
    """Bring the items to `after`, charging and crediting as told.

    See docs.stripe.com/billing/subscriptions/prorations.

    Args:
        account: The account.
        subscription: The subscription.
        after: Its items afterwards.
        params: `proration_behavior`, `payment_behavior` and `proration_date` of the update.

    Raises:
        RefusedError: 402, with `error_if_incomplete` and a card that would be declined; nothing changes.
    """
    behavior = params.get("proration_behavior", "create_prorations")
    instant = params.get("proration_date", account.now(subscription.test_clock))
    items = [] if behavior == "none" else prorations.prorate(account, subscription, after, instant)
    invoiced = behavior == "always_invoice" and bool(items)
    owed = invoiced and sum(item.amount for item in items) > 0
    refusal = collection.refusal_of(account, subscription) if owed else None
    payment_behavior = subscriptions.payment_behavior(params)
    if refusal and payment_behavior == "error_if_incomplete":
        raise refusal
    if subscription.pending_update and ("items" in params or after != subscription.items.data):
        # docs.stripe.com/billing/subscriptions/pending-updates: the latest update counts.
        pending_updates.drop(account, subscription)
    if refusal and payment_behavior == "pending_if_incomplete":
        pending_updates.hold(account, subscription, after, params.get("metadata"))
    else:
        subscription.items.data = after
    for item in items:
        account.keep(item)
        account.emit("invoiceitem.created", item)
    if invoiced:
        bill_now(account, subscription)


def bill_now(account: Account, subscription: Subscription) -> None:
    """Invoice what is pending, if anything, and collect it at once."""
    customer = account.get(Customer, str(subscription.customer))
    pending = invoice_items.take_pending_items(account, customer.id, subscription.id, subscription.currency)
    if not pending:
        return
    invoice = drafts.draft(
        account, customer, pending, reason="subscription_update", subscription=subscription
    )
    invoice_items.bind_items(account, invoice)
    subscription.latest_invoice = invoice.id
    finalization.finalize(account, invoice)
    collection.advance(account, invoice)


def _set_plain_fields(account: Account, subscription: Subscription, params: Mapping[str, Any]) -> None:
    if subscription.pending_update is None or params.get("payment_behavior") != "pending_if_incomplete":
        subscription.metadata = metadata(params.get("metadata"), subscription.metadata)
    if method := params.get("default_payment_method"):
        subscription.default_payment_method = account.get(PaymentMethod, method, "default_payment_method").id
    if "description" in params:
        subscription.description = params["description"] or None
    if "collection_method" in params:
        subscription.collection_method, subscription.days_until_due = subscriptions.collection_method(params)
    if "pause_collection" in params:
        subscription.pause_collection = (
            make(Subscription.PauseCollection, **params["pause_collection"])
            if params["pause_collection"]
            else None
        )
    if "trial_settings" in params:
        subscription.trial_settings = make(Subscription.TrialSettings, **params["trial_settings"])
    if "discounts" in params:
        subscription.discounts = discounts.redeem(account, params["discounts"] or [], subscription)
    if subscription.cancellation_details:
        for name, value in params.get("cancellation_details", {}).items():
            subscription.cancellation_details[name] = value or None


def _set_trial_end(account: Account, subscription: Subscription, trial_end: object) -> None:
    """Move a trial's end, or end it now and bill the first period.

    See docs.stripe.com/billing/subscriptions/trials.
    """
    now = account.now(subscription.test_clock)
    if subscription.status != "trialing":
        raise lacking("adding a trial to a subscription that has begun")
    instant = trial_end if isinstance(trial_end, int) else now
    if instant < now:
        raise RefusedError("trial_end must lie in the future.", param="trial_end")
    subscription.trial_end = subscription.billing_cycle_anchor = instant
    start = billing_cycle.period(subscription)[0]
    billing_cycle.set_period(subscription.items.data, start, instant)
    if instant == now:
        billing_cycle.turn(account, subscription)


@routes.post("/v1/subscriptions/{subscription}/resume", SubscriptionResumeParams)
def resume(account: Account, _params: SubscriptionResumeParams, subscription: str) -> Subscription:
    """Resume a paused subscription with a new period (docs.stripe.com/api/subscriptions/resume)."""
    known = account.get(Subscription, subscription)
    if known.status != "paused":
        raise RefusedError("Only a paused subscription can be resumed.")
    now = account.now(known.test_clock)
    recurring = known.items.data[0].price.recurring
    if recurring is None:
        raise lacking("subscriptions without a recurring price")
    with account.changing("customer.subscription.updated", known):
        known.billing_cycle_anchor = now
        billing_cycle.set_period(known.items.data, now, end_after(now, recurring, now))
        known.status = "active"
        billing_cycle.bill_ahead(account, known, (now, now))
    account.emit("customer.subscription.resumed", known)
    return known
