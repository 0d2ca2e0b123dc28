"""Invoices of no subscription: what they inherit, how they are collected, and what is too small to charge."""

from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from stripe import Customer, Invoice

from tests.standin.harness import START, Sandbox, Shop

FAILS = "pm_card_chargeCustomerFail"
HOUR = timedelta(hours=1)


def coupon(sandbox: Sandbox, shop: Shop, customer: Customer, **more: Any) -> None:  # noqa: ANN401 - any parameter
    """Give a customer a tenth off, for good unless told otherwise."""
    params: Any = {"percent_off": 10, "duration": "forever", **more}
    made = shop.stripe.v1.coupons.create(params)
    given = sandbox.http.post(f"/_sandbox/customers/{customer.id}/discount", json={"coupon": made.id})
    assert given.json()["discount"]["source"]["coupon"] == made.id


def own(shop: Shop, customer: Customer, amount: int = 1000, **more: Any) -> Invoice:  # noqa: ANN401 - any parameter
    """A draft of one line."""
    params: Any = {"customer": customer.id, **more}
    draft = shop.stripe.v1.invoices.create(params)
    return shop.stripe.v1.invoices.add_lines(draft.id, {"lines": [{"amount": amount}]})


def advanced(shop: Shop, draft: Invoice) -> Invoice:
    """The invoice, final and advancing."""
    return shop.stripe.v1.invoices.finalize_invoice(draft.id, {"auto_advance": True})


def payments(shop: Shop, invoice: Invoice) -> list[str]:
    """How each payment of an invoice stands."""
    return [payment.status for payment in shop.stripe.v1.invoice_payments.list({"invoice": invoice.id}).data]


def test_own_invoice_is_left_alone(sandbox: Sandbox, shop: Shop) -> None:
    """It neither advances nor takes what is pending, unless it is told to."""
    customer = shop.customer()
    shop.stripe.v1.invoice_items.create({"customer": customer.id, "amount": 700, "currency": "usd"})
    draft = own(shop, customer)
    sandbox.move(START + timedelta(days=9))
    assert ("draft", 1000, False, "manual", None) == (
        shop.stripe.v1.invoices.retrieve(draft.id).status,
        draft.total,
        draft.auto_advance,
        draft.billing_reason,
        draft.parent,
    )


def test_own_invoice_inherits_the_customers_coupon(sandbox: Sandbox, shop: Shop) -> None:
    """Unless told not to; lines that are not discountable are spared."""
    customer = shop.customer()
    coupon(sandbox, shop, customer)
    spared: Any = {"lines": [{"amount": 500, "discountable": False}]}
    draft = shop.stripe.v1.invoices.add_lines(own(shop, customer).id, spared)
    none = own(shop, customer, discounts="")
    other = own(shop, customer, discounts=[{"coupon": shop.stripe.v1.coupons.create({"percent_off": 50}).id}])
    assert (1400, 1000, 500) == (draft.total, none.total, other.total)
    assert 1000 == shop.stripe.v1.invoices.update(other.id, {"discounts": ""}).total


def test_customers_coupon_cuts_the_plan_alone(sandbox: Sandbox, shop: Shop) -> None:
    """A renewal has the customer's coupon too, if its subscription has none; spared lines are not cut."""
    customer, other = shop.customer(), shop.customer()
    for known in (customer, other):
        coupon(sandbox, shop, known)
    half = shop.stripe.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    items: Any = [{"price": shop.small.id}]
    shop.subscribe(customer, items=items)
    shop.subscribe(other, items=items, discounts=[{"coupon": half.id}])
    sandbox.move(START + timedelta(days=28))
    totals = []
    for known in (customer, other):
        draft = shop.invoices(known)[-1]
        spared: Any = {"lines": [{"amount": 500, "discountable": False}]}
        totals.append(shop.stripe.v1.invoices.add_lines(draft.id, spared).total)
    assert [1800 + 500, 1000 + 500] == totals


