"""The last decision as an attribute of a user's row, and back."""

import json

from tollkeeper.ledger.table import Row
from tollkeeper.rules.decisions import Choice, Decision, Wish
from tollkeeper.rules.times import iso, parse_iso

NAME = "decision"


def written(of: Decision) -> str:
    """Write a decision as one attribute, so that one condition can say that it is still the last."""
    return json.dumps(
        {
            "number": of.number,
            "choice": of.wish.choice.value,
            "target": of.wish.target,
            "key": of.wish.key,
            "at": iso(of.at),
            "done": of.done,
            "attempt": of.attempt,
        },
        separators=(",", ":"),
    )


def decision(row: Row) -> Decision | None:
    """Return the last decision that a user's row tells, if it tells one."""
    if NAME not in row:
        return None
    values = json.loads(str(row[NAME]))
    wish = Wish(Choice(values["choice"]), values["target"], values["key"])
    return Decision(values["number"], wish, parse_iso(values["at"]), values["done"], values["attempt"])
