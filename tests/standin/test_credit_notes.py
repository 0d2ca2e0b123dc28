"""What people take back of final invoices: credit notes and refunds."""

from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from stripe import Customer, Invoice

from tests.standin.harness import START, Sandbox, Shop


def final(sandbox: Sandbox, shop: Shop, *, paid: bool) -> tuple[Customer, Invoice]:
    """An invoice of a plan's 20 dollars and 5 more, each taxed by a fifth."""
    customer = shop.customer()
    rate = shop.stripe.v1.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": 20})
    params: Any = {"customer": customer.id, "default_tax_rates": [rate.id]}
    draft = shop.stripe.v1.invoices.create(params)
    shop.stripe.v1.invoices.add_lines(draft.id, {"lines": [{"amount": 2000}, {"amount": 500}]})
    invoice = shop.stripe.v1.invoices.finalize_invoice(draft.id, {"auto_advance": paid})
    sandbox.move(START + timedelta(hours=1))
    return customer, shop.stripe.v1.invoices.retrieve(invoice.id)


def credit(shop: Shop, invoice: Invoice, **params: Any) -> sdk.CreditNote:  # noqa: ANN401 - any parameter
    """A credit note of the invoice's second line, unless told otherwise."""
    line = {"type": "invoice_line_item", "invoice_line_item": invoice.lines.data[1].id}
    what: Any = {"invoice": invoice.id, **({} if "amount" in params else {"lines": [line]}), **params}
    return shop.stripe.v1.credit_notes.create(what)


def test_unpaid_line_is_no_longer_due(sandbox: Sandbox, shop: Shop) -> None:
    """Of an open invoice a credit note takes back what is due, with its tax; the lines stay."""
    _, invoice = final(sandbox, shop, paid=False)
    note = credit(shop, invoice)
    after = shop.stripe.v1.invoices.retrieve(invoice.id)
    assert ("pre_payment", 600, 500, 600, 2400, 3000, 2) == (
        note.type,
        note.total,
        note.subtotal,
        after.pre_payment_credit_notes_amount,
        after.amount_remaining,
        after.total,
        len(after.lines.data),
    )
    credit(shop, invoice, amount=2400)
    assert "paid" == shop.stripe.v1.invoices.retrieve(invoice.id).status
    assert ["credit_note.created"] * 2 == shop.events("credit_note")


def test_paid_line_is_credited_to_the_balance(sandbox: Sandbox, shop: Shop) -> None:
    """Of a paid invoice the customer gets credit, which their next invoice uses."""
    customer, invoice = final(sandbox, shop, paid=True)
    note = credit(shop, invoice, credit_amount=600, reason="product_unsatisfactory")
    after = shop.stripe.v1.invoices.retrieve(invoice.id)
    assert ("post_payment", 600, -600, 3000) == (
        note.type,
        after.post_payment_credit_notes_amount,
        shop.stripe.v1.customers.retrieve(customer.id).balance,
        after.amount_paid,
    )


def test_paid_line_is_refunded(sandbox: Sandbox, shop: Shop) -> None:
    """Or the money itself goes back, once."""
    _, invoice = final(sandbox, shop, paid=True)
    note = credit(shop, invoice, refund_amount=600)
    refund = shop.stripe.v1.refunds.retrieve(str(note.refunds[0].refund))
    assert (600, "succeeded") == (refund.amount, refund.status)
    rest = shop.stripe.v1.refunds.create({"payment_intent": str(refund.payment_intent)})
    assert 2400 == rest.amount
    with pytest.raises(sdk.InvalidRequestError) as raised:
        shop.stripe.v1.refunds.create({"payment_intent": str(refund.payment_intent)})
    assert "charge_already_refunded" == raised.value.code
    listed = shop.stripe.v1.refunds.list({"payment_intent": str(refund.payment_intent)}).data
    assert [rest.id, refund.id] == [known.id for known in listed]


@pytest.mark.parametrize(
    "params", [{}, {"credit_amount": 599}, {"amount": 3001, "credit_amount": 3001}, {"amount": 0}]
)
def test_credit_comes_to_the_whole(sandbox: Sandbox, shop: Shop, params: Any) -> None:  # noqa: ANN401
    """What is given back must be what is taken back, and no more than the invoice's total."""
    _, invoice = final(sandbox, shop, paid=True)
    with pytest.raises(sdk.InvalidRequestError):
        credit(shop, invoice, **params)
    assert [] == shop.stripe.v1.credit_notes.list({"invoice": invoice.id}).data


def test_draft_and_void_cannot_be_credited(sandbox: Sandbox, shop: Shop) -> None:
    """Only what is final and stands can be credited."""
    _, invoice = final(sandbox, shop, paid=False)
    shop.stripe.v1.invoices.void_invoice(invoice.id)
    with pytest.raises(sdk.InvalidRequestError, match="final"):
        credit(shop, invoice)
