"""Invoices by hand, invoice items, previews, and the catalogue's own rules."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import stripe as sdk
from stripe import StripeClient

from tests.standin.harness import START, Sandbox, Shop

HALF = START + timedelta(days=14)
END = START + timedelta(days=28)


def test_pending_item_rides_on_the_renewal(sandbox: Sandbox, shop: Shop) -> None:
    """A one-off charge for a subscription stands on its next invoice."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    shop.stripe.v1.invoice_items.create(
        {
            "customer": customer.id,
            "subscription": subscription.id,
            "amount": 700,
            "currency": "usd",
            "description": "Missed usage",
        }
    )
    sandbox.move(END + timedelta(hours=1))
    assert [("Missed usage", 700)] == [
        (line.description, line.amount)
        for line in shop.invoices(customer)[-1].lines.data
        if line.parent and line.parent.type == "invoice_item_details"
    ]


def test_invoice_by_hand(shop: Shop) -> None:
    """A draft takes items, is finalised, and is paid with the default card."""
    api = shop.stripe.v1
    customer = shop.customer()
    draft = api.invoices.create({"customer": customer.id, "description": "Late usage"})
    api.invoice_items.create({"customer": customer.id, "invoice": draft.id, "amount": 700, "currency": "usd"})
    final = api.invoices.finalize_invoice(draft.id)
    paid = api.invoices.pay(draft.id)
    assert ("draft", "open", 700, "paid", 700) == (
        draft.status,
        final.status,
        final.amount_due,
        paid.status,
        paid.amount_paid,
    )


def test_pending_items_are_taken_when_asked(shop: Shop) -> None:
    """`pending_invoice_items_behavior=include` takes what waits."""
    api = shop.stripe.v1
    customer = shop.customer()
    api.invoice_items.create({"customer": customer.id, "amount": 700, "currency": "usd"})
    invoice = api.invoices.create({"customer": customer.id, "pending_invoice_items_behavior": "include"})
    left = api.invoice_items.list({"customer": customer.id, "pending": True}).data
    assert (700, []) == (invoice.total, left)


def test_deleted_item_is_not_billed(sandbox: Sandbox, shop: Shop) -> None:
    """A pending item can be deleted before it is invoiced."""
    customer = shop.customer()
    shop.subscribe(customer)
    item = shop.stripe.v1.invoice_items.create({"customer": customer.id, "amount": 700, "currency": "usd"})
    shop.stripe.v1.invoice_items.delete(item.id)
    sandbox.move(END + timedelta(hours=1))
    assert shop.invoices(customer)[-1].total == 2000


def test_final_invoice_cannot_be_finalised_again(shop: Shop) -> None:
    """Only a draft can be finalised."""
    subscription = shop.subscribe(shop.customer())
    with pytest.raises(sdk.InvalidRequestError, match="already finalized"):
        shop.stripe.v1.invoices.finalize_invoice(str(subscription.latest_invoice))


def test_open_invoice_can_be_voided_or_written_off(shop: Shop) -> None:
    """An unpaid invoice can be void, or uncollectible and then void."""
    subscription = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"))
    off = shop.stripe.v1.invoices.mark_uncollectible(str(subscription.latest_invoice))
    void = shop.stripe.v1.invoices.void_invoice(off.id)
    assert ("uncollectible", "void") == (off.status, void.status)


def test_one_off_draft_can_be_deleted(shop: Shop) -> None:
    """A draft made by hand can be deleted."""
    draft = shop.stripe.v1.invoices.create({"customer": shop.customer().id})
    assert (True, []) == (
        shop.stripe.v1.invoices.delete(draft.id).deleted,
        shop.stripe.v1.invoices.list().data,
    )


def test_invoices_number_on(sandbox: Sandbox, shop: Shop) -> None:
    """Each customer's final invoices are numbered one after another."""
    customer = shop.customer()
    shop.subscribe(customer)
    sandbox.move(END + timedelta(hours=1))
    numbers = [str(invoice.number).split("-")[1] for invoice in shop.invoices(customer)]
    assert ["0001", "0002"] == numbers


