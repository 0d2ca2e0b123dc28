"""What the client sends, Tollkeeper takes: both know the same bounds (DESIGN §8)."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.catalogue import load
from tollkeeper.client import doors, facts, sqs
from tollkeeper.client.facts import UncountableError, fact
from tollkeeper.client.sums import Sums
from tollkeeper.rules import usage
from tollkeeper.usage import queue
from tollkeeper.usage.judgement import judge

METRICS = load().metrics
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=5)
texts = any_text | st.integers(126, 130).map("x".__mul__) | st.integers(254, 258).map("é".__mul__)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)
sizes = st.integers(4_000, 4_200).map(lambda size: {"é": "x" * size})
depths = st.integers(28, 36).map(lambda depth: {"deep": json.loads("[" * depth + "]" * depth)})


@given(
    user=texts | anything,
    metric=st.sampled_from([*METRICS, "unknown"]),
    quantity=st.integers(-1, 2) | st.sampled_from([10**9, 10**9 + 1]) | anything,
    facility=texts | anything,
    data=st.none() | st.dictionaries(any_text, anything, max_size=3) | sizes | depths,
)
def test_what_can_be_counted_is_always_taken(
    user: Any,  # noqa: ANN401 - a host may say anything
    metric: str,
    quantity: Any,  # noqa: ANN401 - the same
    facility: Any,  # noqa: ANN401 - the same
    data: dict[str, Any] | None,
) -> None:
    """Whatever a host says, it is refused at once, or Tollkeeper takes what is sent of it."""
    sums = Sums(10, NOW.timestamp)
    try:
        sums.add(fact(METRICS, user, metric, quantity, facility, data))
    except UncountableError:
        return
    (sealed,) = sums.seal(1)
    record = judge(json.loads(sealed.text), NOW, METRICS)
    assert (user, metric, quantity, NOW) == (
        record.user_id,
        record.metric,
        record.quantity,
        record.timestamp,
    )


def test_the_bounds_are_those_of_tollkeeper() -> None:
    """What fits one side fits the other."""
    assert (facts.LONGEST_ID, facts.LONGEST_USER) == (usage.MAX_ID_LENGTH, usage.LONGEST_USER_ID)
    assert (facts.MOST_QUANTITY, facts.MOST_DATA_BYTES) == (usage.MAX_QUANTITY, usage.MAX_EVENT_DATA_BYTES)
    assert (facts.MOST_DATA_DEPTH, doors.MOST_RECORDS) == (usage.MAX_EVENT_DATA_DEPTH, usage.MOST_RECORDS)
    assert doors.MOST_BODY_BYTES < usage.MAX_BODY_BYTES
    assert sqs.MESSAGE_BYTES == queue.MESSAGE_BYTES
