"""A period closes by the queue, not by the clock: what was accepted before its end is waited for."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.fakes.stripe import FakeStripe
from tests.ledger.story import BEGINNING, DAY, OFFER, Story
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.tracking import LATELY, QueueBacklog
from tollkeeper.ledger.users import Users
from tollkeeper.periods.reporter import Report, Reporter
from tollkeeper.periods.settling import Settling
from tollkeeper.queues import LONGEST_WAIT_SECONDS
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
END = BEGINNING + 30 * DAY


@dataclass
class Queue:
    """A usage queue, by SQS's own numbers."""

    is_clear: bool = False

    def is_empty(self) -> bool:
        """Whether nothing is on it."""
        return self.is_clear


class House:
    """Ada's month has just ended, and the reporter runs."""

    def __init__(self) -> None:
        self.story = Story("starter")
        self.queue = Queue()
        self.backlog = QueueBacklog(self.story.table)
        self.reporter = Reporter(
            Users(self.story.table),
            Closing(self.story.table),
            FakeStripe(),
            Settling(self.queue, self.backlog),
            "live",
        )
        self.at(timedelta(0))
        self.story.hear()

    def at(self, after_end: timedelta) -> None:
        """Let it be so long after the month's end."""
        self.story.world.pass_time(END + after_end - self.story.now)

    def run(self) -> Report:
        """Let the reporter run now."""
        return self.reporter.run(self.story.now)


@pytest.fixture
def house() -> House:
    """A house whose queue holds something."""
    return House()


def test_what_was_accepted_before_the_end_and_counted_after_it_is_billed_in_its_month(house: House) -> None:
    """5,000 calls come out of a backlog sixteen minutes after the end: the month has waited for them."""
    house.at(15 * MINUTE)
    house.backlog.note(END - MINUTE, house.story.now)
    assert (0, 1) == (house.run().closed, house.run().settling)
    house.at(16 * MINUTE)
    house.story.track("apiCalls", 5_000, at=END - MINUTE, accepted_at=END - MINUTE)
    house.queue.is_clear = True
    report = house.run()
    assert (1, 0, 0) == (report.closed, report.settling, report.unsettled)
    assert {0: {"apiCalls": 4_000}} == house.story.charges()


def test_an_empty_queue_is_enough_five_minutes_after_the_end(house: House) -> None:
    """What was accepted at the last second has reached the queue by then, and not before."""
    house.queue.is_clear = True
    house.at(5 * MINUTE - SECOND)
    assert 0 == house.run().closed
    house.at(5 * MINUTE)
    assert 1 == house.run().closed


@pytest.mark.parametrize(("oldest", "closes"), [(-SECOND, 0), (timedelta(0), 0), (SECOND, 1)])
def test_a_busy_queue_is_enough_if_what_trackers_hold_is_younger(
    house: House, oldest: timedelta, closes: int
) -> None:
    """Under load the queue is never empty: the oldest acceptance that was lately held decides."""
    house.at(10 * MINUTE)
    house.backlog.note(END + oldest, house.story.now - MINUTE)
    QueueBacklog(house.story.table).note(house.story.now, house.story.now)
    assert closes == house.run().closed


def test_a_queue_of_which_nobody_tells_is_waited_for(house: House) -> None:
    """Something is on it, and no tracker has held any of it lately."""
    house.at(30 * MINUTE)
    assert (0, 1) == (house.run().closed, house.run().settling)


def test_forty_minutes_after_the_end_nobody_waits_and_the_alarm_rings(house: House) -> None:
    """The period is closed all the same, and counted among those that had not settled."""
    house.at(40 * MINUTE - SECOND)
    house.backlog.note(END - MINUTE, house.story.now)
    assert 0 == house.run().closed
    house.at(40 * MINUTE)
    report = house.run()
    assert (1, 1) == (report.closed, report.unsettled)


def test_a_message_that_waits_out_of_sight_is_not_forgotten(house: House) -> None:
    """Notes reach further back than the longest wait of a message that failed."""
    house.at(6 * MINUTE)
    house.backlog.note(END - MINUTE, house.story.now)
    house.at(6 * MINUTE + timedelta(seconds=LONGEST_WAIT_SECONDS) + MINUTE)
    QueueBacklog(house.story.table).note(house.story.now, house.story.now)
    assert 0 == house.run().closed
    assert timedelta(seconds=LONGEST_WAIT_SECONDS) < LATELY


def test_a_tracker_notes_once_a_minute_or_what_is_older(house: House) -> None:
    """A minute in which it has told of something as old is told of once."""
    table, now = house.story.table, house.story.now
    noted = QueueBacklog(table)
    before = len(table.rows)
    noted.note(now, now)
    noted.note(now, now + SECOND)
    noted.note(now + SECOND, now + 2 * SECOND)
    assert (before + 1, now) == (len(table.rows), noted.oldest(now))
    noted.note(now - DAY, now + 3 * SECOND)
    assert (before + 1, now - DAY) == (len(table.rows), noted.oldest(now))


def test_a_period_that_was_extended_since_the_index_was_read_is_not_closed() -> None:
    """The index lags behind the table: the row's own end decides."""
    house = House()
    house.queue.is_clear = True
    story = Story("starter", 14 * DAY)
    story.on_day(13)
    story.world.move_trial_end(story.world.live[0], BEGINNING + 20 * DAY)
    story.on_day(14.1)
    closing = Closing(story.table)
    listed = list(closing.ended(story.now))
    synchronise("cus_1", Users(story.table), story.world, OFFER, Trigger(story.now))

    class Lagging(Closing):
        """A book whose index is as it was."""

        def ended(self, until: object) -> object:  # type: ignore[override]
            return iter(listed if until else ())

    settling = Settling(house.queue, QueueBacklog(story.table))
    reporter = Reporter(Users(story.table), Lagging(story.table), FakeStripe(), settling, "live")
    assert (1, 0) == (len(listed), reporter.run(story.now).closed)