def test_preview_shows_the_next_bill(sandbox: Sandbox, shop: Shop) -> None:
    """The preview bills the coming period ahead, and keeps nothing."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    sandbox.move(HALF)
    preview = shop.stripe.v1.invoices.create_preview({"subscription": subscription.id})
    assert ([2000], 2000, 1) == (
        [line.amount for line in preview.lines.data],
        preview.total,
        len(shop.invoices(customer)),
    )


def test_preview_of_a_change_shows_its_prorations(sandbox: Sandbox, shop: Shop) -> None:
    """With changed items the preview shows what `always_invoice` would charge now, and changes nothing."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    sandbox.move(HALF)
    details: Any = {
        "items": [{"id": subscription.items.data[0].id, "price": shop.large.id}],
        "proration_behavior": "always_invoice",
    }
    preview = shop.stripe.v1.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": details}
    )
    known = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert ([-1000, 2500], shop.small.id, []) == (
        [line.amount for line in preview.lines.data],
        known.items.data[0].price.id,
        shop.stripe.v1.invoice_items.list().data,
    )


def test_preview_shows_further_items(shop: Shop) -> None:
    """The next bill with overage in it: coupons spare what is not discountable, and nothing is kept."""
    api = shop.stripe.v1
    customer = shop.customer()
    half = api.coupons.create({"percent_off": 50, "duration": "forever"})
    subscription = shop.subscribe(customer, items=[{"price": shop.small.id}], discounts=[{"coupon": half.id}])
    once = api.prices.create({"currency": "usd", "product": shop.product.id, "unit_amount": 5})
    period: Any = {"start": 1, "end": 2}
    data: Any = {"currency": "usd", "product": shop.product.id, "unit_amount_decimal": Decimal("0.5")}
    items: Any = [
        {"price": once.id, "quantity": 100, "discountable": False, "period": period},
        {"price_data": data, "quantity": 2000, "discountable": False, "metadata": {"a": "b"}},
    ]
    before = len(api.prices.list({"limit": 100}).data)
    preview = api.invoices.create_preview({"subscription": subscription.id, "invoice_items": items})
    assert ([2000, 500, 1000], 1000 + 1500) == ([line.amount for line in preview.lines.data], preview.total)
    assert period == preview.lines.data[1].period.to_dict()
    left = (len(api.prices.list({"limit": 100}).data), api.invoice_items.list().data)
    assert (before, []) == left


def test_a_coupon_for_some_products_cuts_no_others(shop: Shop) -> None:
    """What it is for is told only when asked, and nothing where it is for all."""
    api = shop.stripe.v1
    other = api.products.create({"name": "Other"})
    coupons = [
        api.coupons.create(
            {"percent_off": 50, "duration": "forever", "applies_to": {"products": [product.id]}}
        )
        for product in (shop.product, other)
    ]
    totals = []
    for coupon in coupons:
        asked: Any = {"items": [{"price": shop.small.id}], "discounts": [{"coupon": coupon.id}]}
        invoice = shop.subscribe(shop.customer(), **asked).latest_invoice
        totals.append(api.invoices.retrieve(str(invoice)).total)
    assert [1_000, 2_000] == totals
    api.coupons.create({"percent_off": 10})
    bare = api.coupons.list().data
    told = api.coupons.list({"expand": ["data.applies_to"]}).data
    assert [False] * 3 == ["applies_to" in each for each in bare]
    assert [None, [other.id], [shop.product.id]] == [
        each.applies_to.products if "applies_to" in each and each.applies_to else None for each in told
    ]


def test_previews_lines_come_in_pages(shop: Shop) -> None:
    """A preview, too, carries its first ten lines, and the others are listed."""
    subscription = shop.subscribe(shop.customer(), items=[{"price": shop.small.id}])
    items: Any = [{"amount": 100, "currency": "usd"}] * 14
    preview = shop.stripe.v1.invoices.create_preview(
        {"subscription": subscription.id, "invoice_items": items}
    )
    assert (10, True, 15) == (
        len(preview.lines.data),
        preview.lines.has_more,
        len(list(preview.lines.auto_paging_iter())),
    )


def test_preview_refuses_what_cannot_be_billed(shop: Shop) -> None:
    """Recurring prices and other currencies are refused in a preview as on an invoice."""
    subscription = shop.subscribe(shop.customer(), items=[{"price": shop.small.id}])
    for item in ({"price": shop.small.id}, {"amount": 5, "currency": "eur"}):
        params: Any = {"subscription": subscription.id, "invoice_items": [item]}
        with pytest.raises(sdk.InvalidRequestError) as raised:
            shop.stripe.v1.invoices.create_preview(params)
        assert str(raised.value.param).startswith("invoice_items[0]")


