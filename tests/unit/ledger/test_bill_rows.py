"""Rows of bills, spelled as ever: a table outlives the release that wrote them."""

import json
from datetime import datetime, timedelta
from decimal import Decimal

from tests.examples import END, NOW, START
from tollkeeper.ledger import bill_rows
from tollkeeper.rules.bills import Bill, State
from tollkeeper.rules.charges import Charge
from tollkeeper.rules.times import iso

CHARGE = Charge(
    "c-1", "apiCalls", 500, Decimal("0.25"), 125, used=1_500, included=1_000, incurred=3, capped=7
)
ALWAYS = {
    "v": 2,
    "userId": "ada",
    "stripeCustomerId": "cus_ada",
    "subscriptionId": "sub_ada",
    "periodStart": START,
    "periodEnd": END,
    "state": "owed",
    "since": NOW,
    "attempt": 1,
    "rev": 0,
}


def test_what_a_bill_lacks_is_not_there() -> None:
    """Neither as nothing nor as an empty list."""
    bare = Bill("ada", "cus_ada", "sub_ada", START, END, State.OWED, NOW, None)
    written = {name: value for name, value in bill_rows.cells(bare).items() if value is not None}
    assert ALWAYS == written


def test_what_a_bill_has_is_spelled_as_ever() -> None:
    """And read from it again."""
    whole = Bill(
        "ada",
        "cus_ada",
        "sub_ada",
        START,
        END,
        State.RELEASED,
        NOW,
        (CHARGE,),
        invoice_id="in_2",
        is_own=True,
        attempt=3,
        answered_at=NOW,
        finalizes_at=END + timedelta(hours=1),
        passed=("in_1",),
        waived=frozenset({"c-2", "c-1"}),
        rev=4,
    )
    written = bill_rows.cells(whole)
    charges = json.loads(str(written["charges"]))
    assert (
        ALWAYS
        | {
            "state": "released",
            "charges": written["charges"],
            "invoiceId": "in_2",
            "isOwn": True,
            "attempt": 3,
            "answeredAt": NOW,
            "finalizesAt": END + timedelta(hours=1),
            "passed": '["in_1"]',
            "waived": '["c-1", "c-2"]',
            "rev": 4,
        }
        == written
    )
    assert ["c-1"] == [each["id"] if isinstance(each, dict) else each[0] for each in charges]
    row = {name: iso(value) if isinstance(value, datetime) else value for name, value in written.items()}
    assert whole == bill_rows.bill(row)  # type: ignore[arg-type]
