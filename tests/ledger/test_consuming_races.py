"""However many consume at once, and whoever dies on the way: the limit is reached, and not passed."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import permutations, product
from typing import TYPE_CHECKING

import pytest

from tests.fakes.table import MemoryTable
from tests.ledger.crashes import Crash, CrashingTable, Moment, Outside
from tests.ledger.tables import create_table
from tests.ledger.test_consuming import NOW, OFFER, STARTER, consume, release, subscribe, used, wish
from tests.ledger.turns import Turns
from tollkeeper.ledger.consuming import Consuming, Release
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.ledger.patience import Patience, for_seconds
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.table import Table
from tollkeeper.rules.limits import Barrier

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RACERS = 1_000
LIMIT = 50
CONSUME_CALLS = ["query PERIOD…PROFILE", "transact 1 puts, 1 changes"]
REFUSED_CALLS = ["query PERIOD…PROFILE", "get_all"]
RELEASE_CALLS = ["get_all", "transact 0 puts, 3 changes", "query PERIOD…PROFILE"]

unhurried = partial(Patience, lambda: 60.0, sleep=lambda _: None)


def racer(
    name: str, answers: list[Barrier | None], quantity: int = 1, metric: str = "designsCreated"
) -> Callable[[Table], None]:
    """Return a worker that consumes once and notes the answer."""

    def work(table: Table) -> None:
        done = Consuming(table, OFFER).consume(wish(name, metric, quantity), unhurried())
        answers.append(done.barrier)

    return work


def test_every_interleaving_of_three_gets_the_limit() -> None:
    """Three racers for two free designs left: in every order of their calls exactly two are allowed."""
    for schedule in set(permutations([0, 0, 1, 1, 2, 2])):
        table, answers = MemoryTable(), list[Barrier | None]()
        consume(table, wish("first"))
        Turns(table, [racer(f"r{number}", answers) for number in range(3)]).take(schedule)
        assert ({None: 2, Barrier.LIMIT: 1}, 3) == (Counter(answers), used(table))


def test_every_interleaving_of_the_same_id_is_one_yes_counted_once() -> None:
    """The same wish, sent three times at once, is allowed each time and counts once."""
    for schedule in set(permutations([0, 0, 1, 1, 2, 2])):
        table, answers = MemoryTable(), list[Barrier | None]()
        Turns(table, [racer("same", answers, 2) for _ in range(3)]).take(schedule)
        assert ([None] * 3, 2) == (answers, used(table))


def test_every_interleaving_with_tracking_and_release_holds() -> None:
    """While one is released and one tracked, consuming never passes what is then left."""
    for schedule in set(permutations([0, 0, 1, 1, 2, 2])):
        table, answers = MemoryTable(), list[Barrier | None]()
        consume(table, wish("first", quantity=2))

        def giving_back(table: Table) -> None:
            Consuming(table, OFFER).release(Release("ada", "first", "designsCreated", NOW, 1), unhurried())

        def tracking(table: Table) -> None:
            counting = Counting(table, OFFER)
            (user,) = counting.profiles(["ada"])
            counting.count(user, [wish("t")], now=NOW, patience=unhurried())

        Turns(table, [racer("r", answers), giving_back, tracking]).take(schedule)
        allowed = answers == [None]
        assert 2 + allowed == used(table)


@pytest.mark.parametrize("quantity", [None, 1, 2])
def test_every_interleaving_of_the_same_release_gives_back_once(quantity: int | None) -> None:
    """Sent twice at once, a release is answered the same twice, also where nothing is left to give back."""
    for schedule in set(permutations([0, 0, 0, 1, 1, 1])):
        table = MemoryTable()
        consume(table, wish("first", quantity=2))

        def giving_back(table: Table) -> None:
            wanted = Release("ada", "first", "designsCreated", NOW, quantity)
            Consuming(table, OFFER).release(wanted, unhurried())

        Turns(table, [giving_back, giving_back]).take(schedule)
        assert 2 - (quantity or 2) == used(table)


def test_every_interleaving_of_two_metrics_keeps_the_cap() -> None:
    """Two that cost, of different metrics, do not pass together a cap that has room for one."""
    for schedule in set(permutations([0, 0, 0, 1, 1, 1])):
        table, answers = MemoryTable(), list[Barrier | None]()
        subscribe(table, STARTER)
        SpendingCaps(table, OFFER).set("ada", 50, NOW, for_seconds(5))
        consume(table, wish("e", "exports", 50))
        consume(table, wish("q", "aiQueries", 100))
        workers = [racer("over-e", answers, 1, "exports"), racer("over-q", answers, 1, "aiQueries")]
        Turns(table, workers).take(schedule)
        assert {None: 1, Barrier.SPENDING_CAP: 1} == Counter(answers)


def test_a_thousand_racers_get_exactly_the_limit(ministack_client: "DynamoDBClient") -> None:
    """A thousand at once on a limit of fifty: fifty yeses, and not one false no before them."""
    create_table(ministack_client, "racers")
    table = DynamoTable(ministack_client, "racers")
    subscribe(table, STARTER)
    with ThreadPoolExecutor(16) as racers:
        answers = Counter(
            racers.map(
                lambda number: Consuming(table, OFFER).consume(wish(f"r{number}"), for_seconds(60)).barrier,
                range(RACERS),
            )
        )
    assert ({None: LIMIT, Barrier.LIMIT: RACERS - LIMIT}, LIMIT) == (answers, used(table))


def calls_of(work: Callable[[Table], object], table: Table) -> list[str]:
    """Return the outside calls of some work."""
    outside = Outside()
    work(CrashingTable(table, outside))
    return outside.calls


def test_every_outside_call_is_known(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    """A yes is two calls, a no is two, a release is three: those at which the other tests let it die."""
    yes = calls_of(lambda t: consume(t, wish("a", quantity=3)), table)
    no = calls_of(lambda t: consume(t, wish("b")), table)
    back = calls_of(lambda t: release(t, "a"), table)
    with capsys.disabled():
        for name, calls in (("consume", yes), ("a refused consume", no), ("release", back)):
            print(f"\nCrash points of {name}, each before and after:", *calls, sep="\n  ")  # noqa: T201
    assert (CONSUME_CALLS, REFUSED_CALLS, RELEASE_CALLS) == (yes, no, back)


@pytest.mark.parametrize(("point", "moment"), [*product(range(len(CONSUME_CALLS)), Moment)])
def test_a_crash_while_consuming_changes_nothing(table: Table, point: int, moment: Moment) -> None:
    """Whoever died and asks again is allowed, once."""
    with pytest.raises(Crash):
        consume(CrashingTable(table, Outside(point, moment)), wish("a", quantity=2))
    assert consume(table, wish("a", quantity=2)) is None
    assert 2 == used(table)


@pytest.mark.parametrize(("point", "moment"), [*product(range(len(RELEASE_CALLS)), Moment)])
def test_a_crash_while_releasing_changes_nothing(table: Table, point: int, moment: Moment) -> None:
    """Whoever died and releases again gives back once."""
    consume(table, wish("a", quantity=3))
    with pytest.raises(Crash):
        release(CrashingTable(table, Outside(point, moment)), "a", 2)
    release(table, "a", 2)
    assert 1 == used(table)


def test_releases_between_racers_make_room_for_just_as_many(ministack_client: "DynamoDBClient") -> None:
    """While some give back what they got, the counter is never above the limit, and ends as what was kept."""
    create_table(ministack_client, "releasing-racers")
    table = DynamoTable(ministack_client, "releasing-racers")
    subscribe(table, STARTER)
    seen: list[int] = []

    def race(number: int) -> int:
        """Consume one; every third gives it back. Return what is kept."""
        consuming = Consuming(table, OFFER)
        if consuming.consume(wish(f"r{number}"), for_seconds(60)).barrier:
            return 0
        seen.append(used(table))
        if number % 3:
            return 1
        consuming.release(Release("ada", f"r{number}", "designsCreated", NOW), for_seconds(60))
        return 0

    with ThreadPoolExecutor(16) as racers:
        kept = sum(racers.map(race, range(300)))
    assert (LIMIT, LIMIT) == (kept, used(table))
    assert max(seen) <= LIMIT
