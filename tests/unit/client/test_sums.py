"""Sums: in whatever order things happen, what was counted is sent once, and sealed (DESIGN rule 16)."""

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tollkeeper.client.doors import fitting
from tollkeeper.client.facts import MOST_QUANTITY, Fact
from tollkeeper.client.sums import Sums

users = st.sampled_from(["ada", "bob"])
metrics = st.sampled_from(["apiCalls", "exports"])
facilities = st.sampled_from([None, "greenhouse-1"])
quantities = st.integers(1, 5) | st.just(MOST_QUANTITY)
data = st.sampled_from([None, '{"tokens":3}'])


class SumsInTime(RuleBasedStateMachine):
    """Facts come, time passes, sums are sealed, sent, taken, lost and sent again."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_760_000_000.0
        self.sums = Sums(1_000, lambda: self.now)
        self.counted: Counter[tuple[str, str, str | None]] = Counter()
        self.texts: dict[str, str] = {}
        self.taken: set[str] = set()

    @rule(user=users, metric=metrics, quantity=quantities, facility=facilities, data=data)
    def add(self, user: str, metric: str, quantity: int, facility: str | None, data: str | None) -> None:
        """Count a fact."""
        self.sums.add(Fact(user, metric, quantity, facility, data))
        self.counted[user, metric, facility] += quantity

    @rule(user=users, metric=metrics)
    def add_alone(self, user: str, metric: str) -> None:
        """Count a fact under an id of its own."""
        self.sums.add(Fact(user, metric), self.sums.next_id())
        self.counted[user, metric, None] += 1

    @rule(seconds=st.sampled_from([1, 600, 3_600]))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.now += seconds

    @rule(most=st.integers(1, 5), taken=st.integers(0, 5))
    def send(self, most: int, taken: int) -> None:
        """Send some, of which some are taken; the rest is sent again, as it was."""
        sealed = self.sums.seal(most)
        for each in sealed:
            assert each.text == self.texts.setdefault(each.id, each.text)
            assert each.id not in self.taken
        ids = {each.id for each in sealed[:taken]}
        self.taken |= ids
        self.sums.settle(ids)

    @invariant()
    def nothing_is_lost_and_nothing_twice(self) -> None:
        """What was taken and what waits is what was counted."""
        waiting = self.sums.waiting()[2]
        taken = Counter[str]()
        for each in self.taken:
            record = json.loads(self.texts[each])
            taken[record["eventType"]] += record["quantity"]
        counted = Counter[str]()
        for (_, metric, _), quantity in self.counted.items():
            counted[metric] += quantity
        assert counted == waiting + taken

    def teardown(self) -> None:
        """In the end each user, metric and facility has what was counted, in records that can be taken."""
        while sealed := self.sums.seal(7):
            self.texts |= {each.id: each.text for each in sealed}
            self.sums.settle({each.id for each in sealed})
        told: Counter[tuple[str, str, str | None]] = Counter()
        for text in self.texts.values():
            record = json.loads(text)
            assert 1 <= record["quantity"] <= MOST_QUANTITY
            told[record["userId"], record["eventType"], record.get("facilityId")] += record["quantity"]
        assert self.counted == told


TestSumsInTime = SumsInTime.TestCase


def test_a_sum_never_spans_two_hours() -> None:
    """So that it falls into one month and day, and is late for a period by an hour at most."""
    now = [3_599.0]
    sums = Sums(10, lambda: now[0])
    for each in (3_599.0, 3_600.0, 3_601.0):
        now[0] = each
        sums.add(Fact("ada", "apiCalls"))
    records = [json.loads(each.text) for each in sums.seal(10)]
    assert [("1970-01-01T00:59:59+00:00", 1), ("1970-01-01T01:00:00+00:00", 2)] == [
        (each["timestamp"], each["quantity"]) for each in records
    ]


def test_ids_are_those_of_one_process() -> None:
    """Another process, or a fork of this one, has other ids."""
    sums = Sums(10)
    ids = [sums.next_id()]
    sums.forget()
    ids += [sums.next_id(), Sums(10).next_id()]
    assert 3 == len(set(ids))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(10, 100))
def test_a_body_is_never_too_long_unless_for_one(sizes: list[int], most: int) -> None:
    """As many sums as fit go at once, and one at least."""
    sums = Sums(100, lambda: 0.0)
    for size in sizes:
        sums.add(Fact("x" * size, "apiCalls"), sums.next_id())
    sealed = sums.seal(100)
    taken = fitting(sealed, most)
    assert taken == sealed[: len(taken)]
    assert taken
    assert 1 == len(taken) or sum(len(each.text) + 1 for each in taken) <= most
