"""Stripe's words come late, or several at once: still one period holds each instant, for all who ask."""

from dataclasses import replace

import pytest

from tests.fakes.table import MemoryTable
from tests.ledger.story import BEGINNING, DAY, HOUR, OFFER, SECOND, Story, patience
from tests.ledger.stripe_world import MONTH
from tests.ledger.turns import Turns
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.limits import Barrier
from tollkeeper.rules.subscriptions import Cause, Status
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.rules.users import period_at
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise
from tollkeeper.views.subscription import overview

MOST_CALLS = 6
"""What one record may cost in calls of the table, whatever has become of its period."""


def never_closes(story: Story) -> list[float]:
    """The days on which periods began that are open, were used, and have no end."""
    return [
        (each.start - BEGINNING) / DAY
        for each in story.periods()
        if each.is_open and each.end is None and any(each.used.values())
    ]


def test_the_end_of_one_subscription_is_bound_with_the_start_of_the_next() -> None:
    """Heard together, what the new one includes may be used, and what is over is billed."""
    story = Story("starter")
    story.on_day(20)
    story.world.end(story.world.live[0])
    story.world.subscribe("professional", 0 * DAY)
    story.on_day(31)
    story.consume("designsCreated", 50)
    story.hear()
    assert story.consume("designsCreated", 51) is None
    story.track("exports", 700)
    assert [] == never_closes(story)
    assert [(0, 20), (20, 50)] == [
        ((each.start - BEGINNING) / DAY, (each.end - BEGINNING) / DAY)
        for each in story.periods()
        if each.end and not each.is_void
    ]
    story.on_day(50.1)
    story.hear()
    story.close()
    assert {20: {"exports": 200}} == story.charges()


def test_a_trial_that_was_ended_early_has_one_row_after_it_for_all() -> None:
    """Heard of after its known end, tracker and consume count together, under one limit."""
    story = Story("starter", 14 * DAY)
    story.on_day(5)
    story.world.move_trial_end(story.world.live[0], story.now)
    story.on_day(14.5)
    story.track("designsCreated", 1)
    story.on_day(15)
    story.hear()
    story.track("exports", 100)
    assert story.consume("exports", 40) is None
    assert {5: {"exports": 140}, 14: {"designsCreated": 1}} == story.used()
    assert {"exports": 140} == story.check().used
    story.on_day(35.1)
    story.hear()
    story.close()
    assert {5: {"exports": 90}} == story.charges()


def test_a_trial_that_was_extended_and_closed_has_a_rest() -> None:
    """Heard of after the close, the rest is a trial of its own: nobody repeats a write without end."""
    story = Story("starter", 14 * DAY)
    story.on_day(10)
    story.world.move_trial_end(story.world.live[0], BEGINNING + 30 * DAY)
    story.on_day(14.1)
    story.close()
    story.on_day(15)
    story.hear()
    assert [] == story.track("exports", 30).left
    assert len(story.calls) <= MOST_CALLS
    assert story.consume("exports", 20) is None
    assert Barrier.LIMIT == story.consume("exports", 1)
    assert {14: {"exports": 50}} == story.used()


def test_a_late_record_of_a_long_trial_that_was_cancelled_finds_its_place() -> None:
    """After more than 32 days, too: it is shown, at a cost that has a bound, and others are counted."""
    story = Story("starter", 45 * DAY)
    story.on_day(40)
    story.world.end(story.world.live[0])
    story.hear()
    story.on_day(40.1)
    story.close()
    late = UsageRecord("late", "ada", "exports", 3, BEGINNING + 39 * DAY, story.now)
    tally = story.count([late, replace(late, id="today", timestamp=story.now)])
    assert ([], 2) == (tally.left, len(tally.counted))
    assert len(story.calls) <= MOST_CALLS


