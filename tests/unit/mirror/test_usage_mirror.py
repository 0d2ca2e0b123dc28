"""The mirror: Stripe is shown each customer's day once, and nothing of it is billed."""

from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import permutations, product
from typing import TYPE_CHECKING, cast

import pytest

from functions.usage_mirror.app import handler
from tests.examples import CATALOGUE, OFFER, SUBSCRIPTION, bound
from tests.fakes.runtime import FakeContext, made_of
from tests.fakes.sqs import FakeSqs
from tests.fakes.stripe import FakeStripe
from tests.fakes.table import MemoryTable
from tests.ledger.crashes import Crash, CrashingTable, Moment, Outside, Through
from tests.ledger.turns import Turns
from tollkeeper.catalogue import Catalogue
from tollkeeper.ledger import keys
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.history import History
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.shown_days import ShownDays
from tollkeeper.ledger.table import Row, Table, UnavailableError, Write
from tollkeeper.ledger.users import Users
from tollkeeper.mirror.usage_mirror import MOST_SILENCES, Mirrored, Several, UsageMirror
from tollkeeper.rules.metering import IDENTIFIER_MEMORY, MeterEvent, shown_at
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError

if TYPE_CHECKING:
    from tollkeeper.stripe.port import MeterEvents

TODAY = date(2025, 11, 10)
NOON = datetime(2025, 11, 10, 12, tzinfo=UTC)
DUE = shown_at(TODAY)
HOUR = timedelta(hours=1)

type Picture = dict[tuple[str, str, date], int]
"""What the dashboard shows: units by customer, meter and day."""


class Meters:
    """Stripe's meters, which know an identifier for a day and no longer.

    While `silent`, no call is answered; `refused` meters' events are.
    """

    def __init__(self, now: datetime = DUE) -> None:
        self.now = now
        self.taken: list[tuple[datetime, MeterEvent]] = []
        self.asked = 0
        self.silent = False
        self.refused: set[str] = set()
        self.unusable: set[str] = set()

    def send_meter_event(self, event: MeterEvent) -> None:
        """Count an event, unless its identifier is still known."""
        self.asked += 1
        if self.silent:
            raise StripeUnavailableError
        if event.name in self.refused:
            raise StripeRefusedError("No such customer")
        known = [at for at, each in self.taken if each.identifier == event.identifier]
        if not any(self.now - at < IDENTIFIER_MEMORY for at in known):
            self.taken.append((self.now, event))

    def showing_meters(self, names: Collection[str]) -> frozenset[str]:
        """Return those that may be told."""
        self.asked += 1
        if self.silent:
            raise StripeUnavailableError
        return frozenset(names) - self.unusable

    @property
    def picture(self) -> Picture:
        """What the dashboard shows."""
        shown: Counter[tuple[str, str, date]] = Counter()
        for _, each in self.taken:
            shown[each.customer_id, each.name, each.timestamp.date()] += each.value
        return dict(shown)


class House:
    """A ledger, in which customers used something, and Stripe's meters."""

    def __init__(self, *users: str) -> None:
        self.table = MemoryTable()
        self.stripe = Meters()
        for user in users or ("ada",):
            Users(self.table).bind_customer(user, f"cus_{user}")
            read = Users(self.table).read(user, NOON)
            plan = replace(SUBSCRIPTION, id=f"sub_{user}", customer_id=f"cus_{user}")
            Users(self.table).write_subscription(read, plan, bound(read, plan))

    def use(self, *uses: tuple[str, int], user: str = "ada", at: datetime = NOON, where: str = "") -> None:
        """Count usage by metric, each record by itself."""
        for number, (metric, quantity) in enumerate(uses):
            name = f"{where}{metric}{quantity}{number}{at}"
            record = UsageRecord(name, user, metric, quantity, at, at, where or None)
            if quantity < 0:
                record = replace(record, reason="mistake", actor="support")
            counting = Counting(self.table, OFFER)
            (profile,) = counting.profiles([user])
            tally = counting.count(profile, [record], now=at, patience=Patience(lambda: 9.0))
            assert [record] == tally.counted

    def mirror(
        self,
        table: Table | None = None,
        stripe: object = None,
        catalogue: Catalogue = CATALOGUE,
        several: Several = map,
    ) -> UsageMirror:
        """Return the mirror of this house, or one that reaches it through something."""
        table = table or self.table
        mirrored = Mirrored(Users(table), History(table), catalogue, "live")
        return UsageMirror(ShownDays(table), mirrored, cast("MeterEvents", stripe or self.stripe), several)

    def run(self, now: datetime = DUE, seconds: float = 900.0, several: Several = map) -> dict[str, int]:
        """Run once."""
        self.stripe.now = now
        return dict(self.mirror(several=several).run(now, Patience(lambda: seconds)))


