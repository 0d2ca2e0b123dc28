"""Whatever is sent, repeated, delayed, contradicted, closed or renewed: the ledger counts like the model."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count as count_from

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.examples import bound
from tests.fakes.table import MemoryTable
from tests.ledger.model import Model
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys, record_rows, rows
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.usage import UsageRecord

BEGINNING = datetime(2026, 1, 20, 12, 0, 0, tzinfo=UTC)
MONTH = timedelta(days=30)
METRICS = ("apiCalls", "designsCreated", "roomsCreated")
OFFER = Offer(load(), date(2000, 1, 1))

_users = (f"user-{number}" for number in count_from())

type Usage = tuple[str, str, int, int, str | None]

usage: st.SearchStrategy[Usage] = st.tuples(
    st.sampled_from([f"id-{number}" for number in range(12)]),
    st.sampled_from(METRICS),
    st.integers(1, 3),
    st.integers(-35 * 24 * 60, 5),
    st.sampled_from([None, "greenhouse"]),
)
"""Id, metric, quantity, minutes from now, facility: few ids, so that they repeat and contradict."""


class CountingMachine(RuleBasedStateMachine):
    """Does to the ledger and to the model whatever may happen to one user."""

    table: Table

    def __init__(self) -> None:
        super().__init__()
        self.user = next(_users)
        self.now = BEGINNING
        self.model = Model()
        self.users = Users(self.table)
        self.counting = Counting(self.table, OFFER)
        self.closing = Closing(self.table)
        self.subscription: Subscription | None = None
        self.numbers = count_from()

    def _say(self, subscription: Subscription) -> None:
        user = self.users.history(self.user)
        self.users.write_subscription(user, subscription, bound(user, subscription, at=self.now, offer=OFFER))
        self.subscription = subscription

    @rule(hours=st.integers(1, 24 * 20))
    def pass_time(self, hours: int) -> None:
        """Time passes."""
        self.now += timedelta(hours=hours)

    @precondition(lambda self: self.subscription is None or not self.subscription.is_live)
    @rule()
    def subscribe(self) -> None:
        """The user subscribes."""
        name = f"sub_{next(self.numbers)}"
        self._say(
            Subscription(name, "cus_1", "professional", Status.ACTIVE, self.now, self.now, self.now + MONTH)
        )
        self.model.begin(name, self.now, self.now + MONTH)

    @precondition(lambda self: self.live and self.now >= self.live.period_end)
    @rule()
    def renew(self) -> None:
        """Stripe's word of the next period arrives, some time after it began."""
        assert self.live
        start = self.live.period_end
        self._say(replace(self.live, period_start=start, period_end=start + MONTH))
        self.model.begin(self.live.id, start, start + MONTH)

    @precondition(lambda self: self.live)
    @rule()
    def end(self) -> None:
        """The subscription turns out to have ended: just now, or with its period."""
        assert self.live
        ended_at = min(self.now, self.live.period_end)
        self._say(replace(self.live, status=Status.CANCELED, ended_at=ended_at))
        self.model.finish(ended_at)

    @rule()
    def close(self) -> None:
        """The reporter closes every period that has ended."""
        for ended in self.closing.ended(self.now):
            user = self.users.with_period(ended.user_id, ended.period_id)
            (period,) = user.periods
            self.closing.close(ended.user_id, period, {}, self.now)
        self.model.close(self.now)

    @rule(batch=st.lists(usage, min_size=1, max_size=8), times=st.integers(1, 2), redelivered=st.booleans())
    def deliver(self, batch: list[Usage], times: int, *, redelivered: bool) -> None:
        """A batch of records arrives, perhaps twice."""
        records = [self._record(*each) for each in batch]
        for _ in range(times):
            self._count(records, redelivered=redelivered)
        for record in records:
            self.model.count(record, self.now)

    @rule(metric=st.sampled_from(METRICS), quantity=st.integers(1, 4), number=st.integers(0, 2))
    def correct(self, metric: str, quantity: int, number: int) -> None:
        """A correction arrives, perhaps one that was made already, perhaps of more than was used."""
        record = UsageRecord(
            f"correction-{number}", self.user, metric, -quantity, self.now, self.now, reason="r", actor="a"
        )
        self._count([record], redelivered=False)
        self.model.count(record, self.now)

    @property
    def live(self) -> Subscription | None:
        """The subscription, while it lives."""
        return self.subscription if self.subscription and self.subscription.is_live else None

    def _record(
        self, name: str, metric: str, quantity: int, minutes: int, facility: str | None
    ) -> UsageRecord:
        at = self.now + timedelta(minutes=minutes)
        return UsageRecord(name, self.user, metric, quantity, at, self.now, facility)

    def _count(self, records: list[UsageRecord], *, redelivered: bool) -> None:
        (user,) = self.counting.profiles([self.user])
        known = self.counting.known(records) if redelivered else None
        self.counting.count(user, records, now=self.now, patience=for_seconds(5), known=known)

    @invariant()
    def periods_are_the_models(self) -> None:
        """Every period holds what the model counted in it, and is as open or closed."""
        expected = {
            (each.subscription, each.start): (each.end, each.closed, +each.used)
            for each in self.model.stretches
        }
        found = [rows.period(row) for row in self.table.query(keys.user(self.user), "PERIOD#", "PERIOD$")]
        actual = {
            (each.subscription_id, each.start): (each.end, each.closed_at is not None, +Counter(each.used))
            for each in found
        }
        assert expected == actual

    @invariant()
    def days_add_up(self) -> None:
        """The days and facilities hold the same units as the periods."""
        actual = Counter(
            {
                (*str(row["sk"]).split("#")[1:], name.removeprefix(rows.USED)): int(value)
                for row in self.table.query(keys.user(self.user), "DAY#", "DAY$")
                for name, value in row.items()
                if name.startswith(rows.USED)
            }
        )
        assert +self.model.days == +actual

    @invariant()
    def each_record_is_kept_and_listed_once(self) -> None:
        """Each counted record stands once under its id, and once on a page, as it was first sent."""
        listed = [
            (name, metric, quantity)
            for row in self.table.query(keys.user(self.user), "PAGE#", "PAGE$")
            for metric, those in json.loads(str(row["records"])).items()
            for name, quantity in those.items()
        ]
        expected = [(each.id, each.metric, each.quantity) for each in self.model.counted.values()]
        assert sorted(expected) == sorted(listed)
        kept = self.table.get_all([keys.record(self.user, name) for name in self.model.counted])
        assert self.model.counted == {each.id: each for each in map(record_rows.record, kept)}


def test_any_history_counts_like_the_model(table: Table) -> None:
    """Any sequence of sends, repeats, contradictions, corrections, renewals, ends and closings agrees."""
    machine = type("Machine", (CountingMachine,), {"table": table})
    examples = 150 if isinstance(table, MemoryTable) else 15
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
