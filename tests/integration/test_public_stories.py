"""What others have told in public of billing that went wrong, told again here: each test names its thread.

Through Stripe's unmodified SDK against the stand-in, with the real use cases on a table in memory.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk

from tests.integration.month_at_stripe import END, OVERAGE, MonthAtStripe
from tests.ledger.billing_house import DAY, HOUR, MINUTE, endless
from tests.standin.harness import Sandbox
from tollkeeper.ledger.users import Users
from tollkeeper.rules.bills import State

ADD_LINES = "/v1/invoices/*/add_lines"
CENTS = [200, 500, 500]
"""What Ada's busy month costs beyond her plan."""


@pytest.fixture
def month(sandbox: Sandbox) -> MonthAtStripe:
    """Ada, on the starter plan, after a busy month that is about to end."""
    found = MonthAtStripe(sandbox)
    found.subscribe()
    found.at(-DAY).use()
    return found


def pending(month: MonthAtStripe) -> list[str | None]:
    """Return the invoice items that wait for whatever invoice comes next."""
    customer = month.customers["ada"]
    return [
        each.description for each in month.api.invoice_items.list({"customer": customer, "pending": True})
    ]


def payments(month: MonthAtStripe, invoice_id: str) -> list[str]:
    """Return how each payment of an invoice stands."""
    return [each.status for each in month.api.invoice_payments.list({"invoice": invoice_id}).data]


@pytest.mark.parametrize(
    ("answer", "effect"),
    [
        ("endpoint-concurrency", "before"),
        ("429", "before"),
        ("lock_timeout", "before"),
        ("lock_timeout", "after"),
        ("500", "before"),
        ("500", "after"),
        ("lost", "before"),
        ("lost", "after"),
    ],
)
def test_useautumn_autumn_3491_lines_are_not_doubled_after_a_429(
    month: MonthAtStripe, answer: str, effect: str
) -> None:
    """Items made side by side met a limiter, and came twice. Here one call makes all or none."""
    month.renew()
    month.fails(ADD_LINES, answer, effect)
    month.settle()
    assert CENTS == month.cents()
    assert [] == month.asked("POST", "/v1/invoiceitems")
    keys = [each["idempotencyKey"] for each in month.asked("POST", ADD_LINES)]
    repeats = answer in {"endpoint-concurrency", "429", "lost"}
    assert (1 if repeats or effect == "after" else 2) == len({*keys})


def test_useautumn_autumn_3491_a_429_of_what_comes_after_the_lines_adds_none_again(
    month: MonthAtStripe,
) -> None:
    """Whatever fails later is tried again later, and nothing before it."""
    draft = month.renew()
    month.at(5 * MINUTE).fails(f"/v1/invoices/{draft.id}", "429", count=1)
    month.run()
    for _ in range(4):
        month.fails(f"/v1/invoices/{draft.id}", "429", count=3)
        month.at(month.now - END + 5 * MINUTE).run()
    month.fails("/never", "429")
    month.go_on(3 * HOUR)
    assert CENTS == month.cents()


def test_twentyhq_twenty_24264_nobody_collects_beside_stripe(month: MonthAtStripe) -> None:
    """An invoice was paid by call while Stripe collected it, too. What is released is left to Stripe."""
    month.api.subscriptions.cancel(month.subscriptions["ada"])
    month.hear()
    month.settle()
    (own,) = month.own()
    assert ("paid", OVERAGE, ["paid"]) == (own.status, own.amount_paid, payments(month, own.id))
    assert [] == month.asked("POST", "/v1/invoices/*/pay")


