"""A spending cap stands on the period's row: the cap of the period's own time decides, and nothing later."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import product

import pytest

from tests.fakes.table import MemoryTable
from tests.ledger.story import BEGINNING, DAY, OFFER, Story, patience
from tests.ledger.turns import Turns
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.table import Table, Write
from tollkeeper.ledger.users import Users
from tollkeeper.rules.limits import Barrier
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise

MINUTE = timedelta(minutes=1)


def billed(story: Story, day: float = 30.1) -> object:
    """What the first month comes to."""
    story.on_day(day)
    story.close()
    return story.charges().get(0, {})


@pytest.mark.parametrize("then", [(0,), (0, None), (0, 700, None), (None, 0)])
def test_what_was_spent_before_the_cap_was_lowered_is_owed(then: tuple[int | None, ...]) -> None:
    """1,500 calls over, and then a cap of nothing, whether it stays or is taken away."""
    story = Story("starter")
    story.track("apiCalls", 2_500)
    for day, cap in enumerate(then, start=10):
        story.on_day(day)
        story.accept(cap)
    assert {"apiCalls": 1_500} == billed(story)


def test_a_higher_cap_does_not_bill_what_was_tracked_beyond_the_old_one() -> None:
    """Of 1,500 over, $5 accepted 500; from then on $100 do, and 200 more are used."""
    story = Story("starter")
    story.accept(500)
    story.track("apiCalls", 2_500)
    story.accept(100_00)
    story.track("apiCalls", 200)
    assert {"apiCalls": 700} == billed(story)


def test_what_an_old_cap_kept_off_stays_so_under_two_later_ones() -> None:
    """Of 1,500 over, $5 accepted 500; it is raised twice, and lowered to where it was."""
    story = Story("starter")
    story.accept(500)
    story.track("apiCalls", 2_500)
    for cap in (100_00, 200_00, 500):
        story.accept(cap)
        assert {"apiCalls": 1_000} == story.check().beyond
    story.track("apiCalls", 200)
    assert {"apiCalls": 500} == billed(story)


def test_what_a_correction_took_back_was_beyond_no_cap() -> None:
    """Of 1,500 over, $5 accepted 500; where all is taken back, the next cap keeps nothing off."""
    story = Story("starter")
    story.accept(500)
    story.track("apiCalls", 2_500)
    story.accept(100_00)
    at = story.now
    story.count([UsageRecord("back", "ada", "apiCalls", -1_500, at, at, reason="mistake", actor="support")])
    story.accept(200_00)
    assert {} == story.check().beyond
    story.track("apiCalls", 300)
    assert {"apiCalls": 300} == billed(story)


@pytest.mark.parametrize(
    ("before", "after", "calls"), [(500, 100_00, 500), (500, None, 500), (None, 100, 1_500)]
)
@pytest.mark.parametrize("is_heard", [True, False])
def test_after_the_end_nothing_changes_the_cap(
    before: int | None, after: int | None, calls: int, *, is_heard: bool
) -> None:
    """Another cap holds for the new month; what comes late for the old one, too, leaves the old cap alone."""
    story = Story("starter")
    story.accept(before)
    story.track("apiCalls", 2_499)
    story.on_day(30.005)
    if is_heard:
        story.hear()
    story.accept(after)
    story.track("apiCalls", 1, at=BEGINNING + 30 * DAY - MINUTE)
    assert {"apiCalls": calls} == billed(story, 30.02)
    assert before == next(each.spending_cap for each in story.periods() if each.start == BEGINNING)


def test_a_lower_cap_refuses_at_once_and_a_higher_one_allows_at_once() -> None:
    """Consuming asks the row."""
    story = Story("starter")
    story.consume("exports", 51)
    story.accept(40)
    assert Barrier.SPENDING_CAP == story.consume("exports")
    story.accept(100)
    assert story.consume("exports") is None
    assert Barrier.SPENDING_CAP == story.consume("exports")
    assert {"exports": 2} == billed(story)


def test_a_tracker_that_read_the_old_cap_does_not_bring_it_back() -> None:
    """Who begins a row knows the cap of before; on a row that has begun, it changes nothing."""
    for schedule in ([0, 1, 1, 1, 0], [1, 0, 1, 1, 0]):
        story = Story("starter")
        story.accept(500)
        story.on_day(30.1)
        story.track("apiCalls", 1)
        record = UsageRecord("r", "ada", "apiCalls", 1, story.now, story.now)

        def tracking(table: Table, story: Story = story, record: UsageRecord = record) -> None:
            counting = Counting(table, OFFER)
            (user,) = counting.profiles(["ada"])
            counting.count(user, [record], now=story.now, patience=patience())

        def accepting(table: Table, story: Story = story) -> None:
            SpendingCaps(table, OFFER).set("ada", None, story.now, patience())

        Turns(story.table, [tracking, accepting]).take(schedule)
        provisional = story.check()
        assert (None, 2) == (provisional.spending_cap, provisional.used["apiCalls"])


@pytest.mark.parametrize(("before", "after"), [(None, 500), (500, None), (500, 900)])
def test_whoever_read_the_old_cap_does_not_begin_the_next_period_under_it(
    before: int | None, after: int | None
) -> None:
    """Two minutes before the end another cap is accepted, while a record of after it is counted."""
    for schedule in product((0, 1), repeat=6):
        story = Story("starter")
        story.accept(before)
        story.on_day(30 - 2 * MINUTE / DAY)
        stamped = story.now + 3 * MINUTE
        record = UsageRecord("r", "ada", "exports", 1, stamped, story.now)

        def tracking(table: Table, story: Story = story, record: UsageRecord = record) -> None:
            counting = Counting(table, OFFER)
            (user,) = counting.profiles(["ada"])
            counting.count(user, [record], now=story.now, patience=patience())

        def accepting(table: Table, story: Story = story) -> None:
            SpendingCaps(table, OFFER).set("ada", after, story.now, patience())

        Turns(story.table, [tracking, accepting]).take(schedule)
        story.on_day(30.1)
        story.hear()
        assert (after, {"exports": 1}) == (story.check().spending_cap, story.check().used), schedule


@pytest.mark.parametrize("plan", [None, "starter"])
def test_every_interleaving_of_a_cap_and_a_word_puts_the_cap_on_the_period(plan: str | None) -> None:
    """Who accepts a cap while Stripe's word begins a period is not billed more in it."""
    for schedule in product((0, 1), repeat=6):
        story = Story(plan)
        if plan:
            story.on_day(30.1)
        else:
            story.world.subscribe("starter", timedelta(0))

        def accepting(table: Table, story: Story = story) -> None:
            SpendingCaps(table, OFFER).set("ada", 500, story.now, patience())

        def hearing(table: Table, story: Story = story) -> None:
            trigger = Trigger(story.now, event_id="evt")
            synchronise(story.world.customer, Users(table), story.world, OFFER, trigger)

        Turns(story.table, [accepting, hearing]).take(schedule)
        assert 500 == story.check().spending_cap


