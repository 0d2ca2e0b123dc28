"""Bills, to rows and back."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal

from tollkeeper.ledger import keys
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.rows import FORM, VERSION, instant, text
from tollkeeper.ledger.table import Cells, Change, Key, Row, equal
from tollkeeper.rules.bills import Bill, State
from tollkeeper.rules.charges import Charge
from tollkeeper.rules.times import parse_iso

FROZEN = tuple(each.name for each in fields(Charge))
"""What a charge is made of."""


def bill(row: Row) -> Bill:
    """Read a bill's row."""
    return Bill(
        user_id=str(row["userId"]),
        customer_id=str(row["stripeCustomerId"]),
        subscription_id=str(row["subscriptionId"]),
        period_start=parse_iso(str(row["periodStart"])),
        period_end=parse_iso(str(row["periodEnd"])),
        state=State(str(row["state"])),
        since=parse_iso(str(row["since"])),
        charges=_charges(str(row["charges"])) if "charges" in row else None,
        invoice_id=text(row, "invoiceId"),
        is_own="isOwn" in row,
        attempt=int(row["attempt"]),
        answered_at=instant(row, "answeredAt"),
        finalizes_at=instant(row, "finalizesAt"),
        passed=tuple(json.loads(str(row.get("passed", "[]")))),
        waived=frozenset(json.loads(str(row.get("waived", "[]")))),
        rev=int(row["rev"]),
    )


def cells(of: Bill) -> Cells:
    """Return a bill as its row has it; what is None is not there."""
    return {
        VERSION: FORM,
        "userId": of.user_id,
        "stripeCustomerId": of.customer_id,
        "subscriptionId": of.subscription_id,
        "periodStart": of.period_start,
        "periodEnd": of.period_end,
        "state": of.state.value,
        "since": of.since,
        "charges": None if of.charges is None else _text(of.charges),
        "invoiceId": of.invoice_id,
        "isOwn": of.is_own or None,
        "attempt": of.attempt,
        "answeredAt": of.answered_at,
        "finalizesAt": of.finalizes_at,
        "passed": json.dumps(of.passed) if of.passed else None,
        "waived": json.dumps(sorted(of.waived)) if of.waived else None,
        "rev": of.rev,
    }


def change(before: Bill | None, after: Bill, due_at: datetime) -> Change:
    """Return the writing of a bill, refused unless it still is what it was `before`; None if it is new."""
    written = cells(replace(after, rev=rev_after(before)))
    waits: Cells = {"due": keys.shard(Due.CHARGE, after.user_id), "dueAt": due_at}
    return Change(
        key(after),
        set={**written, **({} if after.is_final else waits)},
        remove=[
            *(name for name, value in written.items() if value is None),
            *(waits if after.is_final else ()),
        ],
        only_if=[equal("rev", before.rev if before else None)],
    )


def rev_after(before: Bill | None) -> int:
    """Return the revision under which a bill is written next."""
    return before.rev + 1 if before else 1


def key(of: Bill) -> Key:
    """Return the key of a bill's row."""
    return keys.bill(of.user_id, period_id(of))


def period_id(of: Bill) -> str:
    """Return the name of the period that a bill is of."""
    return keys.period_name(of.period_start, of.subscription_id)


def _text(charges: Sequence[Charge]) -> str:
    told = [{**{name: getattr(each, name) for name in FROZEN}, "price": str(each.price)} for each in charges]
    return json.dumps(told, separators=(",", ":"))


def _charges(written: str) -> tuple[Charge, ...]:
    return tuple(Charge(**{**each, "price": Decimal(each["price"])}) for each in json.loads(written))
