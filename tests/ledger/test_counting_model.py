"""Whatever is sent, repeated, delayed, contradicted, heard late or closed: all comes out as in the model."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count as count_from
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.fakes.table import MemoryTable
from tests.ledger.crashes import Crash, CrashingTable, Moment, Outside
from tests.ledger.model import PLANS, Model, Place
from tests.ledger.overtaking import OvertakenTable
from tests.ledger.story import close_all
from tests.ledger.stripe_world import World
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys, record_rows, rows
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.consuming import Consuming, Obstacle, ObstacleError, Release
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.lines import Line, listed_in
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.record_rows import CountedRecord
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.table import Row, Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.usage import FURTHEST_AHEAD, UsageRecord
from tollkeeper.rules.users import period_at, period_key_at
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise
from tollkeeper.views.subscription import overview

BEGINNING = datetime(2026, 1, 20, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
ON_ITS_WAY = 69 * DAY
"""How old the stamps of records are that are counted by the user's row alone."""

METRICS = ("apiCalls", "aiQueries", "exports", "designsCreated")
QUANTITIES = {"apiCalls": 700, "aiQueries": 60, "exports": 40, "designsCreated": 2}
OFFER = Offer(load(), date(2000, 1, 1))
CAPS = st.sampled_from([None, 0, 40, 500, 2_000, 10_000])

_users = (f"user-{number}" for number in count_from())

LONG = "long" * 29

type Usage = tuple[str, str, int, int, str | None]

usage: st.SearchStrategy[Usage] = st.tuples(
    st.sampled_from([f"id-{number}-{LONG}" for number in range(40)]),
    st.sampled_from(METRICS),
    st.integers(1, 3),
    st.one_of(st.integers(-35 * 24 * 60, 5), st.integers(-3 * 24 * 60, 5)),
    st.sampled_from([None, "greenhouse"]),
)
"""Id, metric, share of a limit, minutes from its acceptance, facility.

The ids are few, so that they repeat, and long, so that a period's row has room for four of them.
"""

backlogs = st.sampled_from([timedelta(0), timedelta(0), timedelta(hours=2), 12 * DAY, 59 * DAY])
"""How long ago records were accepted that are counted now."""

often = st.sampled_from([True, True, False])

deaths = st.one_of(st.none(), st.tuples(st.integers(0, 5), st.sampled_from(Moment)))
"""The call to the table at which a first delivery dies, if it does."""


ACTS = ("use", "use", "consume", "cap", "word", "close")
"""What overtakes, and what is overtaken."""


@dataclass(frozen=True)
class Act:
    """Something that is done to the ledger, and to the model; both answer the same."""

    do: Callable[[Table], object]
    expect: Callable[[Model], object]


def patience() -> Patience:
    """Return patience that costs no time, and has an end."""
    left = iter(range(100, -1, -1))
    return Patience(lambda: float(next(left, 0)), sleep=lambda _: None)


