"""A limit holds: consuming checks and counts in one write, a yes is remembered, a release gives back once."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import bound
from tests.fakes.table import MemoryTable
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.consuming import Consuming, Obstacle, ObstacleError, Release
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.history import History
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.limits import Barrier
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.usage import UsageRecord

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MONTH = timedelta(days=30)
OFFER = Offer(load(), date(2000, 1, 1))
STARTER = Subscription("sub_1", "cus_1", "starter", Status.ACTIVE, NOW, NOW, NOW + MONTH)


def wish(name: str, metric: str = "designsCreated", quantity: int = 1, at: datetime = NOW) -> UsageRecord:
    """Return what Ada wants to consume."""
    return UsageRecord(name, "ada", metric, quantity, at, at)


def subscribe(table: Table, subscription: Subscription) -> None:
    """Write what Stripe says of Ada's subscription."""
    users = Users(table)
    user = users.history("ada")
    users.write_subscription(user, subscription, bound(user, subscription, at=NOW, offer=OFFER))


def used(table: Table, metric: str = "designsCreated") -> int:
    """Return what all of Ada's periods hold of a metric."""
    found = table.query(keys.user("ada"), "PERIOD#", "PERIOD$")
    return sum(int(row.get(rows.USED + metric, 0)) for row in found)


def consume(table: Table, record: UsageRecord) -> Barrier | None:
    """Consume, and return what stood in the way."""
    return Consuming(table, OFFER).consume(record, for_seconds(5)).barrier


def release(table: Table, name: str, quantity: int | None = None, at: datetime = NOW) -> None:
    """Release what Ada consumed."""
    Consuming(table, OFFER).release(Release("ada", name, "designsCreated", at, quantity), for_seconds(5))


def test_the_free_plan_allows_its_limit_and_no_more(table: Table) -> None:
    """Three designs are free; the fourth is refused, and nothing of it is kept."""
    assert [None] * 3 + [Barrier.LIMIT] == [consume(table, wish(f"d{number}")) for number in range(4)]
    assert 3 == used(table)
    assert [] == list(table.get_all([keys.record("ada", "d3")]))


def test_what_is_consumed_is_listed_with_the_yes(table: Table) -> None:
    """The page that lists it is part of the same write; of what was refused there is none."""
    for number in range(4):
        consume(table, wish(f"d{number}"))
    listed = History(table).of_month("ada", "2026-03").entries
    assert {"d0", "d1", "d2"} == {each.line.id for each in listed}


def test_a_request_that_straddles_the_limit_is_refused_whole(table: Table) -> None:
    """Two where one is left are refused; the one that fits is allowed."""
    assert consume(table, wish("a", quantity=2)) is None
    assert Barrier.LIMIT == consume(table, wish("b", quantity=2))
    assert consume(table, wish("c")) is None


def test_a_yes_is_remembered(table: Table) -> None:
    """The same id is answered yes again, also when the limit is reached, and counts once."""
    assert consume(table, wish("a", quantity=3)) is None
    assert consume(table, wish("a", quantity=3)) is None
    assert 3 == used(table)


def test_a_no_is_not_remembered(table: Table) -> None:
    """What was refused may be asked again under its id, and is allowed once there is room."""
    consume(table, wish("a", quantity=3))
    assert Barrier.LIMIT == consume(table, wish("b"))
    release(table, "a", 1)
    assert consume(table, wish("b")) is None


def test_a_record_tracked_under_the_id_is_the_same_fact(table: Table) -> None:
    """Consuming and tracking share their ids: what was consumed is not counted again when it is tracked."""
    consume(table, wish("a"))
    counting = Counting(table, OFFER)
    (user,) = counting.profiles(["ada"])
    counting.count(user, [wish("a")], now=NOW, patience=for_seconds(5))
    assert 1 == used(table)


@pytest.mark.parametrize("other", [wish("a", quantity=2), wish("a", metric="exports")])
def test_an_id_stands_for_one_fact(table: Table, other: UsageRecord) -> None:
    """An id that was consumed for something else is a conflict, not a yes."""
    consume(table, wish("a"))
    with pytest.raises(ObstacleError, match=Obstacle.CONFLICT):
        consume(table, other)


def test_tracked_usage_counts_against_the_limit(table: Table) -> None:
    """Tracking is never refused, but what it brings over the limit makes later consumption a no."""
    counting = Counting(table, OFFER)
    (user,) = counting.profiles(["ada"])
    counting.count(user, [wish("t", quantity=7)], now=NOW, patience=for_seconds(5))
    assert Barrier.LIMIT == consume(table, wish("a"))


def test_a_metric_with_a_price_goes_over_on_a_paid_plan(table: Table) -> None:
    """Starter includes 50 exports; the 51st is allowed, since it is billed."""
    subscribe(table, STARTER)
    assert consume(table, wish("a", "exports", 50)) is None
    assert consume(table, wish("b", "exports", 1)) is None


def test_a_trial_is_hard(table: Table) -> None:
    """Stripe bills no usage in a trial, so a metric with a price stops at its limit."""
    subscribe(
        table,
        Subscription(
            "sub_1", "cus_1", "starter", Status.TRIALING, NOW, NOW, NOW + MONTH, trial_end=NOW + MONTH
        ),
    )
    assert consume(table, wish("a", "exports", 50)) is None
    assert Barrier.LIMIT == consume(table, wish("b", "exports"))


