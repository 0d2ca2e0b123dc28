"""In which form rows of users, periods and bills are written, and how those of an older one come to it.

A row says its form in `v`, a period's in its terms, with which it begins; without it, it is of form 1.
Readers take every form: what an older one did not know, it did not have. Bringing rows forward is for the
day on which a reader is to forget an older form.

| form | what is written otherwise |
|---|---|
| 1 | |
| 2 | `v` itself; terms are spelled as `rows.terms_text` spells them now |

A period that is closed stays as it closed, to the letter, since its digest covers its terms.
"""

import json

from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.rows import FORM, VERSION
from tollkeeper.ledger.table import Change, Key, Row, equal


def form_of(row: Row) -> int | None:
    """Return in which form a row is written; None if it is one that has none."""
    key = Key(str(row["pk"]), str(row["sk"]))
    if keys.is_period(key):
        return int(json.loads(str(row["terms"])).get(VERSION, 1))
    return int(row.get(VERSION, 1)) if keys.has_form(key) else None


def forward(row: Row) -> Change | None:
    """Return the change that brings a row to the present form; None if it need not, or may not, be changed.

    It is made on the condition that the row is what was read: whoever changes the row meanwhile, and this one
    done twice or by two, do no harm.
    """
    key, was = Key(str(row["pk"]), str(row["sk"])), form_of(row)
    if was is None or was >= FORM or "closedAt" in row:
        return None
    if keys.is_period(key):
        spelled = rows.terms_text(rows.terms(str(row["terms"])))
        still = [equal("terms", row["terms"]), equal("closedAt", None)]
        return Change(key, set={"terms": spelled}, only_if=still)
    return Change(key, set={VERSION: FORM}, only_if=[equal(VERSION, row.get(VERSION))])