class CountingMachine(RuleBasedStateMachine):
    """Does to the ledger and to the model whatever may happen to one user."""

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

    @initialize(
        is_prompt=often,
        closes=often,
        plan=st.sampled_from([None, *PLANS[1:]]),
        trial=st.sampled_from([0, 0, 14]),
    )
    def begin(self, *, is_prompt: bool, closes: bool, plan: str | None, trial: int) -> None:
        """Stripe's words come at once, or only when they are asked for; so do the reporter's runs."""
        self.is_prompt, self.closes = is_prompt, closes
        if plan:
            self.subscribe(plan, trial)

    @rule(days=st.sampled_from([0.1, 0.5, 1, 4, 9, 16, 31, 31, 45]), seconds=st.sampled_from([-1, 0, 0, 1]))
    def pass_time(self, days: float, seconds: int) -> None:
        """Time passes, at Stripe as well: hours, days, or until a month is over."""
        held = self.world.held
        self.world.pass_time(days * DAY + seconds * SECOND)
        self.is_overdue |= held != self.world.held
        self._tell()
        if self.closes:
            self._close()

    @precondition(lambda self: len(self.world.live) < 2 and len(self.world.held) < 6)
    @rule(plan=st.sampled_from(PLANS[1:]), trial=st.sampled_from([0, 0, 14, 14, 45, 730]))
    def subscribe(self, plan: str, trial: int) -> None:
        """The user subscribes, perhaps a second time."""
        self._mark("second subscriptions beside a live one", bool(self.world.live))
        self._mark("trials of more than a month", trial > 31)
        self.world.subscribe(plan, trial * DAY)
        self._tell()

    @precondition(lambda self: self._newest(Status.TRIALING))
    @rule(days=st.sampled_from([0, 0, 3, 20, 100]))
    def move_trial_end(self, days: int) -> None:
        """A trial is ended now, shortened or extended."""
        trial = self._newest(Status.TRIALING)
        assert trial
        end = self.now + days * DAY
        change = "ended" if not days else "extended" if end > trial.period_end else "shortened"
        self._mark(f"trials {change}")
        self.world.move_trial_end(trial, end)
        self._tell()

    @precondition(lambda self: self._newest(Status.TRIALING))
    @rule(days=st.sampled_from([1, 20]), seconds=st.sampled_from([0, 1, 3_600]))
    def extend_trial_unheard(self, days: int, seconds: int) -> None:
        """A trial is extended, and its old end passes and is closed before anybody hears of it."""
        trial = self._newest(Status.TRIALING)
        assert trial
        self.world.move_trial_end(trial, trial.period_end + days * DAY)
        self.world.pass_time(trial.period_end - self.now + seconds * SECOND)
        self.is_overdue = True
        self._close()
        self._mark("trials extended unheard of")

    @precondition(lambda self: self._newest())
    @rule(now=st.booleans())
    def cancel(self, *, now: bool) -> None:
        """The subscription is cancelled, now or at its period's end; or, if it was, resumed."""
        of = self._newest()
        assert of
        if now:
            self.world.end(of)
        else:
            self.world.change(of, cancel_at=None if of.cancel_at else of.period_end)
        self._tell()

    @precondition(lambda self: self._newest())
    @rule(plan=st.sampled_from(PLANS[1:]), paid=st.booleans())
    def change_plan(self, plan: str, *, paid: bool) -> None:
        """The plan is changed, paid for or not; or what is open is paid."""
        of = self._newest()
        assert of
        if of.status is Status.TRIALING:
            self.world.change(of, plan=plan)
        elif paid:
            self.world.change(of, plan=plan, status=Status.ACTIVE, past_due_since=None)
        else:
            self.world.change(of, plan=plan, status=Status.PAST_DUE, past_due_since=self.now)
        self._tell()

    @precondition(lambda self: self.world.held and len(self.world.customer) < 12)
    @rule()
    def replace_customer(self) -> None:
        """The customer was deleted at Stripe, and the user has got another."""
        deleted = self.world.replace_customer()
        if self.users.read(self.user, self.now).customer_id == deleted:
            self.users.bind_customer(self.user, self.world.customer, replacing=deleted)

    @rule()
    def hear(self) -> None:
        """Stripe is asked, by whatever hint."""
        self._hear()

    @rule()
    def close(self) -> None:
        """The reporter closes every period that has ended."""
        self._close()

    def _close(self) -> None:
        self._close_in(self.table)
        self.model.close(self.now)

    def _close_in(self, table: Table) -> None:
        close_all(table, self.now)

    @rule(cap=CAPS)
    def accept(self, cap: int | None) -> None:
        """The user sets the most they accept, or takes it away."""
        SpendingCaps(self.table, OFFER).set(self.user, cap, self.now, patience())
        self.model.accept(cap, self.now)

    @rule(batch=st.lists(usage, min_size=2, max_size=6))
    def use(self, batch: list[Usage]) -> None:
        """Records arrive as they are accepted."""
        self.deliver(batch, timedelta(0), 1, None)

    @rule(
        batch=st.lists(usage, min_size=1, max_size=12),
        backlog=backlogs,
        times=st.integers(1, 2),
        death=deaths,
    )
    def deliver(
        self, batch: list[Usage], backlog: timedelta, times: int, death: tuple[int, Moment] | None
    ) -> None:
        """Records arrive that were accepted some time ago; whoever counts them may die and begin again."""
        records = [self._record(self.now - backlog, *each) for each in batch]
        self._mark("records that were sent again", times > 1)
        if death:
            self._mark("batches delivered again after a death", death[0] < len(batch))
            with suppress(Crash):
                self._count(CrashingTable(self.table, Outside(*death)), records, redelivered=False)
        for number in range(times):
            self._count(self.table, records, redelivered=death is not None and number == 0)
        for record in records:
            self.model.count(record, self.now)

    @rule(
        metric=st.sampled_from(METRICS),
        quantity=st.integers(1, 4),
        number=st.integers(0, 2),
        backlog=backlogs,
    )
    def correct(self, metric: str, quantity: int, number: int, backlog: timedelta) -> None:
        """A correction arrives, perhaps one that was made already, perhaps of more than was used."""
        at, name = self.now - backlog, f"correction-{number}"
        quantity *= QUANTITIES[metric] // 3
        record = UsageRecord(name, self.user, metric, -quantity, at, at, reason="r", actor="a")
        self._count(self.table, [record], redelivered=False)
        self.model.count(record, self.now)

    @rule(metric=st.sampled_from(METRICS), quantity=st.integers(1, 3), number=st.integers(0, 5))
    def consume(self, metric: str, quantity: int, number: int) -> None:
        """Something is consumed, if it may be, perhaps under an id that was used before."""
        act = self._consuming(f"use-{number}", metric, quantity * QUANTITIES[metric])
        assert act.expect(self.model) == act.do(self.table)

    @rule(metric=st.sampled_from(METRICS), part=st.sampled_from([None, 1]), number=st.integers(0, 5))
    def release(self, metric: str, part: int | None, number: int) -> None:
        """What was consumed is taken back, wholly or in part, perhaps again."""
        wish = Release(self.user, f"use-{number}", metric, self.now, part)
        obstacle: Obstacle | None = None
        try:
            Consuming(self.table, OFFER).release(wish, patience())
        except ObstacleError as error:
            obstacle = error.obstacle
        assert self.model.release(wish.id, metric, part) == obstacle

    @rule(first=st.sampled_from(ACTS), second=st.sampled_from(ACTS), some=st.tuples(usage, usage), cap=CAPS)
    def overtake(self, first: str, second: str, some: tuple[Usage, Usage], cap: int | None) -> None:
        """Between what somebody has read and their writing somebody else writes: one is as if before."""
        overtaken, overtaking = self._act(first, some[0], cap), self._act(second, some[1], cap)
        model, answers = deepcopy(self.model), dict[str, object]()

        def happens() -> None:
            answers["overtaking"] = overtaking.do(self.table)

        table = OvertakenTable(self.table, happens)
        answers["overtaken"] = overtaken.do(table)
        self._mark(f"{first} overtaken by {second}", "overtaking" in answers)
        table.let_happen()
        self.model = deepcopy(model)
        expected = {"overtaking": overtaking.expect(self.model), "overtaken": overtaken.expect(self.model)}
        if expected != answers or not self._agrees():
            self.model = model
            expected = {
                "overtaken": overtaken.expect(self.model),
                "overtaking": overtaking.expect(self.model),
            }
            self._mark("overtaken and yet as if before")
        assert expected == answers

    def _act(self, kind: str, use: Usage, cap: int | None) -> Act:
        name, metric, share, _, _ = use
        match kind:
            case "use":
                record = self._record(self.now, *use)
                return Act(
                    lambda table: self._count(table, [record], redelivered=False),
                    lambda model: model.count(record, self.now),
                )
            case "consume":
                return self._consuming(f"use-{name}", metric, share * QUANTITIES[metric])
            case "cap":
                return Act(
                    lambda table: SpendingCaps(table, OFFER).set(self.user, cap, self.now, patience()),
                    lambda model: model.accept(cap, self.now),
                )
            case "word":
                said: list[Subscription] = []
                return Act(lambda table: said.extend(self._ask(table)), lambda model: model.hear(said))
            case _:
                return Act(self._close_in, lambda model: model.close(self.now))

    def _consuming(self, name: str, metric: str, quantity: int) -> Act:
        record = UsageRecord(name, self.user, metric, quantity, self.now, self.now)

        def do(table: Table) -> bool | None:
            try:
                return Consuming(table, OFFER).consume(record, patience()).barrier is None
            except ObstacleError:
                return None

        return Act(do, lambda model: model.consume(record, self.now))

    def _agrees(self) -> bool:
        try:
            self.periods_are_the_models()
            self.charges_are_the_models()
            self.each_record_is_kept_and_listed_once()
        except AssertionError:
            return False
        return True

    def _newest(self, status: Status | None = None) -> Subscription | None:
        found = [each for each in self.world.live if status in {None, each.status}]
        return found[-1] if found else None

    def _tell(self) -> None:
        if self.is_prompt:
            self._hear()
        else:
            self.is_overdue = True

    def _hear(self) -> None:
        self.model.hear(self._ask(self.table))

    def _ask(self, table: Table) -> list[Subscription]:
        """Ask Stripe, as any hint lets Tollkeeper do; return what it said, if the user's row took it."""
        customer, lived = self.world.customer, len(self.world.live)
        found = synchronise(customer, Users(table), self.world, OFFER, Trigger(self.now, event_id="evt"))
        self._mark("duplicates cancelled", len(self.world.live) < lived)
        if found is None or found.after is None:
            return []
        self._mark("words that came late", self.is_overdue)
        self.is_overdue = False
        return self.world.subscriptions_of(customer)

    def _mark(self, what: str, came_about: bool = True) -> None:  # noqa: FBT001, FBT002 - reads as a sentence
        self.marks.update({what: 1} if came_about else {})

    def _record(
        self, at: datetime, name: str, metric: str, share: int, minutes: int, facility: str | None
    ) -> UsageRecord:
        stamp = at + timedelta(minutes=minutes)
        return UsageRecord(name, self.user, metric, share * QUANTITIES[metric], stamp, at, facility)

    def _count(self, table: Table, records: list[UsageRecord], *, redelivered: bool) -> None:
        counting = Counting(table, OFFER)
        (user,) = counting.profiles([self.user])
        known = counting.known(records) if redelivered else None
        tally = counting.count(user, records, now=self.now, patience=patience(), known=known)
        assert [] == tally.left

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


def run_machine(machine: type[CountingMachine], examples: int, steps: int = 30) -> None:
    """Try so many sequences of so many steps at most."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_any_history_counts_like_the_model(table: Table) -> None:
    """Any sequence of usage, corrections, words, caps, deaths and closings comes out as in the model."""
    is_quick = isinstance(table, MemoryTable)
    make_table = MemoryTable if is_quick else staticmethod(lambda: table)
    # An emulator copies its table for each transaction: a few short sequences hold it to the table's words.
    examples, steps = (150, 30) if is_quick else (3, 12)
    run_machine(type("Machine", (CountingMachine,), {"make_table": make_table}), examples, steps)
