"""Users who ask to be forgotten: what goes, and what stays under a pseudonym (docs/keeping.md says why).

| rows | what becomes of them |
|---|---|
| profile, records, days, pages, announcements, Stripe's answer, periods that closed nothing | they go |
| closed periods, bills with their charges, audit entries | they stay, under the pseudonym; no record's id |

The pseudonym is random: nobody who knows the user can come upon it, and no table leads from one to the other.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from secrets import token_hex

from tollkeeper.ledger import bill_rows, entry_rows, keys, rows
from tollkeeper.ledger.lines import EMPTIED, LINES, listed_in, names
from tollkeeper.ledger.record_rows import lines
from tollkeeper.ledger.table import (
    Change,
    Delete,
    Key,
    Put,
    Row,
    Table,
    TransactionCancelledError,
    Write,
    absent,
    equal,
)
from tollkeeper.rules.audit import Action, AuditEntry

PSEUDONYM = "erasedAs"
TOGETHER = 50
"""Rows that are taken on in one transaction: each is at most two writes."""

MOST_PASSES = 5
"""So often a partition is read: usage may still come in meanwhile."""

NOT_KEPT = (LINES, EMPTIED, "marked", "due", "dueAt")
"""What a closed row has beside what it billed: lists of records, and work that is left."""


class NotErasableError(Exception):
    """Something is still owed or bought; the message says what to do first."""


class Erasing:
    """Erases users. It may be stopped and begun again, and goes on under the same pseudonym."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def erase(self, user_id: str, actor: str, now: datetime) -> str:
        """Erase a user on request; return the pseudonym that what must stay stands under.

        Raises:
            NotErasableError: a subscription lives, or a period or a bill is open.
        """
        found = self._all(user_id)
        _see_that_nothing_is_open(user_id, found)
        pseudonym = self._pseudonym(user_id, found)
        for _ in range(MOST_PASSES):
            left = [row for row in found if row["sk"] != keys.PROFILE]
            for row in left:
                self._take_on(user_id, pseudonym, row)
            found = self._all(user_id)
            if len(found) <= 1:
                break
        else:
            raise NotErasableError("Usage of this user goes on coming in: stop sending it, and ask again.")
        entry = AuditEntry(pseudonym, now, actor, Action.USER_ERASED, "user", pseudonym, {})
        noted = Put(keys.audit(pseudonym, now, token_hex(8)), entry_rows.audit_entry(entry))
        self._table.transact([Delete(keys.profile(user_id)), noted])
        return pseudonym

    def _all(self, user_id: str) -> list[Row]:
        return self._table.query(keys.user(user_id), *keys.everything())

    def _pseudonym(self, user_id: str, found: list[Row]) -> str:
        """Return the pseudonym under which an erasing was begun, or begin one."""
        profile = _profile(found)
        if PSEUDONYM in profile:
            return str(profile[PSEUDONYM])
        pseudonym = f"erased-{token_hex(8)}"
        # Nothing may have been bought since it was read.
        still = [absent(PSEUDONYM), equal("rev", profile.get("rev"))]
        try:
            self._table.transact([Change(keys.profile(user_id), set={PSEUDONYM: pseudonym}, only_if=still)])
        except TransactionCancelledError as error:
            raise NotErasableError("The user's row changes just now: ask again.") from error
        return pseudonym

    def _take_on(self, user_id: str, pseudonym: str, row: Row) -> None:
        """Move a row or end it, and before it the records that it lists."""
        key = Key(str(row["pk"]), str(row["sk"]))
        listed = list(_records(user_id, key, row))
        for start in range(0, len(listed), TOGETHER):
            self._table.transact([Delete(each) for each in listed[start : start + TOGETHER]])
        writes: list[Write] = [Delete(key)]
        if _stays(key, row):
            writes.append(Put(keys.of_another(key, pseudonym), _renamed(row, user_id, pseudonym)))
        self._table.transact(writes)


def _see_that_nothing_is_open(user_id: str, found: list[Row]) -> None:
    periods = tuple(rows.period(row) for row in found if keys.is_period(Key(str(row["pk"]), str(row["sk"]))))
    user = rows.user(user_id, _profile(found) or None, periods)
    if user.subscription and user.subscription.is_live:
        raise NotErasableError("A subscription lives: cancel it first, at once, and let its period close.")
    if any(each.is_open and each.subscription_id for each in periods):
        raise NotErasableError("A period has yet to close: the reporter does it within the hour.")
    bills = [bill_rows.bill(row) for row in found if keys.is_bill(Key(str(row["pk"]), str(row["sk"])))]
    if any(not each.is_final for each in bills):
        raise NotErasableError("A bill is under way: wait until its invoice is final.")


def _profile(found: list[Row]) -> Row:
    return next((row for row in found if row["sk"] == keys.PROFILE), {})


def _stays(key: Key, row: Row) -> bool:
    return keys.is_bill(key) or keys.is_audit(key) or (keys.is_period(key) and "closedAt" in row)


def _records(user_id: str, key: Key, row: Row) -> Iterator[Key]:
    """Return the keys of the records that a period's row or a page lists."""
    if keys.is_period(key):
        yield from (keys.record(user_id, each.id) for each in listed_in(row))
    if keys.is_page(key):
        yield from (keys.record(user_id, each.id) for each in lines(row))


def _renamed(row: Row, user_id: str, pseudonym: str) -> Row:
    """Return a row without its key and what is not kept, the user's id in it replaced."""
    gone = {"pk", "sk", *NOT_KEPT, *names(row)}
    kept: Row = {name: value for name, value in row.items() if name not in gone}
    for name in ("actor", "entityId", "userId"):
        if kept.get(name) == user_id:
            kept[name] = pseudonym
    if "details" in kept:
        whom = json.dumps(user_id)
        kept["details"] = str(kept["details"]).replace(whom, json.dumps(pseudonym))
    return kept
