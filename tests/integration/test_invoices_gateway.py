"""What holds of invoices beyond the port: cents, taxes, cards, coupons, and which price a line has.

At the stand-in, through Stripe's unmodified SDK; what the fake has too is in test_invoices_port.py.
"""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from stripe import Invoice, InvoiceService

from tests.integration.invoice_worlds import NEXT_END
from tests.integration.month_at_stripe import END, OVERAGE, MonthAtStripe
from tests.ledger.billing_house import DAY, RUN, SECOND
from tests.standin.harness import START, Sandbox
from tollkeeper.rules.bills import State
from tollkeeper.stripe.charge_lines import ChargeLine

PLAN = 29_00
FAILS = "pm_card_chargeCustomerFail"


@pytest.fixture
def month(sandbox: Sandbox) -> MonthAtStripe:
    """Nobody has subscribed yet."""
    return MonthAtStripe(sandbox)


def busy(month: MonthAtStripe, **more: object) -> MonthAtStripe:
    """Let Ada subscribe, and have a busy month that is about to end."""
    month.subscribe(**more)  # type: ignore[arg-type]
    month.at(-DAY).use()
    return month


def vat(month: MonthAtStripe) -> str:
    """Return a tax of 20 % on top."""
    rate = month.api.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": 20})
    return rate.id


def tenth_off(month: MonthAtStripe) -> str:
    """Return a coupon of a tenth, for good."""
    return month.api.coupons.create({"percent_off": 10, "duration": "forever"}).id


def taxed_automatically(month: MonthAtStripe) -> None:
    """Have Stripe reckon the taxes, for which it must know where Ada is."""
    address: Any = {"address": {"country": "DE"}}
    month.api.customers.update(month.customers["ada"], address)
    month.api.subscriptions.update(month.subscriptions["ada"], {"automatic_tax": {"enabled": True}})


def cancelled(month: MonthAtStripe) -> Invoice:
    """Cancel Ada's subscription before its end, so that its overage has an invoice of its own."""
    month.api.subscriptions.cancel(month.subscriptions["ada"])
    month.hear()
    month.settle()
    (own,) = month.own()
    return own


