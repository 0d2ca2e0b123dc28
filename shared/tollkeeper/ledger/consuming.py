"""The book of consumption: checked and counted in one write, so that a limit holds (DESIGN rules 6 and 8).

DynamoDB's conditions know no arithmetic. So the row is read, the rules say what it may hold at most for the
answer to be yes, and the write is guarded by just that. Whoever loses the race reads again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from tollkeeper.ledger import keys, open_rows, record_rows
from tollkeeper.ledger.day_marks import Marks, marks
from tollkeeper.ledger.lines import Line
from tollkeeper.ledger.listing import listing
from tollkeeper.ledger.pace import Pace
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.record_rows import CONSUMED, REFUSED
from tollkeeper.ledger.rows import USED
from tollkeeper.ledger.table import (
    Cells,
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
    at_most,
    equal,
)
from tollkeeper.ledger.users import Users
from tollkeeper.rules.limits import Allowance, Barrier, allowance
from tollkeeper.rules.metering import shown_metrics
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period, Terms
from tollkeeper.rules.times import epoch
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.rules.users import User, open_period, terms_in_force

REFUSAL_LIFETIME = timedelta(days=1)
"""How long an attempt that got no answer is kept from landing: far longer than a request is under way."""


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
    """What to take back at a time: all that was consumed of a metric under an id, or a quantity of it."""

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
        self._users = Users(table)
        self._offer = offer

    def look(self, user_id: str, now: datetime) -> Consumption:
        """Return where a user stands now, in one read."""
        return self._look(user_id, now)[0]

    def _look(self, user_id: str, now: datetime) -> tuple[Consumption, Row]:
        """Return where a user stands now, and the row of the period, empty if there is none."""
        user, found = self._users.read_rows(user_id, now)
        period = open_period(user, now, self._offer)
        sk = keys.period(user_id, period).sk
        row = next((each for each in found if each["sk"] == sk), {})
        return Consumption(user, period, terms_in_force(user, period, now, self._offer)), row

    def consume(self, record: UsageRecord, patience: Patience) -> Consumption:
        """Count a record if its user's limits allow it. A yes is remembered under its id, a no is not.

        Raises:
            ObstacleError: the id is that of another fact, or was consumed and released.
            ContendedError: the race was lost until time was up; asking again under the same id is safe.
        """
        attempt, unanswered, refused = 0, False, None
        pace = Pace(patience)
        while True:
            seen, row = self._look(record.user_id, record.timestamp)
            if pace.is_crowded(sum(seen.period.used.values())):
                pace.stay_away()
                continue
            bounds = allowance(seen.period, seen.terms, record.metric, record.quantity)
            try:
                if bounds.barrier:
                    known = self._refuse(record, refused) if unanswered else self._record(record)
                    return _again(record, known, seen) if known else replace(seen, barrier=bounds.barrier)
                marking, kept = self._marks(record, seen, row), self._offer.record_lifetime
                self._table.transact(_consumed(record, seen, bounds, refused, row, marking, kept))
            except TransactionCancelledError as cancelled:
                own = cancelled.refused[0].row
                if own is not None and REFUSED not in own:
                    return _again(record, own, seen)
                refused = str(own[REFUSED]) if own else refused
                if not cancelled.only_by_condition:
                    pace.lose()
                    continue
            except UnavailableError:
                unanswered = True  # Whether it was counted is unknown; if so, its record will say it.
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
        attempt, unanswered = 0, False
        while True:
            row = next(self._table.get_all([keys.record(wish.user_id, wish.id)]), None)
            if row is None or CONSUMED not in row:
                raise ObstacleError(Obstacle.UNKNOWN)
            record = record_rows.record(row)
            if record.metric != wish.metric:
                raise ObstacleError(Obstacle.UNKNOWN)
            released = record.quantity if wish.quantity is None else wish.quantity
            if released > record.quantity or row.get("released", released) != released:
                raise ObstacleError(Obstacle.CONFLICT)
            if "released" in row:
                return self.look(wish.user_id, wish.at)
            try:
                self._table.transact(_released(record, str(row[CONSUMED]), released))
            except TransactionCancelledError as cancelled:
                own, period = cancelled.refused[:2]
                closed = "closedAt" in (period.row or {})
                # An attempt that got no answer may still find what is missing now, but no closed period open.
                if period.by_condition and not own.by_condition and (closed or not unanswered):
                    obstacle = Obstacle.PERIOD_CLOSED if closed else Obstacle.CONFLICT
                    raise ObstacleError(obstacle) from cancelled
            except UnavailableError:
                unanswered = True  # Whether it was released is unknown; if so, the record will say it.
            else:
                return self.look(wish.user_id, wish.at)
            patience.wait(attempt)
            attempt += 1

    def _marks(self, record: UsageRecord, seen: Consumption, row: Row) -> Marks:
        """Return how the record marks its day, if it is the first of it by the period's row."""
        shown = shown_metrics(seen.user, self._offer.catalogue)
        return marks([record], shown, record.timestamp, keys.period(record.user_id, seen.period), row)

    def _record(self, record: UsageRecord) -> Row | None:
        """Return what was counted under a record's id."""
        row = next(self._table.get_all([keys.record(record.user_id, record.id)]), None)
        return None if row is None or REFUSED in row else row

    def _refuse(self, record: UsageRecord, refused: str | None) -> Row | None:
        """Take a record's key, so that an attempt which got no answer cannot land any more.

        Return what was counted under the id, if one has landed. A later wish under the id replaces what is
        written here. `refused` is what an earlier one had written.

        Raises:
            TransactionCancelledError: somebody else was at it.
            UnavailableError: it is not known whether the key is taken.
        """
        key = keys.record(record.user_id, record.id)
        cells: Cells = {REFUSED: uuid4().hex, "expiresAt": epoch(record.timestamp + REFUSAL_LIFETIME)}
        again = Change(key, set=cells, only_if=[equal(REFUSED, refused)])
        write = Put(key, cells) if refused is None else again
        try:
            self._table.transact([write])
        except TransactionCancelledError as cancelled:
            row = cancelled.refused[0].row
            if row is None or REFUSED in row:
                raise
            return row
        return None