def test_past_due_keeps_the_plan_for_seven_days(table: Table) -> None:
    """Within the grace of a failed invoice the plan's limits hold, after it those of the free plan."""
    subscribe(
        table,
        Subscription("sub_1", "cus_1", "starter", Status.PAST_DUE, NOW, NOW, NOW + MONTH, past_due_since=NOW),
    )
    in_grace = NOW + timedelta(days=7) - timedelta(seconds=1)
    assert consume(table, wish("a", quantity=10, at=in_grace)) is None
    assert Barrier.LIMIT == consume(table, wish("b", at=NOW + timedelta(days=7)))


def test_a_period_that_ended_a_second_ago_is_over(table: Table) -> None:
    """Before Stripe has renewed, the next period begins provisionally, with room of its own."""
    subscribe(table, STARTER)
    assert consume(table, wish("a", quantity=50, at=NOW + MONTH - timedelta(seconds=1))) is None
    assert Barrier.LIMIT == consume(table, wish("b", at=NOW + MONTH - timedelta(seconds=1)))
    assert consume(table, wish("c", at=NOW + MONTH)) is None


def close_all(table: Table, at: datetime) -> None:
    """Close what has ended by then."""
    for ended in Closing(table).ended(at):
        period = Closing(table).read(*ended).period
        assert period
        Closing(table).close("ada", period, (), None, at)


def test_a_release_comes_too_late_after_the_close(table: Table) -> None:
    """What was consumed in a closed period cannot be released: it may have been billed."""
    subscribe(table, STARTER)
    consume(table, wish("a"))
    close_all(table, NOW + MONTH)
    with pytest.raises(ObstacleError, match=Obstacle.PERIOD_CLOSED):
        release(table, "a", at=NOW + MONTH)
    assert 1 == used(table)


def test_a_closed_period_consumes_nothing_more(table: Table) -> None:
    """A period closed before its end takes no more: the user stands on the free calendar month."""
    subscribe(table, STARTER)
    (period,) = Users(table).history("ada").periods
    Closing(table).close("ada", period, (), None, NOW)
    assert [None] * 3 + [Barrier.LIMIT] == [consume(table, wish(f"d{number}")) for number in range(4)]


def test_a_release_gives_back_once(table: Table) -> None:
    """Releasing again answers the same and gives nothing more; another amount of it is a conflict."""
    consume(table, wish("a", quantity=3))
    release(table, "a", 2)
    release(table, "a", 2)
    assert 1 == used(table)
    with pytest.raises(ObstacleError, match=Obstacle.CONFLICT):
        release(table, "a", 1)


def test_a_release_knows_its_id(table: Table) -> None:
    """An id that was never consumed, only tracked, or consumed of another metric is unknown."""
    counting = Counting(table, OFFER)
    (user,) = counting.profiles(["ada"])
    counting.count(user, [wish("tracked")], now=NOW, patience=for_seconds(5))
    consume(table, wish("other", "exports"))
    for name in ("never", "tracked", "other"):
        with pytest.raises(ObstacleError, match=Obstacle.UNKNOWN):
            release(table, name)


def test_a_released_id_is_spent(table: Table) -> None:
    """Consuming a released id again is no yes for nothing."""
    consume(table, wish("a"))
    release(table, "a")
    with pytest.raises(ObstacleError, match=Obstacle.RELEASED):
        consume(table, wish("a"))
    assert 0 == used(table)


def test_more_than_was_consumed_is_not_released(table: Table) -> None:
    """Releasing more than was consumed under the id is a conflict."""
    consume(table, wish("a"))
    with pytest.raises(ObstacleError, match=Obstacle.CONFLICT):
        release(table, "a", 2)


@given(
    cap=st.integers(0, 400),
    asked=st.lists(st.tuples(st.sampled_from(["apiCalls", "aiQueries", "exports"]), st.integers(1, 30))),
)
@settings(max_examples=150, deadline=None)
def test_a_spending_cap_is_never_passed(cap: int, asked: list[tuple[str, int]]) -> None:
    """Consuming is refused at the very cent that would pass the cap, whichever metric it is spent on."""
    table = MemoryTable()
    subscribe(table, STARTER)
    SpendingCaps(table, OFFER).set("ada", cap, NOW, for_seconds(5))
    prices = {"apiCalls": Decimal(1), "aiQueries": Decimal(10), "exports": Decimal(50)}
    limits = {"apiCalls": 1_000, "aiQueries": 100, "exports": 50}
    for metric, limit in limits.items():
        assert consume(table, wish(f"all-{metric}", metric, limit)) is None
    over = dict.fromkeys(limits, 0)
    for number, (metric, quantity) in enumerate(asked):
        cost = sum(prices[each] * over[each] for each in over) + prices[metric] * quantity
        barrier = consume(table, wish(f"w{number}", metric, quantity))
        assert (Barrier.SPENDING_CAP if cost > cap else None) == barrier
        if barrier is None:
            over[metric] += quantity


def test_a_cap_that_is_reached_leaves_what_is_included(table: Table) -> None:
    """A cap of nothing refuses only what costs: what the plan includes goes on."""
    subscribe(table, STARTER)
    SpendingCaps(table, OFFER).set("ada", 0, NOW, for_seconds(5))
    assert consume(table, wish("a", "exports", 50)) is None
    assert Barrier.SPENDING_CAP == consume(table, wish("b", "exports"))
    assert consume(table, wish("c", "apiCalls", 1_000)) is None
    assert consume(table, wish("d")) is None
