"""How a subscription begins, turns from period to period, and ends.

See docs.stripe.com/billing/subscriptions/overview.
"""

from collections.abc import Iterable, Iterator
from functools import partial

from stripe import Customer, Invoice, InvoiceLineItem, Subscription, SubscriptionItem

from infra.stripe_standin.account.state import Account, Due
from infra.stripe_standin.invoices import collection, drafts, finalization, invoice_items, invoice_lines
from infra.stripe_standin.products.prices import is_metered
from infra.stripe_standin.subscriptions import subscription_status
from infra.stripe_standin.subscriptions.periods import DAY, end_after

TRIAL_NOTICE = 3 * DAY
# An unpaid first invoice has 23 hours (docs.stripe.com/billing/subscriptions/overview, "incomplete").
INCOMPLETE_GRACE = 23 * 3600


def due(account: Account) -> Iterator[Due]:
    """What subscriptions will do by themselves."""
    for subscription in account.all(Subscription):
        clock = subscription.test_clock
        on = str(clock) if clock else None
        if subscription.status == "incomplete":
            yield Due(subscription.created + INCOMPLETE_GRACE, partial(_expire, account, subscription), on)
        if subscription.status not in subscription_status.LIVE:
            continue
        if subscription.pause_collection and subscription.pause_collection.resumes_at:
            resumes_at = subscription.pause_collection.resumes_at
            yield Due(resumes_at, partial(_resume_collection, account, subscription), on)
        end = period(subscription)[1]
        if subscription.cancel_at and subscription.cancel_at < end:
            yield Due(subscription.cancel_at, partial(_cancel_early, account, subscription), on, billing=True)
        yield Due(end, partial(turn, account, subscription), on, billing=True)
        if subscription.status == "trialing" and (subscription.id, end) not in account.trial_notices:
            yield Due(end - TRIAL_NOTICE, partial(_announce_trial_end, account, subscription), on)


def period(subscription: Subscription) -> tuple[int, int]:
    """The current period `[start, end)`, in seconds; the stand-in's items all share one."""
    first = subscription.items.data[0]
    return first.current_period_start, first.current_period_end


def set_period(items: list[SubscriptionItem], start: int, end: int) -> None:
    """Put every item into the period `[start, end)`."""
    for item in items:
        item.current_period_start, item.current_period_end = start, end


def begin(
    account: Account, subscription: Subscription, customer: Customer, *, customer_present: bool = False
) -> None:
    """Open the first invoice and collect it: nothing for a trial, else the first period.

    *Unverified*: without a trial the created event says `incomplete`, and an update follows the payment.
    """
    trialing = subscription.status == "trialing"
    write = invoice_lines.of_trial if trialing else invoice_lines.in_advance
    lines = [write(account, subscription, item) for item in subscription.items.data]
    lines += invoice_items.take_pending_items(account, customer.id, subscription.id, subscription.currency)
    sent = subscription.collection_method == "send_invoice"
    invoice = drafts.draft(
        account, customer, lines, reason="subscription_create", subscription=subscription, auto_advance=sent
    )
    invoice_items.bind_items(account, invoice)
    subscription.latest_invoice = invoice.id
    account.emit("customer.subscription.created", subscription)
    if sent and invoice.amount_due:
        return  # docs.stripe.com/billing/collection-method: it is sent when it finalises, an hour later
    finalization.finalize(account, invoice)
    collection.advance(account, invoice, customer_present=customer_present)


def turn(account: Account, subscription: Subscription) -> None:
    """The period ended: cancel, or bill the next one ahead.

    A trial that ends without a card does what its settings say
    (docs.stripe.com/billing/subscriptions/trials/free-trials).
    """
    start, end = period(subscription)
    if subscription.cancel_at_period_end or (subscription.cancel_at and subscription.cancel_at <= end):
        finish(account, subscription, start, end)
        return
    trialed = subscription.status == "trialing"
    if trialed and not collection.has_method(account, subscription):
        behavior = subscription.trial_settings and subscription.trial_settings.end_behavior
        if behavior and behavior.missing_payment_method == "cancel":
            subscription_status.end(account, subscription, reason="cancellation_requested")
            return
        if behavior and behavior.missing_payment_method == "pause":
            with account.changing("customer.subscription.updated", subscription):
                subscription.status = "paused"
            account.emit("customer.subscription.paused", subscription)
            return
    with account.changing("customer.subscription.updated", subscription):
        recurring = subscription.items.data[0].price.recurring
        if recurring is not None:
            set_period(
                subscription.items.data, end, end_after(subscription.billing_cycle_anchor, recurring, end)
            )
        if trialed:
            subscription.status = "active"
        bill_ahead(account, subscription, (start, end))