@pytest.mark.parametrize(("before", "after"), [(None, 500), (500, None), (500, 900)])
def test_a_cap_holds_for_the_next_period_though_something_was_counted_in_it(
    before: int | None, after: int | None
) -> None:
    """What was stamped three minutes ahead has begun it, under the cap of before."""
    story = Story("starter")
    story.accept(before)
    story.on_day(30 - 2 * MINUTE / DAY)
    story.track("exports", 1, at=story.now + 3 * MINUTE, accepted_at=story.now)
    story.accept(after)
    story.on_day(30.1)
    story.hear()
    assert (after, {"exports": 1}) == (story.check().spending_cap, story.check().used)


def test_a_period_that_is_expected_again_has_the_users_cap() -> None:
    """Cancelled and resumed in the last minutes: what was to be none is one, and capped as the user said."""
    story = Story("starter")
    story.accept(100)
    story.on_day(30 - 8 * MINUTE / DAY)
    subscription = story.world.live[0]
    story.world.change(subscription, cancel_at=subscription.period_end)
    story.hear()
    story.world.change(story.world.live[0], cancel_at=None)
    story.hear()
    story.on_day(30.1)
    story.track("apiCalls", 2_000)
    story.hear()
    assert 100 == story.check().spending_cap


def test_a_cap_holds_in_a_period_that_nothing_has_begun() -> None:
    """The first that is consumed in it begins its row, under the user's cap."""
    story = Story("starter")
    story.accept(500)
    story.on_day(30.1)
    assert story.consume("exports") is None
    assert (500, {"exports": 1}) == (story.check().spending_cap, story.check().used)


def test_what_costs_nothing_does_not_wait_for_a_cap() -> None:
    """Who consumes what has no price loses no race to somebody who sets a cap meanwhile."""
    story = Story("starter")
    story.consume("designsCreated")
    table = BusyTable()
    table.rows, story.table = story.table.rows, table
    table.meanwhile = lambda: story.accept(500)
    story.consume("designsCreated")
    assert 2 == len(story.calls), "the race was lost"


class BusyTable(MemoryTable):
    """A table at which something else is always done before a write."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def transact(self, writes: Sequence[Write]) -> None:
        """Let others write first."""
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        self.meanwhile = meanwhile
        super().transact(writes)


def test_with_a_cap_far_away_others_may_count_while_one_consumes() -> None:
    """The money that is left is shared out: a tracker at another metric makes nobody lose, and none waits."""
    story = Story("starter")
    story.accept(100_00)
    story.track("apiCalls", 1_500)
    story.track("exports", 60)
    table = BusyTable()
    table.rows, story.table = story.table.rows, table
    table.meanwhile = lambda: story.track("apiCalls", 1)
    for number in range(5):
        assert story.consume("exports") is None
        assert 2 == len(story.calls), f"the race was lost at the {number}th"


def test_with_a_cap_near_by_others_may_not_pass_it_together() -> None:
    """Where the money is for one only, who loses it to a tracker is told no, and nothing is passed."""
    story = Story("starter")
    story.accept(50)
    story.track("apiCalls", 1_000)
    story.track("exports", 50)
    table = BusyTable()
    table.rows, story.table = story.table.rows, table
    table.meanwhile = lambda: story.track("apiCalls", 1)
    assert Barrier.SPENDING_CAP == story.consume("exports")
