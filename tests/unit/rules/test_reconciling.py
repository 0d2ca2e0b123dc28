"""Row, charges and lines of a closed period agree, or it is named where they do not."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.examples import END, NOW, PERIOD, START
from tollkeeper.rules.bills import Bill, State
from tollkeeper.rules.charges import charges
from tollkeeper.rules.digests import digest, is_unchanged
from tollkeeper.rules.invoices import Invoice, InvoiceLine, InvoiceStatus
from tollkeeper.rules.periods import Period
from tollkeeper.rules.reconciling import Drift, DriftKind, dangers, decisions, drifts, line_drifts

METRICS = sorted(PERIOD.terms.prices)


@st.composite
def closed(draw: st.DrawFn) -> Period:
    """Any closed period of Ada's."""
    used = draw(st.dictionaries(st.sampled_from(METRICS), st.integers(0, 40_000)))
    cap = draw(st.none() | st.integers(0, 20_000))
    period = replace(PERIOD, used=used, spending_cap=cap, closed_at=END, pinned="as written")
    return replace(period, digest=digest(period))


def agreed(period: Period) -> Bill:
    """The bill of a period whose invoice is final."""
    owed = charges("live", "ada", period)
    bill = Bill("ada", "cus_ada", "sub_ada", START, END, State.AGREED, NOW)
    return replace(bill, charges=owed, invoice_id="in_1")


def billed(bill: Bill, invoice_id: str = "in_1") -> Invoice:
    """The invoice that says what a bill says."""
    lines = tuple(
        InvoiceLine(f"il_{number}", each.id, each.quantity, each.amount)
        for number, each in enumerate(bill.charges or ())
    )
    return Invoice(invoice_id, InvoiceStatus.PAID, advances=True, created=END, lines=lines)


def found(period: Period, bill: Bill | None, *invoices: Invoice) -> list[Drift]:
    """What does not agree."""
    by_lines = line_drifts(bill, invoices) if bill else ()
    return [*drifts("live", "ada", period, bill), *by_lines]


@given(closed())
def test_what_was_billed_as_the_rules_say_always_agrees(period: Period) -> None:
    """Whatever was used, under whatever cap."""
    bill = agreed(period)
    assert [] == found(period, bill, billed(bill))


@given(closed(), st.sampled_from(METRICS), st.integers(1, 10_000))
def test_a_changed_counter_always_changes_the_digest(period: Period, metric: str, more: int) -> None:
    """Also where it changes no charge, as below the limit."""
    changed = replace(period, used={**period.used, metric: period.used.get(metric, 0) + more})
    assert DriftKind.DIGEST_CHANGED in {each.kind for each in found(changed, agreed(changed))}


@given(
    closed(),
    st.sampled_from(
        [
            {"start": NOW},
            {"end": NOW},
            {"end": None},
            {"subscription_id": "sub_other"},
            {"closed_at": NOW},
            {"pinned": "otherwise"},
            {"incurred": {"apiCalls": 1}},
            {"spending_cap": 20_001},
            {"beyond": {"apiCalls": 1}},
        ]
    ),
)
def test_whatever_else_a_charge_comes_from_is_in_the_digest(period: Period, change: dict[str, Any]) -> None:
    """Bounds, owner, close, terms, what an upgrade froze, the cap, and what an earlier one kept off."""
    assert not is_unchanged(replace(period, **change))


@given(closed(), closed())
def test_other_charges_than_the_rows_are_always_found(one: Period, other: Period) -> None:
    """Each metric that differs, and no other."""
    ours, theirs = (
        {each.metric: (each.quantity, each.amount) for each in charges("live", "ada", period)}
        for period in (one, other)
    )
    differing = {metric for metric in METRICS if ours.get(metric) != theirs.get(metric)}
    bill = agreed(other)
    named = {each.metric for each in found(one, bill, billed(bill)) if each.kind is DriftKind.ROW_DIFFERS}
    assert differing == named


