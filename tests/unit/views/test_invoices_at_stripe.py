"""What a process remembers of single invoices for a minute."""

from datetime import timedelta

from tests.examples import NOW
from tollkeeper.views.invoices_at_stripe import MOST_KEPT, Minute

SECOND = timedelta(seconds=1)


def test_a_thousand_answers_are_remembered() -> None:
    """What was asked first goes first; to ask again is to be remembered anew."""
    now, asked = NOW, list[int]()
    minute = Minute[int, int](lambda: now)

    def recall(key: int) -> int:
        def ask() -> int:
            asked.append(key)
            return -key

        return minute.recall(key, ask)

    assert [-each for each in range(MOST_KEPT)] == [recall(each) for each in range(MOST_KEPT)]
    now = NOW + 60 * SECOND
    recall(0)
    asked.clear()
    recall(MOST_KEPT)  # number 1 goes
    now = NOW + 59 * SECOND
    assert (0, -2, -1) == (recall(0), recall(2), recall(1))
    assert [MOST_KEPT, 1] == asked
