"""The pace at which Stripe's endpoints are called."""

from collections import defaultdict
from itertools import pairwise
from threading import Thread

from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.stripe.gateway.pacing import Pacing

LIST = "https://api.stripe.com/v1/subscriptions?customer=cus_1"
OTHER = "https://api.stripe.com/v1/customers/cus_1"


class Hours:
    """A clock that goes on by waiting alone."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def read(self) -> float:
        """Return the seconds that have passed."""
        return self.now

    def wait(self, seconds: float) -> None:
        """Wait."""
        self.waits.append(seconds)
        self.now += seconds


@given(st.lists(st.tuples(st.sampled_from([LIST, OTHER]), st.floats(0, 0.5)), max_size=60))
def test_no_endpoint_is_called_more_often_than_it_takes(calls: list[tuple[str, float]]) -> None:
    """Ten a second are a tenth of a second apart, however they come."""
    hours = Hours()
    pacing = Pacing(10, hours.read, hours.wait)
    made: dict[str, list[float]] = defaultdict(list)
    for url, pause in calls:
        hours.now += pause
        pacing.wait(url)
        made[url].append(hours.now)
    for times in made.values():
        assert [] == [gap for before, after in pairwise(times) if (gap := after - before) < 0.0999]


def test_who_comes_late_does_not_wait() -> None:
    """And what was not called for a while is not caught up with."""
    hours = Hours()
    pacing = Pacing(10, hours.read, hours.wait)
    pacing.wait(LIST)
    hours.now = 60.0
    pacing.wait(LIST)
    assert [] == hours.waits
    pacing.wait(LIST)
    assert 1 == len(hours.waits)


def test_one_endpoint_does_not_slow_another() -> None:
    """An object's own address belongs to its resource."""
    hours = Hours()
    pacing = Pacing(10, hours.read, hours.wait)
    pacing.wait(LIST)
    pacing.wait(OTHER)
    assert [] == hours.waits
    pacing.wait("https://api.stripe.com/v1/customers")
    assert 1 == len(hours.waits)


def test_threads_share_the_pace() -> None:
    """Twenty calls at one instant get twenty turns, two seconds in all."""
    waits: list[float] = []
    pacing = Pacing(10, lambda: 0.0, waits.append)
    threads = [Thread(target=pacing.wait, args=(LIST,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [round(number / 10, 6) for number in range(1, 20)] == sorted(round(each, 6) for each in waits)