def shown(user: str = "ada", day: date = TODAY, **used: int) -> Picture:
    """Return what the dashboard is to show of a user's day."""
    return {(f"cus_{user}", f"tollkeeper_{metric}_usage", day): units for metric, units in used.items()}


def test_a_day_is_shown_two_hours_after_it_once() -> None:
    """One event for each metric that was used, facilities summed, dated inside of the day."""
    house = House()
    house.use(("apiCalls", 3), ("exports", 1), where="north")
    house.use(("apiCalls", 4), where="south")
    assert {} == house.run(DUE - HOUR)
    assert {"sent": 2, "shown": 1} == house.run(DUE)
    assert {} == house.run(DUE + HOUR)
    assert shown(apiCalls=7, exports=1) == house.stripe.picture
    assert {(NOON, len(each.identifier)) for _, each in house.stripe.taken} == {(NOON, 64)}


def test_who_did_nothing_costs_nothing() -> None:
    """Stripe is not asked about meters either."""
    house = House("ada", "bob")
    assert ({}, 0) == (house.run(), house.stripe.asked)


def test_what_was_taken_back_in_time_is_not_shown() -> None:
    """A day of which nothing is left has no event."""
    house = House()
    house.use(("apiCalls", 3), ("apiCalls", -1), ("exports", 2), ("exports", -2))
    assert {"sent": 1, "shown": 1} == house.run()
    assert shown(apiCalls=2) == house.stripe.picture


def test_each_day_is_shown_by_itself() -> None:
    """Under identifiers of its own."""
    house = House()
    house.use(("apiCalls", 3))
    house.use(("apiCalls", 5), at=NOON + 24 * HOUR)
    house.run(DUE)
    house.run(DUE + 24 * HOUR)
    assert shown(apiCalls=3) | shown(day=date(2025, 11, 11), apiCalls=5) == house.stripe.picture


def test_a_metric_can_be_left_out() -> None:
    """As the catalogue says, when the day is shown."""
    house = House()
    house.use(("apiCalls", 3), ("exports", 1))
    hidden = replace(CATALOGUE.metrics["exports"], mirror=False)
    catalogue = replace(CATALOGUE, metrics={**CATALOGUE.metrics, "exports": hidden})
    house.mirror(catalogue=catalogue).run(DUE, Patience(lambda: 900.0))
    assert shown(apiCalls=3) == house.stripe.picture


def test_a_meter_that_a_price_uses_is_not_told() -> None:
    """It is counted and logged, and the other metrics are shown."""
    house = House()
    house.use(("apiCalls", 3), ("exports", 1))
    house.stripe.unusable = {"tollkeeper_exports_usage"}
    assert {"sent": 1, "rejected": 1, "shown": 1, "unusable": 1} == house.run()
    assert shown(apiCalls=3) == house.stripe.picture
    assert {} == house.run(DUE + HOUR)


def test_what_stripe_refuses_is_counted_no_more() -> None:
    """Neither again, nor is the rest held up."""
    house = House()
    house.use(("apiCalls", 3), ("exports", 1))
    house.stripe.refused = {"tollkeeper_apiCalls_usage"}
    assert {"sent": 1, "rejected": 1, "shown": 1} == house.run()
    assert {} == house.run(DUE + HOUR)


def test_while_stripe_is_away_nothing_is_lost() -> None:
    """The next run shows it, the first one that is answered."""
    house = House()
    house.use(("apiCalls", 3))
    house.stripe.silent = True
    assert {"silences": 1} == house.run(DUE)
    house.stripe.silent = False
    assert {"sent": 1, "shown": 1} == house.run(DUE + 23 * HOUR)


def test_what_may_have_been_sent_a_day_ago_is_not_sent_again() -> None:
    """Stripe might not know it any more when the run that begins now is over."""
    house = House()
    house.use(("apiCalls", 3))
    assert {"skipped": 1} == house.run(DUE + 24 * HOUR - timedelta(minutes=15))
    assert ({}, {}) == (house.run(DUE + 24 * HOUR), house.stripe.picture)


def test_who_is_no_customer_any_more_is_not_shown() -> None:
    """There is nobody at Stripe to show it of."""
    house = House()
    house.use(("apiCalls", 3))
    del house.table.rows[keys.profile("ada")]
    assert ({"skipped": 1}, {}) == (house.run(), house.stripe.picture)


MANY = [f"user-{number:03}" for number in range(40)]


def busy(users: Sequence[str] = MANY) -> House:
    """Return a house in which each of many used something."""
    house = House(*users)
    for user in users:
        house.use(("apiCalls", 2), user=user)
    return house


def test_several_users_are_shown_at_once() -> None:
    """Side by side they come to the same."""
    house = busy()
    with ThreadPoolExecutor(8) as executor:
        assert {"sent": 40, "shown": 40} == house.run(several=executor.map)
    assert {key: 2 for user in MANY for key in shown(user, apiCalls=2)} == house.stripe.picture


