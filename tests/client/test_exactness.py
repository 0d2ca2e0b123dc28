"""What users did is what Tollkeeper counts, whatever happens between them (DESIGN rules 1, 2 and 16)."""

import asyncio
import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.client.conftest import MakeTollkeeper, client_of
from tests.fakes.tollkeeper_api import TollkeeperApi, listening
from tollkeeper.client import PermissionState, Tollkeeper

FAULTS = ("before", "after", "cut", "slow", "429", "401")


def flush(tollkeeper: Tollkeeper) -> None:
    """Send until everything is with Tollkeeper."""
    for _ in range(60):
        if tollkeeper.flush(5):
            return
    pytest.fail(f"never all sent: {tollkeeper.pending()}")


def test_calls_are_summed(api: TollkeeperApi, tollkeeper: Tollkeeper) -> None:
    """A hundred and fifty calls of one user are one record."""
    for _ in range(150):
        tollkeeper.track("ada", "apiCalls")
    assert (1, 0, {"apiCalls": 150}) == _waiting(tollkeeper)
    assert tollkeeper.flush()
    assert tollkeeper.pending().is_empty
    assert (150, 1) == (api.counted("ada", "apiCalls"), api.records)


def _waiting(tollkeeper: Tollkeeper) -> tuple[int, int, dict[str, int]]:
    pending = tollkeeper.pending()
    return pending.open, pending.sealed, pending.quantities


@pytest.mark.parametrize("fault", FAULTS)
def test_a_sum_counts_once_whatever_becomes_of_it(
    api: TollkeeperApi, tollkeeper: Tollkeeper, fault: str
) -> None:
    """Sent again after a failure, it bears the same id and quantity; what came meanwhile is another sum."""
    faults = iter([fault, fault])
    api.fault = lambda _: next(faults, "")
    tollkeeper.track("ada", "apiCalls", 7)
    tollkeeper.flush(2)
    tollkeeper.track("ada", "apiCalls", 5)
    flush(tollkeeper)
    assert (12, []) == (api.counted("ada", "apiCalls"), api.conflicts)


def test_flushes_at_the_same_time_send_each_sum_once(api: TollkeeperApi, tollkeeper: Tollkeeper) -> None:
    """Who comes while somebody sends waits, and sends what is left."""
    api.fault = lambda path: "slow" if path == "/usage" else ""
    tollkeeper.track("ada", "apiCalls", 9)
    with ThreadPoolExecutor(5) as pool:
        assert [True] * 5 == list(pool.map(tollkeeper.flush, [5] * 5))
    assert (9, 1) == (api.counted("ada", "apiCalls"), api.records)


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_day_makes_no_drift(api: TollkeeperApi, make: MakeTollkeeper, seed: int) -> None:
    """Threads track, consume, succeed and fail while calls are lost, late and turned away: all is exact."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    api.fault = lambda _: dice.choice(FAULTS) if dice.random() < 0.3 else ""
    api.limits = {}
    tollkeeper = make(interval=0.05)
    expected: Counter[tuple[str, str]] = Counter()
    lock = threading.Lock()

    def work(number: int) -> None:
        chance = random.Random(f"{seed}-{number}")  # noqa: S311 - no secret
        for _ in range(12):
            user = f"user-{chance.randrange(3)}"
            metric = chance.choice(["apiCalls", "designsCreated"])
            done = True
            if metric == "apiCalls":
                tollkeeper.track(user, metric)
            else:
                permission = tollkeeper.consume(user, metric)
                done = chance.random() < 0.6 and permission.allowed
                tollkeeper.settle(permission, succeeded=done)
            with lock:
                expected[user, metric] += done

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    api.fault = lambda _: ""
    time.sleep(1.2)  # what is under way arrives
    flush(tollkeeper)
    assert [] == api.conflicts
    assert expected == {key: api.counted(*key) for key in expected}
    assert expected.total() == sum(api.counted(f"user-{n}", m) for n in range(3) for m in _METRICS)


_METRICS = ("apiCalls", "designsCreated")


def test_while_tollkeeper_is_away_sums_grow_and_not_their_number() -> None:
    """A host goes on for hours; memory follows its users, and afterwards every call is counted."""
    away = TollkeeperApi()
    with listening(away):
        pass
    tollkeeper = client_of(away)
    for _ in range(20):
        for user in ("ada", "bob"):
            tollkeeper.track(user, "apiCalls")
        assert not tollkeeper.flush(1)
    pending = tollkeeper.pending()
    assert (20, 4) == (pending.failures, pending.open + pending.sealed)
    with listening(away):
        flush(tollkeeper)
        tollkeeper.close(1)
    assert (20, 20, []) == (away.counted("ada", "apiCalls"), away.counted("bob", "apiCalls"), away.conflicts)


def test_what_fails_open_is_counted_later(api: TollkeeperApi, make: MakeTollkeeper) -> None:
    """Requests go through while Tollkeeper fails, and are counted once it does not."""
    api.fault = lambda path: "before" if "consume" in path else ""
    tollkeeper = make()
    for _ in range(8):
        with tollkeeper.consuming("ada", "designsCreated"):
            pass
    assert 8 == sum(tollkeeper.pending().quantities.values())
    flush(tollkeeper)
    assert (8, 3) == (api.counted("ada", "designsCreated"), api.calls["POST /quota/designsCreated/consume"])


def test_an_answer_that_comes_too_late_counts_once(api: TollkeeperApi, tollkeeper: Tollkeeper) -> None:
    """What may have been consumed is counted under the permission's own id."""
    api.fault = lambda path: "slow" if "consume" in path else ""
    permission = tollkeeper.consume("ada", "designsCreated")
    assert (PermissionState.NOT_ANSWERED, True) == (permission.state, permission.allowed)
    tollkeeper.settle(permission, succeeded=True)
    flush(tollkeeper)
    time.sleep(0.6)
    assert (1, []) == (api.counted("ada", "designsCreated"), api.conflicts)


