"""A user in the ledger and in the model, and what must hold of both after whatever is done to them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count as count_from
from typing import ClassVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.fakes.table import MemoryTable
from tests.ledger.model import Model, Place
from tests.ledger.stripe_world import World
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys, record_rows, rows
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.lines import Line, listed_in
from tollkeeper.ledger.record_rows import CountedRecord
from tollkeeper.ledger.table import Row, Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period
from tollkeeper.rules.usage import FURTHEST_AHEAD
from tollkeeper.rules.users import period_at, period_key_at
from tollkeeper.views.subscription import overview

BEGINNING = datetime(2026, 1, 20, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
ON_ITS_WAY = 69 * DAY
"""How old the stamps of records are that are counted by the user's row alone."""

OFFER = Offer(load(), date(2000, 1, 1))

_users = (f"user-{number}" for number in count_from())


class CountedUser(RuleBasedStateMachine):
    """One user in the ledger and in the model, and what must hold of both after each step."""

    make_table: Callable[[], Table] = MemoryTable
    marks: ClassVar[Counter[str]] = Counter()
    """How often something rare came about, in all sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.table = type(self).make_table()
        self._closing = Closing(self.table)
        self.user = next(_users)
        self.model = Model()
        self.world = World(self.user, BEGINNING)
        self.users = Users(self.table)
        self.numbers = count_from()
        self.is_prompt, self.closes, self.is_overdue = True, True, False
        self.steps = 0

    def teardown(self) -> None:
        """Tell what came about."""
        self.marks.update({"sequences": 1, "steps": self.steps})
        self.marks.update(+self.model.marks)

    @property
    def now(self) -> datetime:
        """The time."""
        return self.world.now

    def _rows(self, first: str, last: str) -> Sequence[Row]:
        return self.table.query(keys.user(self.user), first, last)

    def _periods(self) -> list[Period]:
        return [rows.period(row) for row in self._rows(*keys.periods_alone())]

    def _lines(self) -> Iterator[tuple[str, Line]]:
        for row in self._rows(*keys.periods_alone()):
            listed = listed_in(row)
            assert len(listed) == row.get("lines", 0)
            yield from ((str(row["sk"]), line) for line in listed)

    def _instants(self) -> Iterator[datetime]:
        yield from (self.now, self.now + FURTHEST_AHEAD, self.now - 34 * DAY, self.now - 90 * DAY)
        for each in self.model.stretches[-6:]:
            yield from (each.start - SECOND, each.start)
            yield from (each.end - SECOND, each.end) if each.end else ()

    @invariant()
    def steps_are_counted(self) -> None:
        """A sequence may be shorter than it might be."""
        self.steps += 1

    @invariant()
    def all_name_the_same_period(self) -> None:
        """Tracker, consume, check, reader and close name for each instant the period that the model names."""
        (alone,) = self.users.profiles([self.user])
        history, instants = self.users.history(self.user), set(self._instants())
        recent = {each for each in instants if self.now - ON_ITS_WAY <= each <= self.now + FURTHEST_AHEAD}
        together = self.users.read(self.user, self.now, recent)
        # Each step reads another of them by itself.
        single = sorted(instants)[self.steps % len(instants)]
        for instant in instants:
            expected = self.model.at(instant)
            name = (expected.start, expected.owner)
            if instant in recent:
                assert name == period_key_at(alone, instant)
            users = [history, *([together] if instant in recent else [])]
            if instant == single:
                users.append(self.users.read(self.user, self.now, [instant]))
            for user in users:
                found = period_at(user, instant, OFFER)
                assert (*name, expected.end, expected.closed) == (
                    found.start,
                    found.subscription_id,
                    found.end,
                    found.closed_at is not None,
                )
        closable = {
            keys.period_of(self.user, each.start, each.owner).sk for each in self.model.ended(self.now)
        }
        due = {f"PERIOD#{name}" for user, name in self._closing.ended(self.now) if user == self.user}
        assert closable == due
        present, open_now = (
            Consuming(self.table, OFFER).look(self.user, self.now).period,
            self.model.open_at(self.now),
        )
        assert (open_now.start, open_now.owner, +open_now.used) == (
            present.start,
            present.subscription_id,
            +Counter(present.used),
        )
        shown, holding = overview(together, OFFER, self.now), self.model.at(self.now)
        assert (holding.start, holding.end) == (shown.current_period_start, shown.current_period_end)

    @invariant()
    def periods_are_the_models(self) -> None:
        """Every period holds what the model counted in it, is as open or closed, and as the model capped."""
        expected = {
            (each.owner, each.start): (
                (None, "void") if each.void else (each.end, "closed" if each.closed else "open"),
                +each.used,
                +each.frozen,
                each.plan if each.bills else None,
                (each.cap, +each.forgiven) if each.bills else None,
            )
            for each in self.model.stretches
            if +each.used or (each.owner and each.end and not each.void)
        }
        actual = {
            (each.subscription_id, each.start): (
                (None, "void") if each.is_void else (each.end, "closed" if each.closed_at else "open"),
                +Counter(each.used),
                +Counter(each.incurred),
                each.terms.plan if each.terms.billed else None,
                (each.spending_cap, +Counter(each.beyond)) if each.terms.billed else None,
            )
            for each in self._periods()
            if +Counter(each.used) or (each.subscription_id and each.end and not each.is_void)
        }
        assert expected == actual

    @invariant()
    def charges_are_the_models(self) -> None:
        """What a closed period owes is what the model bills."""
        actual: dict[tuple[str | None, datetime], Counter[str]] = {}
        for bill in Bills(self.table).of_user(self.user):
            units = {each.metric: each.quantity for each in bill.charges or ()}
            actual[bill.subscription_id, bill.period_start] = Counter(units)
        assert self.model.charges == actual

    @invariant()
    def timeline_and_rows_agree(self) -> None:
        """What the user's row tells of periods is what their own rows say; and what is open can close."""
        user = self.users.history(self.user)
        (alone,) = self.users.profiles([self.user])
        assert set() == {*alone.timeline} - {each.stretch for each in user.periods}
        told = {(each.start, each.subscription_id) for each in alone.timeline}
        waiting = {name for _, name in self._closing.ended(datetime.max.replace(tzinfo=UTC))}
        chosen = user.subscription
        for each in user.periods:
            if each.subscription_id is None or not each.is_open:
                continue
            if each.end is None:
                assert chosen
                assert chosen.renews
                assert (chosen.period_end, chosen.id) == (each.start, each.subscription_id)
            else:
                assert keys.period_id(each) in waiting
                assert each.end < self.now - ON_ITS_WAY or (each.start, each.subscription_id) in told

    @invariant()
    def days_add_up(self) -> None:
        """The days and facilities, with the lines of periods' rows, hold the same units as the records."""
        actual = Counter(
            {
                (*str(row["sk"]).split("#")[1:], name.removeprefix(rows.USED)): int(value)
                for row in self._rows("DAY#", "DAY$")
                for name, value in row.items()
                if name.startswith(rows.USED)
            }
        )
        for _, line in self._lines():
            actual[line.day.isoformat(), line.facility_id or "", line.metric] += line.quantity
        expected = {day: units for day, units in self.model.days.items() if units}
        assert expected == {day: units for day, units in actual.items() if units}

    @invariant()
    def each_record_is_kept_and_listed_once(self) -> None:
        """Each counted record stands once under its id, and once on a page or in the row of its period."""
        listed = [
            (name, metric, quantity, _period_of(str(row["sk"])))
            for row in self._rows("PAGE#", "PAGE$")
            for metric, those in json.loads(str(row["records"])).items()
            for name, quantity in those.items()
        ]
        listed += [(line.id, line.metric, line.quantity, _period_of(sk)) for sk, line in self._lines()]
        expected = [(each.id, each.metric, each.quantity) for each in self.model.counted.values()]
        assert sorted(expected) == sorted(each[:3] for each in listed)
        periods = {name: period_id for name, _, _, period_id in listed}
        kept = self.table.get_all([keys.record(self.user, name) for name in self.model.counted])
        found = [record_rows.counted_record(row) for row in kept]
        assert self.model.counted == {each.record.id: each.record for each in found}
        assert self.model.released == {each.record.id: each.released for each in found if each.released}
        assert self.model.places == {each.record.id: _place(each, periods[each.record.id]) for each in found}


def _period_of(sk: str) -> str:
    """Return the period that a page's key names, or the key of a period's row."""
    return "#".join(sk.split("#")[1:3])


def _place(of: CountedRecord, period_id: str) -> Place:
    start, _, owner = period_id.partition("#")
    owned = None if owner == keys.CALENDAR else owner
    return Place(datetime.fromisoformat(start), owned, of.late, of.unbilled, of.dropped)