def test_repeating_cycle_uses_up_a_coupon_once(sandbox: Sandbox, shop: Shop) -> None:
    """A coupon of duration once cuts one invoice, one of duration forever cuts each."""
    once = shop.stripe.v1.coupons.create({"percent_off": 50, "duration": "once"})
    forever = shop.stripe.v1.coupons.create({"amount_off": 100, "currency": "usd", "duration": "forever"})
    first, second = shop.customer(), shop.customer()
    shop.subscribe(first, discounts=[{"coupon": once.id}])
    shop.subscribe(second, discounts=[{"coupon": forever.id}])
    sandbox.move(END + timedelta(hours=1))
    assert ([1000, 2000], [1900, 1900]) == (
        [invoice.total for invoice in shop.invoices(first)],
        [invoice.total for invoice in shop.invoices(second)],
    )


def test_lines_are_paged(shop: Shop) -> None:
    """An invoice's lines can be listed by themselves."""
    subscription = shop.subscribe(shop.customer())
    (line,) = shop.stripe.v1.invoices.line_items.list(str(subscription.latest_invoice)).data
    assert line.amount == 2000


def test_lookup_key_moves_only_when_told(stripe: StripeClient, shop: Shop) -> None:
    """A lookup key belongs to one price until it is transferred."""
    params: Any = {"currency": "usd", "unit_amount": 1, "product": shop.product.id, "lookup_key": "small"}
    with pytest.raises(sdk.InvalidRequestError, match="lookup key"):
        stripe.v1.prices.create(params)
    params["transfer_lookup_key"] = True
    moved = stripe.v1.prices.create(params)
    assert [moved.id] == [price.id for price in stripe.v1.prices.list({"lookup_keys": ["small"]}).data]


def test_fractions_of_cents_are_rounded_per_line(shop: Shop) -> None:
    """A price of fractional cents is multiplied first and rounded once."""
    price = shop.stripe.v1.prices.create(
        {"currency": "usd", "product": shop.product.id, "unit_amount_decimal": Decimal("0.25")}
    )
    customer = shop.customer()
    item = shop.stripe.v1.invoice_items.create(
        {"customer": customer.id, "pricing": {"price": price.id}, "quantity": 1001}
    )
    assert ("one_time", 250) == (price.type, item.amount)


def test_metered_prices_are_not_played(stripe: StripeClient, shop: Shop) -> None:
    """Meters count, and bill nothing: a price that would bill by one is refused."""
    with pytest.raises(sdk.InvalidRequestError, match="lacks metered prices"):
        stripe.v1.prices.create(
            {
                "currency": "usd",
                "unit_amount": 1,
                "product": shop.product.id,
                "recurring": {"interval": "month", "usage_type": "metered", "meter": shop.meter.id},
            }
        )


def test_licensed_price_takes_no_meter(stripe: StripeClient, shop: Shop) -> None:
    """What is bought by quantity counts nothing."""
    with pytest.raises(sdk.InvalidRequestError, match="meter"):
        stripe.v1.prices.create(
            {
                "currency": "usd",
                "unit_amount": 1,
                "product": shop.product.id,
                "recurring": {"interval": "month", "meter": shop.meter.id},
            }
        )


def test_prices_are_found_by_how_they_recur(stripe: StripeClient, shop: Shop) -> None:
    """A price that is charged once is not among them, and no price is metered."""
    monthly = stripe.v1.prices.list({"recurring": {"interval": "month", "usage_type": "licensed"}}).data
    metered = stripe.v1.prices.list({"recurring": {"usage_type": "metered"}}).data
    assert ({shop.small.id, shop.large.id}, []) == ({price.id for price in monthly}, metered)


def test_tax_behavior_is_said_once(stripe: StripeClient, shop: Shop) -> None:
    """How tax stands with a price can be said later, and not be changed."""
    said = stripe.v1.prices.update(shop.small.id, {"tax_behavior": "inclusive"})
    with pytest.raises(sdk.InvalidRequestError, match="cannot be changed"):
        stripe.v1.prices.update(shop.small.id, {"tax_behavior": "exclusive"})
    assert ("unspecified", "inclusive") == (shop.small.tax_behavior, said.tax_behavior)