def test_twentyhq_twenty_24264_two_runs_at_once_charge_once(month: MonthAtStripe) -> None:
    """Whichever reporter is faster: one line for each overage, and one payment."""
    month.renew()
    month.at(5 * MINUTE)
    reporters = [month.reporter() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        [*pool.map(lambda each: each.run(endless()), reporters)]
    month.go_on(3 * HOUR)
    assert CENTS == month.cents()
    assert ["paid"] == payments(month, month.renewal().id)


def test_macro_inc_macro_6336_a_leftover_pending_item_is_billed_to_nobody(month: MonthAtStripe) -> None:
    """An item left pending by a failed charge was swept onto the next invoice, and billed twice."""
    draft = month.renew()
    month.at(5 * MINUTE).run()
    assert CENTS == month.cents_on(draft.id)
    month.api.subscriptions.cancel(month.subscriptions["ada"])
    month.hear()
    month.go_on(3 * HOUR)
    assert ([], CENTS, []) == (month.cents_on(draft.id), month.cents(), pending(month))


def test_macro_inc_macro_6336_an_own_invoice_sweeps_up_nothing(month: MonthAtStripe) -> None:
    """What somebody else left pending for a customer stays where it is."""
    item: Any = {"customer": month.customers["ada"], "amount": 700, "currency": "usd", "description": "Paint"}
    month.api.subscriptions.cancel(month.subscriptions["ada"])
    month.api.invoice_items.create(item)
    month.hear()
    month.settle()
    (own,) = month.own()
    assert (OVERAGE, ["Paint"]) == (own.total, pending(month))


def test_langfuse_15917_a_report_that_is_replayed_bills_once(month: MonthAtStripe) -> None:
    """A job that ran again sent the same usage again. The second run finds what the first has done."""
    month.renew()
    month.at(5 * MINUTE)
    for _ in range(3):
        month.fails(ADD_LINES, "lost", "after")
        month.run()
    before = {key: row for key, row in month.table.rows.items() if key.sk.startswith("BILL#")}
    month.fails("/never", "lost")
    month.at(30 * HOUR)  # by now Stripe has forgotten the key
    month.table.rows.update(before)
    month.run()
    month.go_on(33 * HOUR, every=HOUR)
    assert CENTS == month.cents()


def test_langfuse_16292_a_key_that_stripe_refuses_holds_nothing_up(month: MonthAtStripe) -> None:
    """The fix sent a fixed key, and stalled for good on the refusal of it. Here the next key is tried."""
    draft = month.renew()
    month.at(5 * MINUTE).fails(ADD_LINES, "429")
    month.run()
    (call,) = month.asked("POST", ADD_LINES)
    month.fails(ADD_LINES, "lock_timeout")
    other: Any = {"lines": [{"amount": 1, "description": "somebody's"}]}
    with pytest.raises(sdk.StripeError):  # it begins, and fails for good under this key
        month.api.invoices.add_lines(draft.id, other, {"idempotency_key": call["idempotencyKey"]})
    month.go_on(3 * HOUR)
    assert (CENTS, State.AGREED) == (month.cents(), month.bill().state)


@pytest.mark.parametrize("when", ["now", "at the period's end"])
def test_bencherdev_bencher_951_usage_is_not_lost_on_cancel(month: MonthAtStripe, when: str) -> None:
    """A subscription that ends is not renewed: its overage had no invoice to go onto, and was given away."""
    if when == "now":
        month.api.subscriptions.cancel(month.subscriptions["ada"])
    else:
        month.api.subscriptions.update(month.subscriptions["ada"], {"cancel_at_period_end": True})
        month.at(timedelta(0))
    month.hear()
    month.settle()
    (own,) = month.own()
    assert (CENTS, "paid", State.AGREED) == (month.cents(), own.status, month.bill().state)


def test_polarsource_polar_11427_an_upgrade_wipes_neither_quota_nor_overage(month: MonthAtStripe) -> None:
    """A new plan began with an empty meter. Here what was used stays used, and what it cost is owed."""
    subscription = month.api.subscriptions.retrieve(month.subscriptions["ada"])
    (item,) = subscription["items"].data
    upgrade: Any = {
        "items": [{"id": item.id, "price": month.price("professional")}],
        "proration_behavior": "always_invoice",
    }
    month.api.subscriptions.update(subscription.id, upgrade)
    month.hear()
    (period,) = (
        each
        for each in Users(month.table).read("ada", month.now).periods
        if each.subscription_id == subscription.id
    )
    assert ({"apiCalls": 1_500, "aiQueries": 120, "exports": 60}, "professional", 10_000) == (
        period.used,
        period.terms.plan,
        period.terms.limit("apiCalls"),
    )
    month.renew()
    month.settle()
    assert CENTS == month.cents()