@given(closed(), st.data())
def test_a_line_that_is_changed_is_always_found(period: Period, data: st.DataObject) -> None:
    """Edited, taken away or doubled, it is named with its metric."""
    bill = agreed(period)
    if not bill.charges:
        return
    invoice = billed(bill)
    at = data.draw(st.integers(0, len(invoice.lines) - 1))
    line = invoice.lines[at]
    others = (*invoice.lines[:at], *invoice.lines[at + 1 :])
    lines, expected = data.draw(
        st.sampled_from(
            [
                ((*others, replace(line, quantity=line.quantity + 1)), DriftKind.LINE_DIFFERS),
                ((*others, replace(line, amount=line.amount + 2)), DriftKind.LINE_DIFFERS),
                (others, DriftKind.LINE_MISSING),
                ((*invoice.lines, line), DriftKind.LINE_DOUBLED),
            ]
        )
    )
    (drift,) = found(period, bill, replace(invoice, lines=lines))
    assert (expected, bill.charges[at].metric) == (drift.kind, drift.metric)


def test_a_cent_may_be_rounded_otherwise() -> None:
    """How Stripe rounds half a cent is its own affair."""
    bill = agreed(replace(PERIOD, used={"apiCalls": 15_000}, closed_at=END))
    invoice = billed(bill)
    off = tuple(replace(each, amount=each.amount + 1) for each in invoice.lines)
    assert [] == [*line_drifts(bill, [replace(invoice, lines=off)])]


def test_a_waived_charge_is_shown_and_no_drift_unless_it_is_asked_for() -> None:
    """A person took it off; if it stands somewhere all the same, that is undue."""
    bill = agreed(replace(PERIOD, used={"apiCalls": 15_000}, closed_at=END))
    waived = replace(bill, waived=frozenset(each.id for each in bill.charges or ()))
    assert ([], ["apiCalls waived"]) == ([*line_drifts(waived, [])], [*decisions(waived, [])])
    assert [DriftKind.LINE_UNDUE] == [each.kind for each in line_drifts(waived, [billed(bill)])]


def test_credit_notes_refunds_and_coupons_are_shown_beside_the_charge() -> None:
    """They change nothing of what was charged."""
    bill = agreed(replace(PERIOD, used={"apiCalls": 15_000}, closed_at=END))
    invoice = billed(bill)
    less = tuple(replace(each, discount=70) for each in invoice.lines)
    shown = decisions(bill, [replace(invoice, lines=less, credited=500)], {"in_1": 300, "in_2": 7})
    assert [
        "500 cents credited on in_1",
        "300 cents refunded of in_1",
        "a coupon takes 70 cents of overage off on in_1",
    ] == [*shown]


def test_a_draft_is_dangerous_that_would_not_come_to_what_is_owed() -> None:
    """Because a coupon takes something off, or may, or because nobody collects it."""
    bill = agreed(replace(PERIOD, used={"apiCalls": 15_000}, closed_at=END))
    draft = replace(billed(bill), status=InvoiceStatus.DRAFT, advances=True)
    exposed = tuple(replace(each, discountable=True) for each in draft.lines)
    cut = tuple(replace(each, discount=70) for each in draft.lines)
    assert [] == [*dangers(draft)]
    assert ["a coupon takes 0 of 5000 cents of overage off on in_1, or may"] == [
        *dangers(replace(draft, lines=exposed))
    ]
    assert ["a coupon takes 70 of 5000 cents of overage off on in_1, or may"] == [
        *dangers(replace(draft, lines=cut))
    ]
    assert ["in_1 has 5000 cents of overage, and does not advance by itself"] == [
        *dangers(replace(draft, advances=False))
    ]


def test_a_period_that_closed_before_digests_were_kept_is_not_judged_by_one() -> None:
    """Its row is still compared with its charges."""
    assert is_unchanged(replace(PERIOD, closed_at=datetime.max.replace(tzinfo=END.tzinfo)))
    assert Decimal(1) == PERIOD.terms.prices["apiCalls"]