def test_a_failed_request_whose_call_arrives_late_is_not_counted(
    api: TollkeeperApi, tollkeeper: Tollkeeper
) -> None:
    """It is consumed and released under its id, which is spent whenever the first call arrives."""
    slow = iter(["slow"])
    api.fault = lambda path: next(slow, "") if "consume" in path else ""
    permission = tollkeeper.consume("ada", "designsCreated")
    tollkeeper.settle(permission, succeeded=False)
    flush(tollkeeper)
    time.sleep(0.6)
    assert (0, 1) == (api.counted("ada", "designsCreated"), len(api.entries))


def test_a_cancelled_task_counts_nothing(api: TollkeeperApi, tollkeeper: Tollkeeper) -> None:
    """Cancelled while it waits for the answer, or while it works: what was consumed is released."""

    async def create(seconds: float) -> None:
        async with tollkeeper.consuming("ada", "designsCreated"):
            await asyncio.sleep(seconds)

    async def cancelled(after: float, *, slowly: bool) -> None:
        api.fault = lambda path: "slow" if slowly and "consume" in path else ""
        task = asyncio.create_task(create(5))
        await asyncio.sleep(after)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled(0.1, slowly=True))
    asyncio.run(cancelled(0.2, slowly=False))
    api.fault = lambda _: ""
    flush(tollkeeper)
    time.sleep(0.6)
    assert (0, 2) == (api.counted("ada", "designsCreated"), len(api.entries))


def test_tokens_that_expire_are_renewed(api: TollkeeperApi, tollkeeper: Tollkeeper) -> None:
    """Before their end where it is known, and when one is refused."""
    for _ in range(5):
        assert tollkeeper.check("ada", "apiCalls")
    assert 1 == api.tokens
    api.tokens += 1  # somebody has revoked the first
    assert tollkeeper.check("ada", "apiCalls")
    assert 3 == api.tokens
    api.token_lifetime = 0
    api.tokens += 1
    assert tollkeeper.check("ada", "apiCalls")
    assert tollkeeper.check("ada", "apiCalls")
    assert 6 == api.tokens


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_counts_its_own_and_nothing_of_its_parents(api: TollkeeperApi, tollkeeper: Tollkeeper) -> None:
    """Each process sends what it counted, under ids of its own."""
    tollkeeper.track("ada", "apiCalls", 10)
    assert tollkeeper.check("ada", "apiCalls")
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            tollkeeper.track("ada", "apiCalls", 100 * (number + 1))
            os._exit(0 if tollkeeper.flush(10) else 1)
        children.append(child)
    assert [0, 0, 0] == [os.waitpid(each, 0)[1] for each in children]
    flush(tollkeeper)
    assert (610, 4) == (api.counted("ada", "apiCalls"), len(api.entries))
