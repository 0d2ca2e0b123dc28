"""The book of ended periods: closed once, and what Stripe must be told of them (DESIGN rules 11 and 12)."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.keys import Due, Key
from tollkeeper.ledger.rows import USED, Value, marshal
from tollkeeper.ledger.table import Table, TransactionCancelledError, Write
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
        details = {"after": {metric: str(event.value) for metric, event in events.items()}}
        entry = AuditEntry(
            user_id, now, "reporter", Action.PERIOD_CLOSED, "period", keys.period_id(period), details
        )
        writes = [self._close(user_id, period, now)]
        writes += [self._freeze(user_id, period, metric, event, now) for metric, event in events.items()]
        writes.append(self._table.put(keys.audit(user_id, now, uuid4().hex), rows.audit_item(entry)))
        try:
            self._table.transact(writes)
        except TransactionCancelledError as error:
            raise PeriodMovedError from error

    def _close(self, user_id: str, period: Period, now: datetime) -> Write:
        conditions = ["attribute_not_exists(closedAt)", "terms = :terms", "periodEnd = :end"]
        values: dict[str, Value | datetime | None] = {
            ":now": now,
            ":terms": rows.terms_text(period.terms),
            ":end": period.end,
        }
        for metric in period.terms.prices:
            if metric in period.used:
                conditions.append(f"{USED}{metric} = :was_{metric}")
                values[f":was_{metric}"] = period.used[metric]
            else:
                conditions.append(f"attribute_not_exists({USED}{metric})")
        return self._table.update(
            keys.period(user_id, period),
            "SET closedAt = :now REMOVE due, dueAt",
            marshal(values),
            condition=" AND ".join(conditions),
        )

    def _freeze(self, user_id: str, period: Period, metric: str, event: MeterEvent, now: datetime) -> Write:
        item = marshal(
            {
                "userId": user_id,
                "identifier": event.identifier,
                "eventName": event.name,
                "stripeCustomerId": event.customer_id,
                "value": event.value,
                "timestamp": event.timestamp,
                "frozenAt": now,
                "due": keys.shard(Due.SEND, user_id),
                "dueAt": now,
            }
        )
        return self._table.put(keys.outbox(user_id, period, metric), item)

    def unsent(self, until: datetime) -> Iterator[UnsentEvent]:
        """Return the frozen meter events that are not noted as sent."""
        for shard in keys.shards(Due.SEND):
            for item in self._table.get_all(self._table.due(shard, iso(until))):
                row = rows.unmarshal(item)
                if "due" not in row:
                    continue  # Sent since the index was read, which lags a moment behind the table.
                event = MeterEvent(
                    identifier=str(row["identifier"]),
                    name=str(row["eventName"]),
                    customer_id=str(row["stripeCustomerId"]),
                    value=int(row["value"]),
                    timestamp=parse_iso(str(row["timestamp"])),
                )
                yield UnsentEvent(Key(str(row["pk"]), str(row["sk"])), event, parse_iso(str(row["frozenAt"])))

    def note_sent(self, unsent: UnsentEvent, now: datetime) -> None:
        """Note that Stripe has taken a meter event."""
        self._table.transact(
            [self._table.update(unsent.key, "SET sentAt = :now REMOVE due, dueAt", marshal({":now": now}))]
        )