def test_customers_coupon_is_used_up_or_taken(sandbox: Sandbox, shop: Shop) -> None:
    """A coupon of duration once leaves with the first invoice it cut; any can be taken away."""
    customer = shop.customer()
    coupon(sandbox, shop, customer, duration="once")
    shop.stripe.v1.invoices.finalize_invoice(own(shop, customer).id)
    assert shop.stripe.v1.customers.retrieve(customer.id).discount is None
    coupon(sandbox, shop, customer)
    shop.stripe.v1.customers.delete_discount(customer.id)
    assert 1000 == own(shop, customer).total
    assert ["created", "deleted"] * 2 == [
        kind.rpartition(".")[2] for kind in shop.events("customer.discount")
    ]


def test_own_invoice_is_charged_to_the_customers_card(sandbox: Sandbox, shop: Shop) -> None:
    """Neither a subscription's card nor its taxes are inherited: a card is named, or is the default."""
    customer = shop.stripe.v1.customers.create({})
    card = shop.stripe.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    rate = shop.stripe.v1.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": 20})
    shop.subscribe(customer, default_payment_method=card.id, default_tax_rates=[rate.id])
    without = advanced(shop, own(shop, customer))
    named = advanced(shop, own(shop, customer, default_payment_method=card.id, default_tax_rates=[rate.id]))
    sandbox.move(START + HOUR)
    assert [("open", 1000), ("paid", 1200)] == [
        (known.status, known.total)
        for known in (shop.stripe.v1.invoices.retrieve(invoice.id) for invoice in (without, named))
    ]


def test_own_invoice_is_charged_to_no_stranger(shop: Shop) -> None:
    """The payment method must be the customer's."""
    stranger = shop.customer()
    assert stranger.invoice_settings
    with pytest.raises(sdk.InvalidRequestError) as raised:
        own(
            shop,
            shop.customer(),
            default_payment_method=str(stranger.invoice_settings.default_payment_method),
        )
    assert "default_payment_method" == raised.value.param


def test_currency_is_the_invoices(shop: Shop) -> None:
    """It is the one that was asked for, and its lines are in it."""
    draft = own(shop, shop.customer(), currency="eur")
    assert ("eur", ["eur"]) == (draft.currency, [line.currency for line in draft.lines.data])


def test_advancing_collects_later(sandbox: Sandbox, shop: Shop) -> None:
    """Finalised by hand and advancing, an invoice is open at first; Stripe collects it by itself."""
    final = advanced(shop, own(shop, shop.customer()))
    sandbox.move(START + HOUR)
    paid = shop.stripe.v1.invoices.retrieve(final.id)
    assert ("open", 0, "paid", 1000, ["paid"]) == (
        final.status,
        final.attempt_count,
        paid.status,
        paid.amount_paid,
        payments(shop, final),
    )


def test_advancing_can_be_stopped(sandbox: Sandbox, shop: Shop) -> None:
    """Switched off, void or written off before it is collected, nothing is charged."""
    api = shop.stripe.v1.invoices
    final = [advanced(shop, own(shop, shop.customer())) for _ in range(3)]
    api.update(final[0].id, {"auto_advance": False})
    api.void_invoice(final[1].id)
    api.mark_uncollectible(final[2].id)
    sandbox.move(START + 2 * HOUR)
    assert [[], [], []] == [payments(shop, invoice) for invoice in final]
    api.update(final[0].id, {"auto_advance": True})
    sandbox.move(START + 3 * HOUR)
    assert "paid" == api.retrieve(final[0].id).status


def test_two_collectors_charge_twice(sandbox: Sandbox, shop: Shop) -> None:
    """Whoever pays what Stripe is collecting has the customer charged twice, and owes them the second."""
    customer = shop.customer()
    final = advanced(shop, own(shop, customer))
    shop.stripe.v1.invoices.pay(final.id)
    sandbox.move(START + HOUR)
    after = shop.stripe.v1.invoices.retrieve(final.id)
    assert ("paid", 2000, 1000, ["paid", "paid"], -1000) == (
        after.status,
        after.amount_paid,
        after.amount_overpaid,
        payments(shop, final),
        shop.stripe.v1.customers.retrieve(customer.id).balance,
    )
    assert ["invoice.overpaid"] == shop.events("invoice.overpaid")


