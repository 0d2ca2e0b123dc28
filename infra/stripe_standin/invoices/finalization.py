"""Closing a draft, and taking an invoice back.

See docs.stripe.com/invoicing/integration/workflow-transitions.
"""

from stripe import Coupon, Customer, Discount, Invoice

from infra.stripe_standin.account.shapes import make, reference
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import drafts, taxes
from infra.stripe_standin.products import discounts


def finalize(account: Account, invoice: Invoice) -> None:
    """Close a draft: number it, take the customer's balance into it, leave it open to be paid.

    An invoice of nothing is paid at once (docs.stripe.com/invoicing/integration/workflow-transitions), and
    so is one below the smallest charge, which goes to the customer's balance (docs.stripe.com/api/invoices).

    Raises:
        RefusedError: It is no draft.
    """
    if invoice.status != "draft":
        raise RefusedError(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    customer = account.get(Customer, str(invoice.customer))
    now = account.now(customer.test_clock)
    invoice.starting_balance = customer.balance or 0
    drafts.total(account, invoice)
    invoice.number = f"{customer.invoice_prefix}-{customer.next_invoice_sequence:04d}"
    customer.next_invoice_sequence = (customer.next_invoice_sequence or 1) + 1
    owed = invoice.total + invoice.starting_balance
    with account.changing("customer.updated", customer):
        customer.balance = invoice.ending_balance = owed if owed < drafts.smallest(invoice.currency) else 0
    invoice.last_finalization_error = None
    invoice.status = "open"
    invoice.automatically_finalizes_at = None
    invoice.effective_at = invoice.status_transitions.finalized_at = now
    # One page is both: the stand-in writes no PDF.
    invoice.hosted_invoice_url = invoice.invoice_pdf = f"{account.public_url}/invoices/{invoice.id}"
    _use_up_discounts(account, invoice)
    account.emit("invoice.finalized", invoice)


def void(account: Account, invoice: Invoice) -> None:
    """Take an open invoice back (docs.stripe.com/invoicing/overview#void).

    Raises:
        RefusedError: It is not open.
    """
    if invoice.status not in ("open", "uncollectible"):
        raise RefusedError("You can only void an open invoice.", code="invoice_not_editable")
    invoice.status = "void"
    invoice.auto_advance = False
    invoice.next_payment_attempt = None
    invoice.status_transitions.voided_at = account.now(invoice.test_clock)
    account.emit("invoice.voided", invoice)


def write_off(account: Account, invoice: Invoice) -> None:
    """Give an open invoice up (docs.stripe.com/invoicing/overview#uncollectible).

    Raises:
        RefusedError: It is not open.
    """
    if invoice.status != "open":
        raise RefusedError("Only an open invoice can be uncollectible.", code="invoice_not_editable")
    invoice.status, invoice.auto_advance, invoice.next_payment_attempt = "uncollectible", False, None
    invoice.status_transitions.marked_uncollectible_at = account.now(invoice.test_clock)
    account.emit("invoice.marked_uncollectible", invoice)


def check(account: Account, invoice: Invoice) -> None:
    """Whether a draft can be finalised.

    A draft that fails stays one, and says why: docs.stripe.com/invoicing/integration/workflow-transitions
    and docs.stripe.com/tax/customer-locations, "invoice finalization errors". It fails when Stripe cannot
    tell where the customer of automatic tax is, and as the sandbox is told (`PUT /_sandbox/finalization`).

    *Unverified*: of a renewal, Stripe may switch automatic tax off instead and finalise it
    (docs.stripe.com/changelog/acacia/2024-12-18/add-disabled-reason).

    Raises:
        RefusedError: 400; it cannot, and `invoice.finalization_failed` has told.
    """
    if invoice.status != "draft":
        return
    if account.finalization_error:
        refusal = RefusedError("The invoice cannot be finalized.", code=account.finalization_error)
    elif invoice.automatic_tax.enabled and not taxes.is_located(account, invoice):
        refusal = taxes.unlocated()
        invoice.automatic_tax.status = "requires_location_inputs"
    else:
        return
    invoice.automatically_finalizes_at = None
    invoice.last_finalization_error = make(
        Invoice.LastFinalizationError, type=refusal.kind, code=refusal.code, message=refusal.message
    )
    account.emit("invoice.finalization_failed", invoice)
    raise refusal


def _use_up_discounts(account: Account, invoice: Invoice) -> None:
    """A coupon of duration `once` leaves its subscription or customer with the first invoice it cut."""
    subscription = drafts.subscription_of(account, invoice)
    customer = account.get(Customer, str(invoice.customer))
    for amount in invoice.total_discount_amounts or []:
        discount = account.get(Discount, reference(amount.discount))
        coupon = account.get(Coupon, reference(discount.source.coupon or ""))
        if coupon.duration != "once" or not amount.amount:
            continue
        if subscription:
            subscription.discounts = [kept for kept in subscription.discounts if kept != discount.id]
        if customer.discount and customer.discount.id == discount.id:
            discounts.take(account, customer)
