"""A period closes by the queue, not by the clock: what was accepted before its end is waited for."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.fakes.table import MemoryTable
from tests.ledger.billing_house import BEGINNING, DAY, END, HOUR, MINUTE, SECOND, House
from tests.ledger.story import OFFER, Story
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.table import Key, UnavailableError, Write
from tollkeeper.ledger.tracking import LATELY, QueueBacklog
from tollkeeper.ledger.users import Users
from tollkeeper.periods.closing import Closed, PeriodClosing
from tollkeeper.periods.reporter import OLDEST
from tollkeeper.queues import LONGEST_WAIT_SECONDS
from tollkeeper.rules.bills import Policy, State
from tollkeeper.rules.settling import SETTLING, Settled
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise


@pytest.fixture
def house() -> House:
    """A house whose queue holds something, at the end of Ada's month."""
    house = House()
    house.queue.is_clear = False
    house.renew()
    return house


def closed(house: House) -> tuple[int, int, int]:
    """Let the reporter run; return how many periods it closed, closed unsettled, and waits for."""
    report = house.run()
    return report.get("closed", 0), report.get("unsettled", 0), report.get("settling", 0)


def test_what_was_accepted_before_the_end_and_counted_after_it_is_billed_in_its_month(house: House) -> None:
    """5,000 calls come out of a backlog sixteen minutes after the end: the month has waited for them."""
    house.at(15 * MINUTE)
    house.backlog.note(END - MINUTE, house.now)
    assert (0, 0, 1) == closed(house)
    house.at(16 * MINUTE)
    house.use(units={"apiCalls": 5_000}, at=END - MINUTE)
    house.queue.is_clear = True
    assert (1, 0, 0) == closed(house)
    assert [("apiCalls", 4_000)] == [(each.metric, each.quantity) for each in house.bill().charges or ()]


def test_an_empty_queue_is_enough_five_minutes_after_the_end(house: House) -> None:
    """What was accepted at the last second has reached the queue by then, and not before."""
    house.queue.is_clear = True
    house.at(5 * MINUTE - SECOND)
    assert (0, 0, 0) == closed(house)
    house.at(5 * MINUTE)
    assert (1, 0, 0) == closed(house)


@pytest.mark.parametrize(("oldest", "closes"), [(-SECOND, 0), (timedelta(0), 0), (SECOND, 1)])
def test_a_busy_queue_is_enough_if_what_trackers_hold_is_younger(
    house: House, oldest: timedelta, closes: int
) -> None:
    """Under load the queue is never empty: the oldest acceptance that was lately held decides."""
    house.at(10 * MINUTE)
    house.backlog.note(END + oldest, house.now - MINUTE)
    QueueBacklog(house.table).note(house.now, house.now)
    assert closes == closed(house)[0]


def test_a_queue_of_which_nobody_tells_is_waited_for(house: House) -> None:
    """Something is on it, and no tracker has held any of it lately."""
    house.at(15 * MINUTE)
    assert (0, 0, 1) == closed(house)


def test_three_quarters_of_an_hour_after_the_end_the_alarm_rings(house: House) -> None:
    """The period is still waited for, and its draft held."""
    house.at(45 * MINUTE)
    house.backlog.note(END - MINUTE, house.now)
    assert {Closed.SETTLING: 1, State.HELD: 1} == house.run()
    house.at(46 * MINUTE)
    assert {Closed.LATE: 1, State.HELD: 1, OLDEST: 60} == house.run()


def test_a_period_is_waited_for_until_its_draft_can_be_held_no_longer(house: House) -> None:
    """Four hours before the hold runs out it is closed as it stands, and counted among the unsettled."""
    house.go_on(67 * HOUR, every=HOUR)
    house.use(units={"apiCalls": 1_001}, at=END - MINUTE)
    house.at(68 * HOUR - SECOND)
    assert Closed.LATE in house.run()
    house.at(68 * HOUR)
    assert (0, 1, 0) == closed(house)
    house.go_on(72 * HOUR)
    assert (State.AGREED, [1]) == (house.bill().state, house.cents())


def test_a_period_that_settles_in_time_has_its_draft_left_alone(house: House) -> None:
    """Up to twenty minutes after the end nothing is asked of Stripe."""
    house.at(19 * MINUTE)
    house.run()
    assert [] == house.stripe.sent
    house.at(20 * MINUTE)
    house.run()
    assert "finalize_at in_1" in house.stripe.sent


def test_what_was_held_and_owes_nothing_is_released(house: House) -> None:
    """Its usage came late and was within the limits: the plan's invoice goes out without delay."""
    house.at(30 * MINUTE)
    house.run()
    house.queue.is_clear = True
    house.go_on(HOUR)
    assert State.RELEASED is house.bill().state
    house.go_on(2 * HOUR)
    assert (State.AGREED, [], 0) == (house.bill().state, house.cents(), house.waiting())
    assert not house.stripe.invoices["in_1"].is_draft


