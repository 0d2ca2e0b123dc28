"""What a usage record is, and when one may be accepted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import NOW, RECORD
from tollkeeper.rules.usage import UsageRecord, billing_month, is_timely, merge

TICK = timedelta.resolution
OLDEST, FURTHEST = timedelta(days=-35), timedelta(minutes=5)

# Few ids, metrics and quantities, so that many are the same and some contradict each other.
records = st.lists(
    st.builds(
        replace,
        st.just(RECORD),
        id=st.sampled_from("abc"),
        metric=st.sampled_from(["apiCalls", "exports"]),
        quantity=st.integers(1, 2),
    ),
    max_size=8,
)


@pytest.mark.parametrize(
    ("age", "timely"),
    [
        (OLDEST - TICK, False),
        (OLDEST, True),
        (timedelta(0), True),
        (FURTHEST, True),
        (FURTHEST + TICK, False),
    ],
)
def test_a_record_is_timely_from_35_days_ago_to_5_minutes_ahead(*, age: timedelta, timely: bool) -> None:
    """Both bounds are still timely, a microsecond beyond either is not."""
    assert timely == is_timely(NOW + age, NOW)


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(replace(RECORD, timestamp=NOW + FURTHEST), id="another time"),
        pytest.param(replace(RECORD, accepted_at=NOW + FURTHEST), id="accepted again"),
        pytest.param(replace(RECORD, facility_id="greenhouse"), id="another facility"),
        pytest.param(replace(RECORD, event_data='{"tokens":5}'), id="other data"),
    ],
)
def test_a_record_sent_again_states_the_same(again: UsageRecord) -> None:
    """A sender may stamp or describe a retry anew: metric and quantity decide."""
    assert RECORD.states_the_same_as(again)


@pytest.mark.parametrize("other", [replace(RECORD, metric="exports"), replace(RECORD, quantity=2)])
def test_another_metric_or_quantity_is_another_fact(other: UsageRecord) -> None:
    """Under one id they are a conflict."""
    assert not RECORD.states_the_same_as(other)


@given(records)
def test_merging_keeps_each_id_once(sent: Sequence[UsageRecord]) -> None:
    """Of every id the first record stays, in the order in which they came."""
    kept, _ = merge(sent)
    assert list(dict.fromkeys(each.id for each in sent)) == [each.id for each in kept]
    assert all(each is next(first for first in sent if first.id == each.id) for each in kept)


@given(records)
def test_merging_drops_nothing_but_repetitions(sent: Sequence[UsageRecord]) -> None:
    """What is neither kept nor a conflict says again what the record kept for its id says."""
    kept, conflicts = merge(sent)
    facts = {each.id: (each.metric, each.quantity) for each in kept}
    assert [each for each in sent if (each.metric, each.quantity) != facts[each.id]] == conflicts


@pytest.mark.parametrize(
    ("instant", "month"),
    [
        (datetime(2025, 10, 31, 23, 59, 59, 999_999, tzinfo=UTC), "2025-10"),
        (datetime(2025, 11, 1, tzinfo=UTC), "2025-11"),
        (datetime(2025, 10, 31, 20, tzinfo=timezone(timedelta(hours=-5))), "2025-11"),
        (datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2025-12"),
    ],
)
def test_the_billing_month_is_that_of_utc(instant: datetime, month: str) -> None:
    """A record's month is the UTC calendar month of its own timestamp, whenever it was accepted."""
    assert month == billing_month(instant)
    assert month == replace(RECORD, timestamp=instant, accepted_at=NOW).billing_month
