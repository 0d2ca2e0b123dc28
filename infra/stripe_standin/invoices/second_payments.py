"""A second payment of one invoice, when two collectors work on it.

Whoever calls `pay` on an invoice that Stripe collects by itself is in a race with it, as others found
(github.com/twentyhq/twenty/pull/24264 and /pull/21097); here both collectors always win.
"""

from stripe import Customer, Invoice, InvoicePayment, PaymentIntent

from infra.stripe_standin.account.shapes import make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.invoices import collection, payment_intents


def charge_again(account: Account, invoice: Invoice) -> None:
    """Charge a paid invoice once more, and credit the customer with it.

    See docs.stripe.com/api/invoices/object#invoice_object-amount_overpaid.
    """
    first, paid = payment_intents.payment_of(account, invoice)
    now = account.now(invoice.test_clock)
    intent = account.keep(
        make(
            PaymentIntent,
            **paid.to_dict(recursive=False)
            | {
                "id": new_id("pi"),
                "created": now,
                "metadata": metadata(None),
                "payment_method": collection.default_method(account, invoice),
            },
        )
    )
    payment = make(
        InvoicePayment,
        **first.to_dict(recursive=False)
        | {
            "id": new_id("inpay"),
            "created": now,
            "is_default": False,
            "payment": {"type": "payment_intent", "payment_intent": intent.id},
            "status_transitions": {"paid_at": now},
        },
    )
    account.emit("invoice_payment.paid", account.keep(payment))
    with account.changing("invoice.updated", invoice):
        invoice.amount_overpaid += paid.amount
        invoice.amount_paid += paid.amount
        invoice.attempt_count += 1
    account.emit("invoice.overpaid", invoice)
    customer = account.get(Customer, str(invoice.customer))
    with account.changing("customer.updated", customer):
        customer.balance = (customer.balance or 0) - paid.amount