def test_a_cancelled_duplicate_never_wins_over_the_real_one() -> None:
    """Without a live one, that which ended last counts; its end is audited, and its plan's time with it."""
    story = Story("starter")
    story.on_day(2)
    story.world.subscribe("professional", 0 * DAY)
    story.world.end(story.world.live[1], Cause.DUPLICATE)
    story.on_day(3)
    story.world.end(story.world.live[0])
    story.hear()
    (user,) = Users(story.table).profiles(["ada"])
    assert user.subscription
    assert ("sub_0", 1) == (user.subscription.id, story.audited().count("SUBSCRIPTION_CANCELED"))
    story.track("designsCreated", 3)
    assert Barrier.LIMIT == story.consume("designsCreated", 1)


@pytest.mark.parametrize("day", [33, 100, 729])
def test_a_period_of_any_length_is_found(day: int) -> None:
    """In a trial of two years a check shows what was used, and consuming counts up to the limit."""
    story = Story("starter", 730 * DAY)
    story.track("exports", 7)
    story.on_day(day)
    story.hear()
    assert {"exports": 7} == story.check().used
    assert story.consume("exports", 43) is None
    assert Barrier.LIMIT == story.consume("exports")


@pytest.mark.parametrize("days_late", [0, 10])
def test_an_upgrade_freezes_what_is_over_and_raises_the_limit(days_late: int) -> None:
    """Heard at once or later: the 30 that were over are owed, and what the new plan includes is free."""
    story = Story("starter")
    story.on_day(5)
    story.track("exports", 80)
    story.world.change(story.world.live[0], plan="professional")
    if not days_late:
        story.hear()
        story.track("exports", 400)
    story.on_day(5 + days_late)
    story.hear()
    assert {"exports": 30} == story.periods()[0].incurred
    assert story.consume("designsCreated", 51) is None
    story.track("apiCalls", 9_000)
    story.on_day(30.1)
    story.close()
    assert {0: {"exports": 30}} == story.charges()


def test_late_usage_of_a_trial_is_never_billed() -> None:
    """It is shown on its day, and takes nothing of the first paid month."""
    story = Story("starter", 14 * DAY)
    story.on_day(14.1)
    story.hear()
    story.close()
    story.track("exports", 500, at=BEGINNING + 13 * DAY)
    story.track("exports", 50)
    assert {14: {"exports": 50}} == story.used()
    story.on_day(44.1)
    story.hear()
    story.close()
    assert {} == story.charges()


def test_unbilled_late_usage_takes_nothing_of_the_free_month() -> None:
    """Late after the subscription's end, it is kept and audited, and the free month's limit is whole."""
    story = Story("starter")
    story.on_day(10)
    story.world.end(story.world.live[0])
    story.hear()
    story.on_day(10.1)
    story.close()
    story.track("designsCreated", 40, at=BEGINNING + 9 * DAY)
    assert "USAGE_UNBILLED" in story.audited()
    assert [None, Barrier.LIMIT] == [story.consume("designsCreated", 3), story.consume("designsCreated")]


def test_what_is_expected_of_a_customer_who_is_gone_does_not_stay_open() -> None:
    """Whose customer was replaced is shown by Stripe no more; what was counted on is void, and audited."""
    story = Story("starter")
    story.on_day(20)
    deleted = story.world.replace_customer()
    Users(story.table).bind_customer("ada", story.world.customer, replacing=deleted)
    story.on_day(30.1)
    story.track("exports", 60)
    story.world.subscribe("starter", 0 * DAY)
    story.hear()
    assert [] == never_closes(story)
    assert "USAGE_UNBILLED" in story.audited()


@pytest.mark.parametrize("is_counted_in", [False, True])
def test_the_rest_of_a_trial_is_tried_though_nobody_heard_of_it(*, is_counted_in: bool) -> None:
    """Extended, and renewed after it, before the first word: nothing of the trial is billed."""
    story = Story("starter", 14 * DAY)
    story.on_day(10)
    story.world.move_trial_end(story.world.live[0], BEGINNING + 20 * DAY)
    story.on_day(18)
    if is_counted_in:
        story.track("exports", 70)
    story.on_day(81)
    story.hear()
    told = [(each.start, each.end, each.terms.billed) for each in story.periods() if each.subscription_id]
    days = [
        ((start - BEGINNING) / DAY, end and (end - BEGINNING) / DAY, billed) for start, end, billed in told
    ]
    assert [(0, 14, False), (14, 20, False), (20, 80, True), (80, 110, True)] == days