def test_one_collector_charges_once(sandbox: Sandbox, shop: Shop) -> None:
    """Paid by hand alone, an invoice that does not advance is charged once."""
    draft = own(shop, shop.customer())
    shop.stripe.v1.invoices.finalize_invoice(draft.id, {"auto_advance": False})
    shop.stripe.v1.invoices.pay(draft.id)
    sandbox.move(START + timedelta(days=9))
    assert (["paid"], 0) == (
        payments(shop, draft),
        shop.stripe.v1.invoices.retrieve(draft.id).amount_overpaid,
    )


def test_payment_that_failed_by_hand_is_collected_all_the_same(sandbox: Sandbox, shop: Shop) -> None:
    """A refusal by hand does not mean that no money moves: Stripe goes on."""
    customer = shop.customer(FAILS)
    final = advanced(shop, own(shop, customer))
    with pytest.raises(sdk.CardError):
        shop.stripe.v1.invoices.pay(final.id)
    card = shop.stripe.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    shop.stripe.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})
    sandbox.move(START + HOUR)
    assert "paid" == shop.stripe.v1.invoices.retrieve(final.id).status


@pytest.mark.parametrize(("days", "attempts"), [([], 1), ([2, 3], 3)])
def test_own_invoices_are_retried_by_their_own_setting(
    sandbox: Sandbox, shop: Shop, days: list[int], attempts: int
) -> None:
    """A failed payment is retried only if the account says so for one-off invoices."""
    sandbox.put("dunning", {"oneOffRetryDays": days}).raise_for_status()
    final = advanced(shop, own(shop, shop.customer(FAILS)))
    sandbox.move(START + timedelta(days=30))
    after = shop.stripe.v1.invoices.retrieve(final.id)
    assert ("open", attempts, None) == (after.status, after.attempt_count, after.next_payment_attempt)


@pytest.mark.parametrize(("amount", "due", "balance"), [(49, 0, 49), (50, 50, 0)])
def test_too_little_to_charge_is_owed_later(
    sandbox: Sandbox, shop: Shop, amount: int, due: int, balance: int
) -> None:
    """Below 50 cents an invoice is marked paid, and the next one of the customer's asks for it."""
    customer = shop.customer()
    final = advanced(shop, own(shop, customer, amount))
    sandbox.move(START + HOUR)
    paid = shop.stripe.v1.invoices.retrieve(final.id)
    assert ("paid", amount, due, balance) == (
        paid.status,
        paid.total,
        paid.amount_paid,
        shop.stripe.v1.customers.retrieve(customer.id).balance,
    )
    following = shop.stripe.v1.invoices.finalize_invoice(own(shop, customer).id)
    assert (1000, 1000 + balance, 0) == (
        following.total,
        following.amount_due,
        shop.stripe.v1.customers.retrieve(customer.id).balance,
    )


def test_own_invoice_is_found_by_its_metadata(sandbox: Sandbox, shop: Shop) -> None:
    """After a lost answer the invoice is among the customer's of that time."""
    customer = shop.customer()
    fault = {"method": "POST", "path": "/v1/invoices", "effect": "after", "answer": "lost"}
    sandbox.put("faults", {"faults": [fault]}).raise_for_status()
    params: Any = {"customer": customer.id, "metadata": {"charge": "c"}}
    with pytest.raises(sdk.APIConnectionError):
        shop.stripe.v1.invoices.create(params)
    created: Any = {"gte": int(START.timestamp())}
    (found,) = shop.stripe.v1.invoices.list({"customer": customer.id, "created": created}).data
    assert {"charge": "c"} == (found.metadata and found.metadata.to_dict())
