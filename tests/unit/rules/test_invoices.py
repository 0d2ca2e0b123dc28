"""Stripe's own words for what an invoice is."""

from tollkeeper.rules.invoices import InvoiceStatus


def test_the_states_of_an_invoice_are_stripes() -> None:
    """As docs.stripe.com/api/invoices/object spells them."""
    assert ["draft", "open", "paid", "uncollectible", "void"] == sorted(InvoiceStatus)