def test_no_day_is_begun_without_time() -> None:
    """The next run has it."""
    house = busy()
    assert ({"postponed": 40}, 0) == (house.run(seconds=100), house.stripe.asked)
    assert {"sent": 40, "shown": 40} == house.run()


def test_a_silent_stripe_is_left_in_peace() -> None:
    """After a few calls without an answer, until the next run."""
    house = busy()

    class Falling(Meters):
        def send_meter_event(self, event: MeterEvent) -> None:
            self.silent = True
            super().send_meter_event(event)

    house.stripe = Falling()
    assert {"silences": MOST_SILENCES, "postponed": 40 - MOST_SILENCES} == house.run()


def test_one_users_trouble_is_nobody_elses() -> None:
    """The others are shown; theirs comes again."""
    house = busy(["ada", "bob", "eve"])

    class Troubled(MemoryTable):
        def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
            if pk in {keys.user("bob"), keys.user("eve")}:
                raise UnavailableError
            return super().query(pk, first, last, most)

    table = Troubled()
    table.rows = house.table.rows
    report = house.mirror(table=table).run(DUE, Patience(lambda: 900.0))
    assert {"sent": 1, "shown": 1, "failed": 2} == report
    assert {"sent": 2, "shown": 2} == house.run()


def test_each_day_that_could_not_be_taken_off_is_counted() -> None:
    """Also where several are of one user; they come again."""
    house = House()
    house.use(("apiCalls", 3))
    house.use(("apiCalls", 5), at=NOON + 24 * HOUR)

    class ReadOnly(MemoryTable):
        def transact(self, writes: Sequence[Write]) -> None:
            raise UnavailableError(writes)

    table = ReadOnly()
    table.rows = house.table.rows
    late = DUE + 24 * HOUR
    assert 2 == house.mirror(table=table).run(late, Patience(lambda: 900.0))["failed"]
    assert {(user, day) for user, _, day in house.stripe.picture} == {("cus_ada", date(2025, 11, 11))}
    assert {"skipped": 1, "sent": 1, "shown": 1} == house.run(late)


def test_wherever_a_run_dies_a_day_is_shown_once() -> None:
    """Before or after any call, and however soon within the day the next run comes."""
    world, whole = House(), Outside()
    world.use(("apiCalls", 3), ("exports", 1))
    world.mirror(CrashingTable(world.table, whole), Through(world.stripe, whole.call)).run(
        DUE, Patience(lambda: 900.0)
    )
    assert ["send_meter_event", "send_meter_event"] == [
        each.partition(" ")[0] for each in whole.calls if "send" in each
    ]
    for point, moment, later in product(range(len(whole.calls)), Moment, (HOUR, 23 * HOUR, 24 * HOUR)):
        house, outside = House(), Outside(point, moment)
        house.use(("apiCalls", 3), ("exports", 1))
        dying = house.mirror(CrashingTable(house.table, outside), Through(house.stripe, outside.call))
        with pytest.raises(Crash):
            dying.run(DUE, Patience(lambda: 900.0))
        house.run(DUE + later)
        whole_picture = shown(apiCalls=3, exports=1)
        assert house.stripe.picture.items() <= whole_picture.items()
        assert later == 24 * HOUR or whole_picture == house.stripe.picture
        assert {} == house.run(DUE + 25 * HOUR)


def test_two_runs_at_once_show_a_day_once() -> None:
    """In whatever order their calls come."""
    for schedule in set(permutations([0, 0, 0, 0, 1, 1, 1, 1])):
        house = House()
        house.use(("apiCalls", 3))
        run = partial(_run_on, house)
        Turns(house.table, [run, run]).take([*schedule, *schedule])
        assert shown(apiCalls=3) == house.stripe.picture
        assert {} == house.run(DUE + HOUR)


def _run_on(house: House, table: Table) -> None:
    house.mirror(table).run(DUE, Patience(lambda: 900.0))


def test_deployments_that_share_an_account_are_told_apart() -> None:
    """The same user, metric and day of another stack is another event."""
    house = House()
    house.use(("apiCalls", 3))
    mirrored = Mirrored(Users(house.table), History(house.table), CATALOGUE, "live")
    (day,) = ShownDays(house.table).due(DUE)
    ours, theirs = (
        replace(mirrored, deployment=name).events(day, "cus_ada")[0].identifier for name in ("live", "other")
    )
    assert ours != theirs


def test_the_function_says_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """In numbers, and as metrics where there was anything."""
    house, stripe = House(), FakeStripe()
    house.use(("apiCalls", 3))
    with made_of(house.table, FakeSqs(), stripe, DUE):
        assert {"sent": 1, "shown": 1} == handler({}, FakeContext())
    assert [3] == [each.value for each in stripe.meter_events.values()]
    assert "Mirror_sent" in capsys.readouterr().out
