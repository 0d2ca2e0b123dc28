"""What may happen to one user, drawn by Hypothesis: it is done to the ledger and to the model."""

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from tests.ledger.counting_invariants import DAY, OFFER, SECOND, CountedUser
from tests.ledger.crashes import Crash, CrashingTable, Moment, Outside
from tests.ledger.model import PLANS, Model
from tests.ledger.overtaking import OvertakenTable
from tests.ledger.story import close_all
from tollkeeper.ledger.consuming import Consuming, Obstacle, ObstacleError, Release
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise

METRICS = ("apiCalls", "aiQueries", "exports", "designsCreated")
QUANTITIES = {"apiCalls": 700, "aiQueries": 60, "exports": 40, "designsCreated": 2}
CAPS = st.sampled_from([None, 0, 40, 500, 2_000, 10_000])

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


class CountingMachine(CountedUser):
    """Does to the ledger and to the model whatever may happen to one user."""

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
