"""What was billed at the stand-in agrees with the ledger, or is named; through Stripe's own SDK."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from stripe import Invoice

from tests.integration.month_at_stripe import CATALOGUE, OVERAGE, MonthAtStripe
from tests.ledger.billing_house import MINUTE, endless
from tests.standin.harness import Sandbox
from tollkeeper.catalogue import overage_name
from tollkeeper.periods.reconciler import Compared, Reconciler
from tollkeeper.rules.reconciling import DriftKind


@pytest.fixture
def month(sandbox: Sandbox) -> MonthAtStripe:
    """Ada's busy month, charged and final."""
    month = MonthAtStripe(sandbox).charged()
    assert OVERAGE == sum(month.cents())
    return month


def reconciler(month: MonthAtStripe) -> Reconciler:
    """Return what compares."""
    return Reconciler(month.table, month.stripe, CATALOGUE, "live", month.clock)


def compare(month: MonthAtStripe) -> Compared:
    """Let a run compare Ada's one closed period."""
    found: list[Compared] = []
    reconciler(month).run(endless(), found.append)
    (only,) = found
    return only


def row(month: MonthAtStripe) -> dict[str, Any]:
    """Return the closed row, to be changed by hand."""
    (found,) = [each for each in month.rows("PERIOD#") if "closedAt" in each]
    return found


def in_the_row(month: MonthAtStripe) -> None:
    """Let the row say that more was used, and make the digest fit."""
    row(month)["used_exports"] = 99
    del row(month)["digest"]


def in_the_digest(month: MonthAtStripe) -> None:
    """Change what was incurred before an upgrade, where no charge comes of it."""
    row(month)["used_apiCalls"] = 1_499
    row(month)["incurred_exports"] = 0


def in_the_bill(month: MonthAtStripe) -> None:
    """Freeze another quantity."""
    (bill,) = month.rows("BILL#")
    bill["charges"] = str(bill["charges"]).replace('"quantity":20', '"quantity":21')


def by_a_second_line(month: MonthAtStripe) -> None:
    """Let somebody charge the same again, on an invoice of their own."""
    (line,) = [each for each in own_lines(month.renewal()) if each["eventType"] == "exports"]
    customer = month.customers["ada"]
    item: Any = {
        "customer": customer,
        "amount": 500,
        "currency": "usd",
        "metadata": line,
        "description": "Exports, again",
    }
    made = month.api.invoices.create({"customer": customer, "pending_invoice_items_behavior": "exclude"})
    item["invoice"] = made.id
    month.api.invoice_items.create(item)


def own_lines(invoice: Invoice) -> list[dict[str, str]]:
    """Return the metadata of the lines that are charges."""
    noted = [each.metadata.to_dict() for each in invoice.lines.data if each.metadata]
    return [each for each in noted if "charge" in each]


PLANTED: dict[Callable[[MonthAtStripe], None], set[DriftKind]] = {
    in_the_row: {DriftKind.ROW_DIFFERS},
    in_the_digest: {DriftKind.ROW_DIFFERS, DriftKind.DIGEST_CHANGED},
    in_the_bill: {DriftKind.ROW_DIFFERS, DriftKind.LINE_DIFFERS},
    by_a_second_line: {DriftKind.LINE_DOUBLED},
}


def test_a_month_that_was_charged_agrees(month: MonthAtStripe) -> None:
    """To the unit and the cent, and Stripe sells what the catalogue says."""
    found = compare(month)
    assert ((), (), []) == (found.drifts, found.decisions, reconciler(month).prices())


@pytest.mark.parametrize(
    ("plant", "expected"), PLANTED.items(), ids=lambda each: getattr(each, "__name__", "")
)
def test_planted_drift_is_found(
    month: MonthAtStripe, plant: Callable[[MonthAtStripe], None], expected: set[DriftKind]
) -> None:
    """In each of the places, by its name; and it is announced and written down."""
    plant(month)
    assert expected == {each.kind for each in compare(month).drifts}
    assert [each["kind"] for each in month.rows("ANNOUNCEMENT#")].count("billing.drift") >= len(expected)
    assert [each["action"] for each in month.rows("AUDIT#")].count("BILLING_DRIFT") >= len(expected)


