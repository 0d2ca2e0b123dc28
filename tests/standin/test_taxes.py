"""Taxes: rates written down by hand, and automatic tax, which needs to know where the customer is."""

from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from stripe import Customer, Price

from tests.standin.harness import START, Sandbox, Shop

END = START + timedelta(days=28)
AUTOMATIC: Any = {"automatic_tax": {"enabled": True}}
ADDRESS: Any = {"country": "US", "postal_code": "94000"}


def rate(shop: Shop, percentage: float = 20, *, inclusive: bool = False) -> str:
    """A tax rate's id."""
    return shop.stripe.v1.tax_rates.create(
        {"display_name": "VAT", "inclusive": inclusive, "percentage": percentage}
    ).id


def priced(shop: Shop, behavior: str, **more: Any) -> Price:  # noqa: ANN401 - any parameter
    """A price of 10 dollars that says whether it includes taxes."""
    params: Any = {
        "currency": "usd",
        "product": shop.product.id,
        "unit_amount": 1000,
        "tax_behavior": behavior,
    }
    return shop.stripe.v1.prices.create(params | more)


def subscribed(shop: Shop) -> Customer:
    """A customer with automatic tax, known to live somewhere."""
    customer = shop.customer()
    shop.stripe.v1.customers.update(customer.id, {"address": ADDRESS})
    plan = priced(shop, "exclusive", recurring={"interval": "month"})
    shop.subscribe(customer, items=[{"price": plan.id}], **AUTOMATIC)
    return customer


def test_default_rates_tax_plan_and_added_lines(sandbox: Sandbox, shop: Shop) -> None:
    """A subscription's rates tax every line of its invoices, after discounts; a line's own go before."""
    customer = shop.customer()
    half = shop.stripe.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    plan: Any = [{"price": shop.small.id}]
    shop.subscribe(customer, items=plan, default_tax_rates=[rate(shop)], discounts=[{"coupon": half.id}])
    sandbox.move(END)
    lines: Any = {
        "lines": [
            {"amount": 500, "discountable": False},
            {"amount": 300, "discountable": False, "tax_rates": [rate(shop, 10)]},
        ]
    }
    draft = shop.stripe.v1.invoices.add_lines(shop.invoices(customer)[-1].id, lines)
    assert [200, 100, 30] == [line.taxes[0].amount for line in draft.lines.data if line.taxes]
    assert (2800, 1800, 2130) == (draft.subtotal, draft.total_excluding_tax, draft.total)
    assert [(300, 1500), (30, 300)] == [(tax.amount, tax.taxable_amount) for tax in draft.total_taxes or []]
    sandbox.move(END + timedelta(hours=1))
    assert 2130 == shop.invoices(customer)[-1].amount_paid


def test_inclusive_tax_is_within_the_price(shop: Shop) -> None:
    """An inclusive rate changes no total; it says how much of it is tax."""
    draft = shop.stripe.v1.invoices.create(
        {"customer": shop.customer().id, "default_tax_rates": [rate(shop, inclusive=True)]}
    )
    draft = shop.stripe.v1.invoices.add_lines(draft.id, {"lines": [{"amount": 1200}]})
    (tax,) = draft.total_taxes or []
    assert (1200, 1000, 200, "inclusive") == (
        draft.total,
        draft.total_excluding_tax,
        tax.amount,
        tax.tax_behavior,
    )


def test_rates_can_be_changed_and_unset(shop: Shop) -> None:
    """A draft's rates, and a subscription's, are replaced or emptied; a rate itself is renamed or retired."""
    api, tax = shop.stripe.v1, rate(shop)
    draft = api.invoices.create({"customer": shop.customer().id, "default_tax_rates": [tax]})
    assert [] == api.invoices.update(draft.id, {"default_tax_rates": ""}).default_tax_rates
    subscription = shop.subscribe(shop.customer())
    changed = api.subscriptions.update(subscription.id, {"default_tax_rates": [tax]})
    assert [tax] == [known.id for known in changed.default_tax_rates or []]
    api.tax_rates.update(tax, {"active": False, "display_name": "GST"})
    assert ("GST", []) == (
        api.tax_rates.retrieve(tax).display_name,
        api.tax_rates.list({"active": True}).data,
    )