def _with(seen: Consumption, metric: str, quantity: int) -> Consumption:
    used = {**seen.period.used, metric: seen.period.used.get(metric, 0) + quantity}
    return replace(seen, period=replace(seen.period, used=used))


def _again(record: UsageRecord, row: Row, seen: Consumption) -> Consumption:
    """Answer for an id that was counted before: the same yes, if it is the same fact and still holds."""
    if not record.states_the_same_as(record_rows.record(row)):
        raise ObstacleError(Obstacle.CONFLICT)
    if "released" in row:
        raise ObstacleError(Obstacle.RELEASED)
    return seen


def _consumed(
    record: UsageRecord,
    seen: Consumption,
    bounds: Allowance,
    refused: str | None,
    row: Row,
    marking: Marks,
    lifetime: timedelta,
) -> Sequence[Write]:
    """Return the transaction of a yes: the record, what it adds up to, and where it is listed."""
    period = seen.period
    conditions = [*open_rows.takes(period), equal("terms", period.pinned)]
    if bounds.under_cap and period.pinned:
        conditions.append(equal("spendingCap", period.spending_cap))
    conditions += [at_most(USED + metric, most) for metric, most in bounds.most.items()]
    change = Change(
        keys.period(record.user_id, period),
        begin=open_rows.begins(period),
        set=marking.noted,
        add={USED + record.metric: record.quantity},
        only_if=conditions,
    )
    listed = listing(change.key, [Line.of(record)], row, change, record.timestamp)
    return [
        record_rows.counted(
            record,
            record.timestamp,
            refused,
            lifetime=lifetime,
            consumed_in=keys.period_id(period),
            due=marking.due.get(record.id),
        ),
        listed.within(change),
        *listed.beside,
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