def test_of_two_drafts_the_oldest_is_the_renewals(
    month: MonthAtStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe lists the newest first; whoever looks again finds the same one."""
    draft = busy(month).renew()
    later = Invoice.construct_from(
        {**draft.to_dict(), "id": "in_later", "created": draft.created + 60}, key=None
    )
    listed = SimpleNamespace(auto_paging_iter=lambda: iter([later, draft]))
    monkeypatch.setattr(InvoiceService, "list", lambda *_: listed)
    found = month.stripe.renewal(month.subscriptions["ada"], END).draft
    assert draft.id == (found and found.id)


def test_a_coupon_spares_the_plan_and_never_the_overage(month: MonthAtStripe) -> None:
    """A tenth off the plan; the overage is charged in full."""
    busy(month, discounts=[{"coupon": tenth_off(month)}]).renew()
    month.settle()
    renewal = month.renewal()
    assert (PLAN * 9 // 10 + OVERAGE, "paid") == (renewal.total, renewal.status)


def test_the_customers_coupon_spares_the_plan_and_never_the_overage(month: MonthAtStripe) -> None:
    """Whoever gave it, and on whichever invoice: one of its own has nothing that it could spare."""
    busy(month)
    given = {"coupon": tenth_off(month)}
    customer = month.customers["ada"]
    assert month.sandbox.http.post(f"/_sandbox/customers/{customer}/discount", json=given).is_success
    month.renew()
    month.settle()
    assert PLAN * 9 // 10 + OVERAGE == month.renewal().total


def test_the_customers_coupon_is_not_on_an_own_invoice(month: MonthAtStripe) -> None:
    """Stripe would put it there."""
    busy(month)
    given = {"coupon": tenth_off(month)}
    customer = month.customers["ada"]
    assert month.sandbox.http.post(f"/_sandbox/customers/{customer}/discount", json=given).is_success
    own = cancelled(month)
    assert ([], OVERAGE) == (own.discounts, own.total)


def test_tax_applies_to_plan_and_overage(month: MonthAtStripe) -> None:
    """At the subscription's rates."""
    busy(month, default_tax_rates=[vat(month)]).renew()
    month.settle()
    assert (PLAN + OVERAGE) * 12 // 10 == month.renewal().total


def test_tax_applies_to_an_own_invoice(month: MonthAtStripe) -> None:
    """It has the subscription's rates, which Stripe does not give it by itself."""
    own = cancelled(busy(month, default_tax_rates=[vat(month)]))
    assert (OVERAGE * 12 // 10, "paid") == (own.total, own.status)


def test_automatic_tax_takes_the_lines(month: MonthAtStripe) -> None:
    """Each says whether it includes tax, at the catalogue's price and at one of its own, or it is refused."""
    taxed_automatically(busy(month))
    draft = month.renew()
    lines = [charge("apiCalls", 7, "1"), charge("exports", 7, "0.5")]
    month.stripe.add_lines(draft.id, lines, "key")
    assert (True, 7 + 4) == (draft.automatic_tax.enabled, sum(month.cents_on(draft.id)))


def test_automatic_tax_is_an_own_invoices_too(month: MonthAtStripe) -> None:
    """As the subscription has it."""
    taxed_automatically(busy(month))
    assert cancelled(month).automatic_tax.enabled


def test_an_own_invoice_is_charged_to_the_subscriptions_card(month: MonthAtStripe) -> None:
    """Checkout leaves the card on the subscription; the customer has none of their own."""
    own = cancelled(busy(month))
    settings = month.api.customers.retrieve(month.customers["ada"]).invoice_settings
    assert settings
    assert ("paid", "usd", None) == (own.status, own.currency, settings.default_payment_method)


def test_an_own_invoice_is_sent_to_whoever_is_sent_theirs(month: MonthAtStripe) -> None:
    """With the days that they are given."""
    busy(month)
    sent: Any = {"collection_method": "send_invoice", "days_until_due": 14}
    month.api.subscriptions.update(month.subscriptions["ada"], sent)
    own = cancelled(month)
    assert ("send_invoice", "open") == (own.collection_method, own.status)
    assert own.due_date
    assert 14 * DAY.total_seconds() == own.due_date - own.created


def test_a_card_that_fails_leaves_the_lines_owed(month: MonthAtStripe) -> None:
    """What is asked to be paid is the invoice's affair; the overage agrees with it."""
    busy(month)
    card = month.api.payment_methods.attach(FAILS, {"customer": month.customers["ada"]})
    month.api.subscriptions.update(month.subscriptions["ada"], {"default_payment_method": card.id})
    month.renew()
    month.settle()
    assert ("open", State.AGREED) == (month.renewal().status, month.bill().state)


def charge(metric: str, quantity: int, price: str) -> ChargeLine:
    """A charge at a price in cents."""
    return ChargeLine(
        f"charge-{metric}", "ada", metric, quantity, Decimal(price), START, END, f"{metric} of a month"
    )


def test_a_line_has_the_catalogues_price_or_one_of_its_own_product(month: MonthAtStripe) -> None:
    """A period that pinned another price is charged at that, and still shows as the same product."""
    busy(month)
    draft = month.renew()
    month.stripe.add_lines(draft.id, [charge("apiCalls", 7, "1"), charge("aiQueries", 7, "0.5")], "key")
    (price,) = month.api.prices.list({"lookup_keys": ["tollkeeper_apiCalls_overage"]}).data
    found = {
        str(line.metadata["eventType"]): line.pricing.price_details
        for line in month.api.invoices.retrieve(draft.id).lines.data
        if line.metadata and "charge" in line.metadata and line.pricing
    }
    calls, queries = found["apiCalls"], found["aiQueries"]
    assert calls
    assert queries
    assert (price.id, "tollkeeper_aiQueries_overage") == (calls.price, queries.product)
    assert price.id != queries.price


def test_a_removed_line_waits_for_no_other_invoice(month: MonthAtStripe) -> None:
    """Its item is deleted with it."""
    busy(month)
    draft = month.renew()
    month.stripe.add_lines(draft.id, [charge("apiCalls", 7, "1")], "key")
    read = month.stripe.invoice(draft.id)
    assert read
    month.stripe.remove_lines(draft.id, [line.id for line in read.lines])
    pending = month.api.invoice_items.list({"customer": month.customers["ada"]})
    assert [] == pending.data


def test_usage_of_the_closing_second_is_billed_once(month: MonthAtStripe) -> None:
    """The last second is on this invoice, that of the end on the next: never on both, nor on neither."""
    month.subscribe()
    month.at(-SECOND).use(units={"apiCalls": 1_002})
    month.renew()
    month.use(units={"apiCalls": 1_004}, at=END)
    month.use(units={"apiCalls": 1}, at=END - SECOND)  # it happened in time, and is told of a second late
    month.settle()
    assert [3] == month.cents()
    month.move(NEXT_END)
    month.hear()
    for _ in range(8):
        month.move(month.now + RUN).run()
    assert [3, 4] == month.cents()
