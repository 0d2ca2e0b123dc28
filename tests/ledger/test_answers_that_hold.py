"""An attempt that got no answer may land at any time, or never: what is answered is true all the same."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from tests.fakes.table import MemoryTable
from tests.ledger.story import BEGINNING, OFFER, patience
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.consuming import Consuming, Obstacle, ObstacleError, Release
from tollkeeper.ledger.counting import Counting, Tally
from tollkeeper.ledger.patience import ContendedError
from tollkeeper.ledger.table import TransactionCancelledError, UnavailableError, Write
from tollkeeper.rules.limits import Barrier
from tollkeeper.rules.usage import Refusal, UsageRecord

LIMIT = 3
WISH = UsageRecord("wish", "ada", "designsCreated", 1, BEGINNING, BEGINNING)
RIVAL = replace(WISH, id="rival", quantity=LIMIT - 1)


class SilentTable(MemoryTable):
    """A table whose first writes of an id get no answer: they are under way, and land when they are let."""

    def __init__(self, record_id: str, silent: int) -> None:
        super().__init__()
        self.under_way: list[Sequence[Write]] = []
        self.calls = 0
        self.lands_before: set[int] = set()
        self._key = keys.record("ada", record_id)
        self._silent = silent

    def transact(self, writes: Sequence[Write]) -> None:
        """Write, unless it is one of those that get no answer."""
        self.calls += 1
        if self.calls in self.lands_before:
            self.land()
        if self._silent and any(each.key == self._key for each in writes):
            self._silent -= 1
            self.under_way.append(writes)
            raise UnavailableError
        super().transact(writes)

    def land(self) -> None:
        """Let whatever is under way take effect, if it still can."""
        for writes in self.under_way:
            try:
                super().transact(writes)
            except TransactionCancelledError:
                continue
        self.under_way = []


def used(table: MemoryTable, metric: str = "designsCreated") -> int:
    """What was counted of a metric."""
    found = table.query(keys.user("ada"), *keys.periods_alone())
    return sum(rows.period(row).used.get(metric, 0) for row in found)


def consume(table: MemoryTable, record: UsageRecord) -> Barrier | None:
    """Consume, in good patience."""
    return Consuming(table, OFFER).consume(record, patience()).barrier


def count(table: MemoryTable, record: UsageRecord) -> Tally:
    """Track a record."""
    counting = Counting(table, OFFER)
    (user,) = counting.profiles(["ada"])
    return counting.count(user, [record], now=BEGINNING, patience=patience())


class RacedTable(SilentTable):
    """Somebody else takes all that is left while the first attempt is under way."""

    def __init__(self, record_id: str, silent: int) -> None:
        super().__init__(record_id, silent)
        count(self, UsageRecord("before", "ada", WISH.metric, 1, BEGINNING, BEGINNING))
        self.calls = 0

    def transact(self, writes: Sequence[Write]) -> None:
        """Let the rival consume as soon as an attempt got no answer."""
        try:
            super().transact(writes)
        except UnavailableError:
            if keys.record("ada", RIVAL.id) not in self.rows:
                consume(self, RIVAL)
            raise


@pytest.mark.parametrize(("silent", "lands_before"), [*product([1, 2, 3], [None, 2, 3, 4, 5])])
def test_a_no_stays_one_whenever_the_first_attempt_lands(silent: int, lands_before: int | None) -> None:
    """A yes is counted once, a no never, however late what was under way arrives."""
    table = RacedTable(WISH.id, silent)
    table.lands_before = {lands_before} if lands_before else set()
    try:
        barrier = consume(table, WISH)
    except ContendedError:
        return
    if keys.record("ada", RIVAL.id) in table.rows:
        Consuming(table, OFFER).release(Release("ada", RIVAL.id, RIVAL.metric, BEGINNING), patience())
    table.land()
    assert 1 + (barrier is None) == used(table)


def test_a_first_attempt_that_landed_is_a_yes() -> None:
    """Counted before the rival came: the second attempt finds it, and the limit is not asked again."""
    table = SilentTable(WISH.id, 1)
    table.lands_before = {2}
    assert consume(table, WISH) is None
    assert consume(table, RIVAL) is None
    assert consume(table, WISH) is None
    assert LIMIT == used(table)


def refused() -> SilentTable:
    """A table on which a wish was refused after an attempt that got no answer."""
    table = RacedTable(WISH.id, 1)
    assert Barrier.LIMIT == consume(table, WISH)
    Consuming(table, OFFER).release(Release("ada", RIVAL.id, RIVAL.metric, BEGINNING, 1), patience())
    return table


def test_what_was_refused_so_may_be_consumed_later_and_released() -> None:
    """What keeps the first attempt from landing is replaced by a later yes, which counts once."""
    table = refused()
    assert consume(table, WISH) is None
    table.land()
    assert 3 == used(table)
    Consuming(table, OFFER).release(Release("ada", WISH.id, WISH.metric, BEGINNING), patience())
    table.land()
    assert 2 == used(table)


def test_what_was_refused_so_may_be_tracked_later() -> None:
    """It has happened all the same: it counts, once, and its copy is a duplicate."""
    table = refused()
    assert [WISH] == count(table, WISH).counted
    assert [WISH] == count(table, WISH).duplicates
    table.land()
    assert 3 == used(table)


def test_what_was_refused_so_cannot_be_released() -> None:
    """Nothing was consumed under the id."""
    with pytest.raises(ObstacleError, match=Obstacle.UNKNOWN):
        Consuming(refused(), OFFER).release(Release("ada", WISH.id, WISH.metric, BEGINNING), patience())


def test_the_mark_of_a_refusal_is_no_counted_record() -> None:
    """Whoever asks what of a batch is known already is not told of it."""
    assert {} == Counting(refused(), OFFER).known([WISH])


@pytest.mark.parametrize("later", [0, 4])
@pytest.mark.parametrize("lands_before", [None, 2, 3, 4])
def test_a_correction_without_an_answer_is_not_refused(lands_before: int | None, later: int) -> None:
    """Its first attempt may be what took the usage: it comes again, and is then a duplicate or counted."""
    table = SilentTable("fix", 1)
    count(table, UsageRecord("a", "ada", "exports", 4, BEGINNING, BEGINNING))
    fix = UsageRecord("fix", "ada", "exports", -4, BEGINNING, BEGINNING, reason="r", actor="eve")
    other = replace(fix, id="other")

    def meanwhile() -> None:
        count(table, other)

    table.calls = 0
    table.lands_before = {lands_before} if lands_before else set()
    transact = table.transact

    def raced(writes: Sequence[Write]) -> None:
        try:
            transact(writes)
        except UnavailableError:
            meanwhile()
            raise

    table.transact = raced  # type: ignore[method-assign]
    tally = count(table, fix)
    if later:
        count(table, UsageRecord("b", "ada", "exports", later, BEGINNING, BEGINNING))
    table.land()
    again = count(table, fix) if tally.left else tally
    refusals = [refusal for _, refusal in again.refused]
    is_counted = keys.record("ada", "fix") in table.rows
    assert ([] if is_counted else [Refusal.BELOW_ZERO]) == refusals
    assert 4 + later - 4 * sum(keys.record("ada", each.id) in table.rows for each in (fix, other)) == used(
        table, "exports"
    )


def test_a_release_without_an_answer_is_not_refused() -> None:
    """Corrected away while its first attempt is under way, it may still land: nobody denies it."""
    table = MemoryTable()
    consume(table, replace(WISH, quantity=2))
    silent = SilentTable(WISH.id, 1)
    silent.rows = table.rows
    fix = UsageRecord("fix", "ada", WISH.metric, -1, BEGINNING, BEGINNING, reason="r", actor="eve")
    transact = silent.transact

    def raced(writes: Sequence[Write]) -> None:
        try:
            transact(writes)
        except UnavailableError:
            count(table, fix)
            raise

    silent.transact = raced  # type: ignore[method-assign]
    with pytest.raises(ContendedError):
        Consuming(silent, OFFER).release(Release("ada", WISH.id, WISH.metric, BEGINNING), patience())