@pytest.mark.parametrize("behavior", ["inclusive", "exclusive"])
def test_automatic_tax_takes_lines_that_say_how_they_are_taxed(
    sandbox: Sandbox, shop: Shop, behavior: str
) -> None:
    """A price that says so goes onto a draft with automatic tax, and nothing is due without registration."""
    customer = subscribed(shop)
    sandbox.move(END)
    line: Any = {"pricing": {"price": priced(shop, behavior).id}}
    draft = shop.stripe.v1.invoices.add_lines(shop.invoices(customer)[-1].id, {"lines": [line]})
    assert (2000, True, "complete") == (draft.total, draft.automatic_tax.enabled, draft.automatic_tax.status)


@pytest.mark.parametrize("flaw", ["unspecified", "an amount", "rates of its own", "negative"])
def test_automatic_tax_refuses_lines_it_cannot_tax(sandbox: Sandbox, shop: Shop, flaw: str) -> None:
    """Unspecified behavior, own rates and negative amounts do not go onto a draft with automatic tax."""
    customer = subscribed(shop)
    sandbox.move(END)
    exclusive = {"currency": "usd", "product": shop.product.id, "tax_behavior": "exclusive"}
    lines: dict[str, Any] = {
        "unspecified": {"pricing": {"price": priced(shop, "unspecified").id}},
        "an amount": {"amount": 5},
        "rates of its own": {"price_data": {**exclusive, "unit_amount": 5}, "tax_rates": [rate(shop)]},
        "negative": {"amount": -5},
    }
    with pytest.raises(sdk.InvalidRequestError, match="automatic tax"):
        shop.stripe.v1.invoices.add_lines(shop.invoices(customer)[-1].id, {"lines": [lines[flaw]]})


def test_automatic_tax_needs_prices_that_say_how_they_are_taxed(shop: Shop) -> None:
    """A price that leaves it unspecified cannot be taxed automatically, nor somebody who lives nowhere."""
    customer = shop.customer()
    with pytest.raises(sdk.InvalidRequestError, match="tax_behavior"):
        shop.subscribe(customer, **AUTOMATIC)
    plan = priced(shop, "exclusive", recurring={"interval": "month"})
    with pytest.raises(sdk.InvalidRequestError) as raised:
        shop.subscribe(customer, items=[{"price": plan.id}], **AUTOMATIC)
    assert "customer_tax_location_invalid" == raised.value.code


def test_draft_whose_customer_moved_away_cannot_be_finalised(sandbox: Sandbox, shop: Shop) -> None:
    """Without a location the renewal stays a draft and says why; with one, it is finalised by hand."""
    customer = subscribed(shop)
    shop.stripe.v1.customers.update(customer.id, {"address": ""})
    sandbox.move(END + timedelta(hours=3))
    draft = shop.invoices(customer)[-1]
    assert draft.last_finalization_error
    assert ("draft", "customer_tax_location_invalid", "requires_location_inputs") == (
        draft.status,
        draft.last_finalization_error.code,
        draft.automatic_tax.status,
    )
    assert ["invoice.finalization_failed"] == shop.events("invoice.finalization_failed")
    with pytest.raises(sdk.InvalidRequestError):
        shop.stripe.v1.invoices.finalize_invoice(draft.id, {"auto_advance": True})
    shop.stripe.v1.customers.update(customer.id, {"address": ADDRESS})
    final = shop.stripe.v1.invoices.finalize_invoice(draft.id, {"auto_advance": True})
    assert ("open", None, "complete") == (
        final.status,
        final.last_finalization_error,
        final.automatic_tax.status,
    )


def test_own_invoice_with_automatic_tax_keeps_to_the_same(shop: Shop) -> None:
    """A draft of no subscription can ask for automatic tax, and then is as particular about its lines."""
    customer = shop.customer()
    api = shop.stripe.v1.invoices
    params: Any = {"customer": customer.id, **AUTOMATIC}
    draft = api.create(params)
    line: Any = {"pricing": {"price": priced(shop, "exclusive").id}}
    api.add_lines(draft.id, {"lines": [line]})
    with pytest.raises(sdk.InvalidRequestError) as raised:
        api.finalize_invoice(draft.id)
    assert "customer_tax_location_invalid" == raised.value.code
    other = api.add_lines(api.create({"customer": customer.id}).id, {"lines": [{"amount": 5}]})
    with pytest.raises(sdk.InvalidRequestError, match="automatic tax"):
        api.update(other.id, AUTOMATIC)
    assert not api.retrieve(other.id).automatic_tax.enabled
