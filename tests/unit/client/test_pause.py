"""While Tollkeeper is away nobody waits for it, and soon after it is back everybody asks again."""

from tollkeeper.client.quota import FAILURES, Pause


class Time:
    """A clock that stands still until it is told."""

    now = 100.0

    def __call__(self) -> float:
        """Return seconds."""
        return self.now


def paused() -> tuple[Pause, Time]:
    """Return a pause that has just begun."""
    time = Time()
    pause = Pause(time)
    for _ in range(FAILURES):
        assert not pause.is_on
        pause.note(answered=False)
    assert pause.is_on
    return pause, time


def test_many_who_fail_at_once_make_no_longer_pause() -> None:
    """A hundred requests that hang on one breath of the network cost a second of limits."""
    pause, time = paused()
    for _ in range(100):
        pause.note(answered=False)
    time.now += 1
    assert not pause.is_on


def test_one_tries_for_all_and_the_pause_grows() -> None:
    """The next waits are 2, 4, 8, 16, 30 and again 30 seconds."""
    pause, time = paused()
    time.now += 1
    for seconds in (2, 4, 8, 16, 30, 30):
        assert [False, True, True] == [pause.is_on, pause.is_on, pause.is_on]
        pause.note(answered=False)
        time.now += seconds - 0.1
        assert pause.is_on
        time.now += 0.1


def test_an_answer_ends_it() -> None:
    """Everybody asks again, and the next pause is short."""
    pause, time = paused()
    time.now += 1
    assert not pause.is_on
    pause.note(answered=True)
    assert [False] * 3 == [pause.is_on for _ in range(3)]
    for _ in range(FAILURES):
        pause.note(answered=False)
    time.now += 1
    assert not pause.is_on


def test_tollkeeper_may_ask_for_more() -> None:
    """What `Retry-After` says is waited, half a minute at most."""
    pause, time = paused()
    time.now += 1
    assert not pause.is_on
    pause.note(answered=False, seconds=900)
    time.now += 29
    assert pause.is_on
    time.now += 1
    assert not pause.is_on