def test_an_amount_that_is_not_the_lines_is_found(month: MonthAtStripe) -> None:
    """Quantities that agree are not enough."""
    (bill,) = month.rows("BILL#")
    bill["charges"] = str(bill["charges"]).replace('"amount":200', '"amount":300')
    assert DriftKind.LINE_DIFFERS in {each.kind for each in compare(month).drifts}


def test_a_credit_note_is_shown_and_changes_nothing(month: MonthAtStripe) -> None:
    """It is a person's decision."""
    invoice = month.renewal()
    asked: Any = {"invoice": invoice.id, "amount": 500, "refund_amount": 500}
    month.api.credit_notes.create(asked)
    found = compare(month)
    said = (f"500 cents credited on {invoice.id}", f"500 cents refunded of {invoice.id}")
    assert ((), said) == (found.drifts, found.decisions)


def test_a_refund_is_shown_beside_the_charge(month: MonthAtStripe) -> None:
    """One without a credit note, in two parts; another customer's is not, nor one that was before."""
    invoice = month.renewal()
    (paid,) = month.api.invoice_payments.list({"invoice": invoice.id}).data
    for cents in (300, 200):
        asked: Any = {"payment_intent": paid.payment.payment_intent, "amount": cents}
        month.api.refunds.create(asked)
    found = compare(month)
    assert ((), (f"500 cents refunded of {invoice.id}",)) == (found.drifts, found.decisions)
    assert 500 == month.stripe.refunded(invoice.id)
    assert {} == month.stripe.refunds_since(month.now + timedelta(seconds=1))


def coupon(month: MonthAtStripe, name: str, *products: str) -> str:
    """Make a coupon for some products, or for all; return its id."""
    asked: Any = {"percent_off": 50, "duration": "forever", "name": name}
    if products:
        asked["applies_to"] = {"products": [*products]}
    return month.api.coupons.create(asked).id


def test_coupons_for_overage_are_listed(month: MonthAtStripe) -> None:
    """What one is for Stripe tells only when asked; those for all, or for a plan, are nobody's concern."""
    assert [] == reconciler(month).unusual()
    for_all = coupon(month, "ALL")
    coupon(month, "PLAN", CATALOGUE.plans["starter"].product_id)
    coupon(month, "EXPORTS", overage_name("exports"), CATALOGUE.plans["starter"].product_id)
    assert "applies_to" not in month.api.coupons.retrieve(for_all)
    (said,) = reconciler(month).unusual()
    assert said.startswith("the coupon EXPORTS is for overage")


def test_drafts_that_would_not_come_to_what_is_owed_are_listed(sandbox: Sandbox) -> None:
    """One whose overage somebody lets a coupon take off, and one that does not advance."""
    month = MonthAtStripe(sandbox)
    subscription = month.subscribe()
    month.use()
    month.renew()
    month.at(MINUTE * 5).run()
    assert [] == reconciler(month).unusual()
    draft = month.renewal()
    lines: Any = [
        {"id": each.id, "discountable": True} for each in draft.lines.data if "charge" in each.metadata
    ]
    month.api.invoices.update_lines(draft.id, {"lines": lines})
    assert [f"a coupon takes 0 of {OVERAGE} cents of overage off on {draft.id}, or may"] == (
        reconciler(month).unusual()
    )
    month.api.subscriptions.cancel(subscription)
    said = f"{draft.id} has {OVERAGE} cents of overage, and does not advance by itself"
    assert said in reconciler(month).unusual()


def test_a_voided_invoice_is_shown_and_changes_nothing(sandbox: Sandbox) -> None:
    """Neither is its overage made again."""
    month = MonthAtStripe(sandbox)
    subscription = month.subscribe()
    month.use()
    failing = month.api.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": month.customers["ada"]}
    )
    month.api.subscriptions.update(subscription, {"default_payment_method": failing.id})
    month.renew()
    month.settle()
    month.api.invoices.void_invoice(month.renewal().id)
    found = compare(month)
    assert ((), 1) == (found.drifts, len(found.decisions))


def test_another_price_at_stripe_is_named(month: MonthAtStripe) -> None:
    """Somebody took the price of exports away."""
    keys = [overage_name("exports")]
    (price,) = month.api.prices.list({"lookup_keys": keys, "active": True}).data
    month.api.prices.update(price.id, {"active": False})
    (said,) = reconciler(month).prices()
    assert "nothing of the kind at Stripe" in said
    month.at(timedelta(days=2))
    assert 1 == reconciler(month).run(endless())["drift"]