def finish(account: Account, subscription: Subscription, start: int, end: int) -> None:
    """Cancel at the period's end, billing what is pending on a last invoice.

    See docs.stripe.com/billing/subscriptions/cancel.

    *Unverified* that the last invoice, too, waits an hour as a draft.
    """
    pending = invoice_items.take_pending_items(
        account, str(subscription.customer), subscription.id, subscription.currency
    )
    last = _cycle_invoice(account, subscription, pending, (start, end)) if pending else None
    subscription.latest_invoice = last.id if last else subscription.latest_invoice
    subscription_status.end(account, subscription, reason="cancellation_requested", last=last)


def _cancel_early(account: Account, subscription: Subscription) -> None:
    """A `cancel_at` within the period ends it there (docs.stripe.com/billing/subscriptions/cancel)."""
    finish(account, subscription, period(subscription)[0], account.now(subscription.test_clock))


def bill_ahead(account: Account, subscription: Subscription, looked_back_on: tuple[int, int]) -> None:
    """Draft the invoice that opens the current period and closes the one `looked_back_on`."""
    lines = [invoice_lines.in_advance(account, subscription, item) for item in subscription.items.data]
    lines += invoice_items.take_pending_items(
        account, str(subscription.customer), subscription.id, subscription.currency
    )
    subscription.latest_invoice = _cycle_invoice(account, subscription, lines, looked_back_on).id


def _cycle_invoice(
    account: Account,
    subscription: Subscription,
    lines: list[InvoiceLineItem],
    looked_back_on: tuple[int, int],
) -> Invoice:
    invoice = drafts.draft(
        account,
        account.get(Customer, str(subscription.customer)),
        lines,
        reason="subscription_cycle",
        subscription=subscription,
        period=looked_back_on,
        # An unpaid subscription's invoices stay drafts (docs.stripe.com/billing/subscriptions/overview).
        auto_advance=subscription.status != "unpaid",
    )
    invoice_items.bind_items(account, invoice)
    return invoice


def licensed(items: Iterable[SubscriptionItem]) -> list[SubscriptionItem]:
    """The items billed ahead."""
    return [item for item in items if not is_metered(item.price)]


def metered(items: Iterable[SubscriptionItem]) -> list[SubscriptionItem]:
    """The items billed by usage, in arrears."""
    return [item for item in items if is_metered(item.price)]


def usage_lines(account: Account, subscription: Subscription, start: int, end: int) -> list[InvoiceLineItem]:
    """Each metered item's usage in `[start, end)`."""
    return [
        invoice_lines.in_arrears(account, subscription, item, start, end)
        for item in metered(subscription.items.data)
    ]


def _announce_trial_end(account: Account, subscription: Subscription) -> None:
    """Three days before a trial ends, or at once if it is shorter.

    See docs.stripe.com/billing/subscriptions/trials.
    """
    account.trial_notices.add((subscription.id, period(subscription)[1]))
    account.emit("customer.subscription.trial_will_end", subscription)


def _resume_collection(account: Account, subscription: Subscription) -> None:
    """Collect again what is invoiced from now on (docs.stripe.com/billing/subscriptions/pause-payment)."""
    with account.changing("customer.subscription.updated", subscription):
        subscription.pause_collection = None


def _expire(account: Account, subscription: Subscription) -> None:
    """A first invoice unpaid for 23 hours voids itself and its subscription."""
    with account.changing("customer.subscription.updated", subscription):
        subscription.status = "incomplete_expired"
        subscription.ended_at = account.now(subscription.test_clock)
    finalization.void(account, account.get(Invoice, str(subscription.latest_invoice)))