def test_a_very_late_record_still_belongs_to_its_period() -> None:
    """Older than what the user's row tells, its period is found among the closed ones: it is late."""
    story = Story("starter")
    story.on_day(30.1)
    story.hear()
    story.close()
    for day in (60.1, 90.1, 120.1):
        story.on_day(day)
        story.hear()
        story.close()
    at = BEGINNING + 29 * DAY
    story.track("exports", 3, at=at, accepted_at=BEGINNING + 62 * DAY)
    assert {120: {"exports": 3}} == story.used()
    user = Users(story.table).read("ada", story.now, [at])
    assert BEGINNING == period_at(user, at, OFFER).start


def test_every_interleaving_of_a_word_and_a_count_names_what_stripe_said() -> None:
    """Whoever named the period before the word and writes after it counts by the word."""
    for schedule in ([0, 1, 1, 1, 1, 0], [0, 0, 1, 1, 1, 1], [1, 0, 1, 1, 0, 1], [1, 1, 0, 1, 0, 1]):
        for consumes in (False, True):
            assert counted_around_a_word(schedule, consumes=consumes) in ({5: 2}, {0: 2})


def counted_around_a_word(schedule: list[int], *, consumes: bool) -> dict[float, int]:
    """Count two exports of the sixth day while a word of the trial's end on the fifth comes."""
    story = Story("starter", 14 * DAY)
    story.on_day(5)
    story.world.move_trial_end(story.world.live[0], story.now)
    story.on_day(6)
    record = UsageRecord("r", "ada", "exports", 2, story.now, story.now)
    order: list[str] = []

    class Noting(MemoryTable):
        """Notes who wrote when."""

        def transact(self, writes: object) -> None:
            super().transact(writes)  # type: ignore[arg-type]
            order.append("word" if len(writes) > 4 or not self.counts(writes) else "count")  # type: ignore[arg-type]

        @staticmethod
        def counts(writes: object) -> bool:
            return any(each.key.pk.startswith("RECORD#") for each in writes)  # type: ignore[attr-defined]

    table = Noting()
    table.rows = story.table.rows

    def counting(table: Table) -> None:
        if consumes:
            Consuming(table, OFFER).consume(record, patience())
            return
        counting = Counting(table, OFFER)
        (user,) = counting.profiles(["ada"])
        counting.count(user, [record], now=story.now, patience=patience())

    def hearing(table: Table) -> None:
        synchronise("cus_1", Users(table), story.world, OFFER, Trigger(story.now, event_id="evt"))

    Turns(table, [counting, hearing]).take(schedule)
    used = {
        (each.start - BEGINNING) / DAY: each.used["exports"]
        for each in story.periods()
        if any(each.used.values())
    }
    if order.index("word") < order.index("count"):
        assert {5: 2} == used
    return used


def test_check_and_reader_show_the_same_period() -> None:
    """At the last second and at the first of the next, before Stripe's word and after it."""
    story = Story("starter")
    for day in (30 - SECOND / DAY, 30, 30.5):
        story.on_day(day)
        story.track("exports", 1)
        user = Users(story.table).read("ada", story.now)
        shown = overview(user, OFFER, story.now)
        assert (story.check().start, story.check().used["exports"]) == (
            shown.current_period_start,
            shown.usage["exports"],
        )
    story.hear()
    assert {0: {"exports": 1}, 30: {"exports": 2}} == story.used()


def test_a_plan_is_not_given_away_because_a_word_was_missed() -> None:
    """Three days past a period's end without a word of the next, the limits are the free plan's."""
    story = Story("professional")
    story.on_day(25)
    story.world.change(story.world.live[0], status=Status.CANCELED, ended_at=story.now)
    story.on_day(33 - SECOND / DAY)
    assert story.consume("exports", 100) is None
    story.on_day(33)
    assert Barrier.LIMIT == story.consume("exports", 100)
    assert ["ada"] == list(Users(story.table).unheard_of(BEGINNING + MONTH + 2 * HOUR))
