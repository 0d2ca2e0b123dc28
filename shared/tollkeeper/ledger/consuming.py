"""The book of consumption: checked and counted in one write, so that a limit holds (DESIGN rules 6 and 8).

DynamoDB's conditions know no arithmetic. So the row is read, the rules say what it may hold at most for the
answer to be yes, and the write is guarded by just that. Whoever loses the race reads again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from tollkeeper.ledger import keys, record_rows, rows
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.rows import USED
from tollkeeper.ledger.table import (
    Change,
    Condition,
    Is,
    Put,
    Row,
    Table,
    TransactionCancelledError,
    UnavailableError,
    Write,
    absent,
    equal,
)
from tollkeeper.ledger.users import Users
from tollkeeper.rules.limits import Allowance, Barrier, allowance
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period, Terms
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.rules.users import User, open_period, terms_in_force


class Obstacle(StrEnum):
    """Why an id cannot be used as it is."""

    UNKNOWN = "unknown_id"
    CONFLICT = "id_conflict"
    RELEASED = "already_released"
    PERIOD_CLOSED = "period_closed"


class ObstacleError(Exception):
    """An id was never consumed, is something else's, was released, or its period is closed."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle)
        self.obstacle = obstacle


@dataclass(frozen=True, slots=True)
class Release:
    """What to take back: all that was consumed under an id, or a quantity of it."""

    user_id: str
    id: str
    metric: str
    at: datetime
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class Consumption:
    """What came of a wish to consume: a yes, or the `barrier` in its way.

    `period` holds the counters after it, as far as they are known, and `terms` are those in force.
    """

    user: User
    period: Period
    terms: Terms
    barrier: Barrier | None = None


class Consuming:
    """Consumes, and releases what was consumed."""

    def __init__(self, table: Table, offer: Offer) -> None:
        self._table = table
        self._accounts = Users(table)
        self._offer = offer

    def look(self, user_id: str, now: datetime) -> Consumption:
        """Return where a user stands now, in one read."""
        user = self._accounts.read(user_id, since=now)
        period = open_period(user, now, self._offer)
        return Consumption(user, period, terms_in_force(user, period, now, self._offer))

    def consume(self, record: UsageRecord, patience: Patience) -> Consumption:
        """Count a record if its user's limits allow it. A yes is remembered under its id, a no is not.

        Raises:
            ObstacleError: the id is that of another fact, or was consumed and released.
            ContendedError: the race was lost until time was up; nothing was counted.
        """
        attempt = 0
        while True:
            seen = self.look(record.user_id, record.timestamp)
            bounds = allowance(
                seen.period, seen.terms, record.metric, record.quantity, seen.user.spending_cap
            )
            if bounds.barrier:
                marker = self._marker(record.user_id, record.id)
                return _again(record, marker, seen) if marker else replace(seen, barrier=bounds.barrier)
            try:
                self._table.transact(_consumed(record, seen, bounds))
            except TransactionCancelledError as cancelled:
                if cancelled.refused[0].row is not None:
                    return _again(record, cancelled.refused[0].row, seen)
            except UnavailableError:
                pass  # Whether it was counted is unknown; if so, the marker will say it.
            else:
                return _with(seen, record.metric, record.quantity)
            patience.wait(attempt)
            attempt += 1

    def release(self, wish: Release, patience: Patience) -> Consumption:
        """Take a consumed amount back, once, in the period it was consumed in.

        Releasing the same again changes nothing and answers the same.

        Raises:
            ObstacleError: the id was never consumed of this metric, or less of it was; another amount of it
                was released, or it was corrected away; or the period is closed.
            ContendedError: time was up; releasing again is safe.
        """
        attempt = 0
        while True:
            marker = self._marker(wish.user_id, wish.id)
            if marker is None or "consumed" not in marker or marker["eventType"] != wish.metric:
                raise ObstacleError(Obstacle.UNKNOWN)
            record = record_rows.record(marker)
            released = record.quantity if wish.quantity is None else wish.quantity
            if released > record.quantity or marker.get("released", released) != released:
                raise ObstacleError(Obstacle.CONFLICT)
            if "released" in marker:
                return self.look(wish.user_id, wish.at)
            try:
                self._table.transact(_released(record, str(marker["period"]), released))
            except TransactionCancelledError as cancelled:
                period = cancelled.refused[1]
                if period.by_condition:
                    closed = "closedAt" in (period.row or {})
                    obstacle = Obstacle.PERIOD_CLOSED if closed else Obstacle.CONFLICT
                    raise ObstacleError(obstacle) from cancelled
            except UnavailableError:
                pass  # Whether it was released is unknown; if so, the marker will say it.
            else:
                return self.look(wish.user_id, wish.at)
            patience.wait(attempt)
            attempt += 1

    def _marker(self, user_id: str, record_id: str) -> Row | None:
        return next(self._table.get_all([keys.record(user_id, record_id)]), None)


def _with(seen: Consumption, metric: str, quantity: int) -> Consumption:
    used = {**seen.period.used, metric: seen.period.used.get(metric, 0) + quantity}
    return replace(seen, period=replace(seen.period, used=used))


def _again(record: UsageRecord, marker: Row, seen: Consumption) -> Consumption:
    """Answer for an id that was counted before: the same yes, if it is the same fact and still holds."""
    if not record.states_the_same_as(record_rows.record(marker)):
        raise ObstacleError(Obstacle.CONFLICT)
    if "released" in marker:
        raise ObstacleError(Obstacle.RELEASED)
    return seen


def _consumed(record: UsageRecord, seen: Consumption, bounds: Allowance) -> Sequence[Write]:
    """Return the transaction of a yes: the record, what it adds up to, and the page that lists it."""
    period = seen.period
    marker = record_rows.record_cells(
        record, keys.period_id(period), late=False, unbilled=False, dropped=False
    )
    known = period in seen.user.periods
    conditions = [absent("closedAt"), equal("terms", rows.terms_text(period.terms) if known else None)]
    conditions += [
        Condition(USED + metric, Is.AT_MOST, most) if metric in period.used else absent(USED + metric)
        for metric, most in bounds.most.items()
    ]
    units = {USED + record.metric: record.quantity}
    page = keys.page(
        record.user_id, keys.period_id(period), record.billing_month, record.timestamp, uuid4().hex
    )
    return [
        Put(keys.record(record.user_id, record.id), {**marker, "consumed": True}),
        Change(
            keys.period(record.user_id, period),
            begin=rows.period_bounds(record.user_id, period),
            add=units,
            only_if=conditions,
        ),
        Change(keys.day(record.user_id, record.timestamp.date(), record.facility_id), add=units),
        Put(page, record_rows.page([record])),
    ]


def _released(record: UsageRecord, period_id: str, quantity: int) -> Sequence[Write]:
    counter = USED + record.metric
    return [
        Change(
            keys.record(record.user_id, record.id), set={"released": quantity}, only_if=[absent("released")]
        ),
        Change(
            keys.period_by_id(record.user_id, period_id),
            add={counter: -quantity},
            only_if=[absent("closedAt"), Condition(counter, Is.AT_LEAST, quantity)],
        ),
        Change(
            keys.day(record.user_id, record.timestamp.date(), record.facility_id), add={counter: -quantity}
        ),
    ]
