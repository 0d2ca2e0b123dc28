"""The book of ended periods: closed once, and what Stripe must be told of them (DESIGN rules 11 and 12)."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from tollkeeper.ledger import entry_rows, keys, rows
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.rows import USED
from tollkeeper.ledger.table import Change, Key, Put, Table, TransactionCancelledError, Write, absent, equal
from tollkeeper.rules.audit import Action, AuditEntry
from tollkeeper.rules.metering import MeterEvent
from tollkeeper.rules.periods import Period
from tollkeeper.rules.times import iso, parse_iso


class PeriodMovedError(Exception):
    """The period's counters moved, or somebody closed it, since it was read. Read it again."""


class EndedPeriod(NamedTuple):
    """A period whose end has come, by its user and its name among the user's periods."""

    user_id: str
    start: datetime
    period_id: str


class UnsentEvent(NamedTuple):
    """A frozen meter event that nobody has noted as sent, with the time at which it was frozen."""

    key: Key
    event: MeterEvent
    frozen_at: datetime


class Closing:
    """Closes periods and keeps the outbox of meter events."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def ended(self, until: datetime) -> Iterator[EndedPeriod]:
        """Return the open periods that ended at `until` or before; the cost follows their number alone."""
        for shard in keys.shards(Due.CLOSE):
            for key in self._table.due(shard, iso(until)):
                yield EndedPeriod(*keys.read_period(key))

    def close(self, user_id: str, period: Period, events: Mapping[str, MeterEvent], now: datetime) -> None:
        """Close a period as it was read, and freeze what it comes to, in one transaction.

        Raises:
            PeriodMovedError: it is not as it was read any more.
        """
        units = {metric: str(event.value) for metric, event in events.items()}
        name = keys.period_id(period)
        entry = AuditEntry(user_id, now, "reporter", Action.PERIOD_CLOSED, "period", name, {"after": units})
        writes: list[Write] = [_closed(user_id, period, now)]
        writes += [_frozen(user_id, period, metric, event, now) for metric, event in events.items()]
        writes.append(Put(keys.audit(user_id, now, uuid4().hex), entry_rows.audit_entry(entry)))
        try:
            self._table.transact(writes)
        except TransactionCancelledError as error:
            raise PeriodMovedError from error

    def unsent(self, until: datetime) -> Iterator[UnsentEvent]:
        """Return the frozen meter events that are not noted as sent."""
        for shard in keys.shards(Due.SEND):
            for row in self._table.get_all(self._table.due(shard, iso(until))):
                if "due" in row:  # if not, it was sent since the index was read, which lags behind the table
                    yield UnsentEvent(
                        key=Key(str(row["pk"]), str(row["sk"])),
                        event=rows.meter_event(row),
                        frozen_at=parse_iso(str(row["frozenAt"])),
                    )

    def note_sent(self, unsent: UnsentEvent, now: datetime) -> None:
        """Note that Stripe has taken a meter event."""
        self._table.transact([Change(unsent.key, set={"sentAt": now}, remove=["due", "dueAt"])])


def _closed(user_id: str, period: Period, now: datetime) -> Change:
    """Return the closing of a period, if it still is what its overage was computed from."""
    unmoved = [equal(USED + metric, period.used.get(metric)) for metric in period.terms.prices]
    return Change(
        keys.period(user_id, period),
        set={"closedAt": now},
        remove=["due", "dueAt"],
        only_if=[
            absent("closedAt"),
            absent("void"),
            equal("terms", period.pinned),
            equal("periodEnd", period.end),
            equal("spendingCap", period.spending_cap),
            *unmoved,
        ],
    )


def _frozen(user_id: str, period: Period, metric: str, event: MeterEvent, now: datetime) -> Put:
    return Put(
        keys.outbox(user_id, period, metric),
        {
            **rows.meter_event_cells(event),
            "userId": user_id,
            "frozenAt": now,
            "due": keys.shard(Due.SEND, user_id),
            "dueAt": now,
        },
    )
