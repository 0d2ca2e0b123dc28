"""When a draft finalises by itself: in an hour, when it is told, or never.

See docs.stripe.com/invoicing/scheduled-finalization.
"""

from collections.abc import Mapping
from typing import Any

from stripe import Invoice

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import collection
from infra.stripe_standin.invoices.drafts import HOUR

FURTHEST = 5 * 365 * 24 * HOUR
LONGEST_WAIT = 72 * HOUR


def check(account: Account, invoice: Invoice, params: Mapping[str, Any]) -> None:
    """Whether an invoice can advance and be held as its parameters say; Stripe's sentences are *unverified*.

    Raises:
        RefusedError: The invoice is neither a draft nor open, or is to be held without advancing, into the
            past, or for more than five years.
    """
    advances = params.get("auto_advance", bool(invoice.auto_advance))
    if advances and not invoice.auto_advance and invoice.status not in ("draft", "open"):
        raise RefusedError(
            "Only draft and open invoices advance automatically.",
            code="invoice_not_editable",
            param="auto_advance",
        )
    if "automatically_finalizes_at" not in params:
        return
    if invoice.status != "draft":
        raise RefusedError("Only a draft can be held.", code="invoice_not_editable")
    if not advances:
        raise RefusedError(
            "automatically_finalizes_at can only be set on an invoice whose auto_advance is true.",
            param="automatically_finalizes_at",
        )
    now = account.now(invoice.test_clock)
    if not now <= params["automatically_finalizes_at"] <= now + FURTHEST:
        raise RefusedError(
            "automatically_finalizes_at must lie in the future, and within the next 5 years.",
            param="automatically_finalizes_at",
        )


def schedule(account: Account, invoice: Invoice, params: Mapping[str, Any]) -> None:
    """Set `auto_advance` and `automatically_finalizes_at` as an invoice's parameters say, once checked.

    A draft that begins to advance finalises in an hour if nobody says when, and an open invoice is then
    collected; what no longer advances is left alone
    (docs.stripe.com/invoicing/integration/automatic-advancement-collection).
    """
    before = bool(invoice.auto_advance)
    invoice.auto_advance = params.get("auto_advance", before)
    if not invoice.auto_advance:
        invoice.automatically_finalizes_at = invoice.next_payment_attempt = None
        account.collecting.pop(invoice.id, None)
    elif invoice.status == "draft":
        later = invoice.automatically_finalizes_at or account.now(invoice.test_clock) + HOUR
        invoice.automatically_finalizes_at = params.get("automatically_finalizes_at", later)
        if "automatically_finalizes_at" in params:
            account.held.add(invoice.id)
    elif not before:
        collection.begin(account, invoice)


def put_off(account: Account, invoice: Invoice) -> bool:
    """Whether a draft whose hour has come waits one more, because a webhook has not heard of it yet.

    For 72 hours at most, and only if nobody said when it finalises
    (docs.stripe.com/billing/subscriptions/webhooks, docs.stripe.com/invoicing/scheduled-finalization).
    """
    latest = invoice.created + LONGEST_WAIT
    now = account.now(invoice.test_clock)
    unheard = invoice.id in account.unacknowledged.values()
    if invoice.id in account.held or not unheard or now >= latest:
        return False
    invoice.automatically_finalizes_at = min(now + HOUR, latest)
    return True