def test_a_draft_that_is_held_beside_another_runs_close_is_released(house: House) -> None:
    """One run closes a period that owes nothing, while another, which knew less, binds its draft."""
    house.at(30 * MINUTE)
    closer = PeriodClosing(Closing(house.table), Bills(house.table), house.stripe, Policy(), "live")
    ((user_id, period_id),) = Closing(house.table).ended(house.now)

    def closes_meanwhile(name: str) -> None:
        house.stripe.fault = lambda _: None
        if name == "renewal":
            assert (
                Closed.CLOSED
                is closer.close(user_id, period_id, Settled(house.now, None), asks_stripe=True)[0]
            )

    house.stripe.fault = closes_meanwhile
    waiting = Settled(house.now, END - MINUTE)
    assert Closed.SETTLING is closer.close(user_id, period_id, waiting, asks_stripe=True)[0]
    house.go_on(3 * HOUR)
    assert (State.AGREED, [], 0) == (house.bill().state, house.cents(), house.waiting())


def test_a_message_that_waits_out_of_sight_is_not_forgotten(house: House) -> None:
    """Notes reach further back than the longest wait of a message that failed."""
    house.at(6 * MINUTE)
    house.backlog.note(END - MINUTE, house.now)
    house.at(6 * MINUTE + timedelta(seconds=LONGEST_WAIT_SECONDS) + MINUTE)
    QueueBacklog(house.table).note(house.now, house.now)
    assert 0 == closed(house)[0]
    assert timedelta(seconds=LONGEST_WAIT_SECONDS) < LATELY


def test_what_could_not_be_noted_while_the_table_was_away_is_waited_for_once_it_is_back(house: House) -> None:
    """A message from before the end was in hand, and waits out of sight; what comes meanwhile is younger."""
    house.at(6 * MINUTE)
    away = AwayTable(house.table)
    tracker = QueueBacklog(away)
    tracker.note(END - MINUTE, house.now)
    away.is_away = False
    house.at(14 * MINUTE)
    tracker.note(house.now, house.now)
    assert (0, 0, 1) == closed(house)
    house.at(14 * MINUTE + LATELY + MINUTE)
    tracker.note(house.now, house.now)
    assert (1, 0, 0) == closed(house)


class AwayTable(MemoryTable):
    """A table that does not answer for a while."""

    def __init__(self, table: MemoryTable) -> None:
        super().__init__()
        self.rows = table.rows
        self.is_away = True

    def transact(self, writes: Sequence[Write]) -> None:
        """Write, if it is there."""
        if self.is_away:
            raise UnavailableError
        super().transact(writes)


def test_a_tracker_notes_once_a_minute_or_what_is_older(house: House) -> None:
    """A minute in which it has told of something as old is told of once."""
    table, now = house.table, house.now
    noted = QueueBacklog(table)
    before = len(table.rows)
    noted.note(now, now)
    noted.note(now, now + SECOND)
    noted.note(now + SECOND, now + 2 * SECOND)
    assert (before + 1, now) == (len(table.rows), noted.oldest(now))
    noted.note(now - DAY, now + 3 * SECOND)
    assert (before + 1, now - DAY) == (len(table.rows), noted.oldest(now))


class Lagging(MemoryTable):
    """A table whose index still says what it once did."""

    listed: tuple[Key, ...] = ()

    def due(self, shard: str, until: str) -> list[Key]:
        """Return what the index held, and what it holds."""
        found = super().due(shard, until)
        return [*found, *(each for each in self.listed if each not in found)]


def test_a_period_that_was_extended_since_the_index_was_read_is_not_closed() -> None:
    """The index lags behind the table: the row's own end decides."""
    story = Story("starter", 14 * DAY)
    story.on_day(13)
    story.world.move_trial_end(story.world.live[0], BEGINNING + 20 * DAY)
    story.on_day(14.1)
    ((user_id, period_id),) = Closing(story.table).ended(story.now)
    synchronise("cus_1", Users(story.table), story.world, OFFER, Trigger(story.now))
    closer = PeriodClosing(Closing(story.table), Bills(story.table), story.world, Policy(), "live")
    settled = Settled(story.now + SETTLING, None)
    assert (Closed.LEFT, None) == closer.close(user_id, period_id, settled, asks_stripe=True)


def test_a_bill_that_is_done_stays_done_though_the_index_lags() -> None:
    """It may be named as if it were due: at most its invoice is read once more."""
    table = Lagging()
    house = House(table=table)
    house.use()
    house.renew()
    house.at(5 * MINUTE).run()
    table.listed = tuple(key for shard in range(4) for key in table.due(f"CHARGE#{shard}", "9999"))
    house.go_on(3 * HOUR)
    done = house.bill()
    house.go_on(4 * HOUR)
    assert (State.AGREED, [200, 500, 500]) == (done.state, house.cents())
    assert (done.state, done.invoice_id) == (house.bill().state, house.bill().invoice_id)
