"""How the gateway waits where Stripe limits calls, at a server that answers what a test tells it to."""

from collections.abc import Callable, Iterator
from http import HTTPStatus

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.standin.harness import Host
from tollkeeper.stripe.gateway.pacing import Pacing
from tollkeeper.stripe.gateway.patient_client import LONGEST_WAIT_SECONDS, PatientClient

LIMITED = {"Stripe-Rate-Limited-Reason": "endpoint-rate"}
PATIENCE = 20.0
type Call = Callable[..., int]


class Limiter:
    """A server that answers 429 with these headers, one after the other, and then 200."""

    def __init__(self) -> None:
        self.answers: list[dict[str, str]] = []
        self.calls = 0

    def answer(self, _: Request) -> Response:
        """Answer one call."""
        self.calls += 1
        if self.answers:
            return JSONResponse({}, HTTPStatus.TOO_MANY_REQUESTS, self.answers.pop(0))
        return JSONResponse({})


@pytest.fixture
def limiter() -> Limiter:
    """A server that limits nothing."""
    return Limiter()


@pytest.fixture
def waits() -> list[float]:
    """The seconds that were waited, one after the other."""
    return []


def test_each_attempt_keeps_the_pace(host: Host, limiter: Limiter) -> None:
    """A call that is sent again is another one to Stripe."""
    waits: list[float] = []
    limiter.answers = [LIMITED]
    client = PatientClient(5, PATIENCE, lambda _: None, Pacing(10, lambda: 0.0, waits.append))
    with host.serving(Starlette(routes=[Route("/", limiter.answer)])):
        assert [200, 200] == [client.request("GET", f"{host.url}/", {}, None)[1] for _ in range(2)]
    client.close()  # type: ignore[no-untyped-call]  # the SDK's
    assert (3, [0.1, 0.2]) == (limiter.calls, [round(each, 3) for each in waits])


@pytest.fixture
def call(host: Host, limiter: Limiter, waits: list[float]) -> Iterator[Call]:
    """Call the server, and return the status of the last answer."""
    app = Starlette(routes=[Route("/", limiter.answer, methods=["GET", "POST"])])
    client = PatientClient(5, PATIENCE, waits.append)
    with host.serving(app):
        yield lambda method="GET": client.request(method, f"{host.url}/", {}, None)[1]
        client.close()  # type: ignore[no-untyped-call]  # the SDK's


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_a_limiter_refused_is_sent_again(
    limiter: Limiter, call: Call, waits: list[float], method: str
) -> None:
    """It never began, so the same call under the same key may follow, a little later each time."""
    limiter.answers = [LIMITED] * 3
    assert (200, 4, 3) == (call(method), limiter.calls, len(waits))
    assert [0.25 <= waits[0] <= 0.5, 0.5 <= waits[1] <= 1, 1 <= waits[2] <= 2] == [True] * 3


def test_stripes_own_word_of_when_is_respected(limiter: Limiter, call: Call, waits: list[float]) -> None:
    """It may be longer than one would wait."""
    limiter.answers = [{**LIMITED, "Retry-After": "7"}]
    assert (200, [7.0]) == (call(), waits)


def test_patience_ends(limiter: Limiter, call: Call, waits: list[float]) -> None:
    """One call waits so long in all and no longer, and never much at a time."""
    limiter.answers = [LIMITED] * 99
    assert 429 == call()
    assert PATIENCE - LONGEST_WAIT_SECONDS <= sum(waits) <= PATIENCE
    assert max(waits) <= LONGEST_WAIT_SECONDS


def test_longer_than_the_patience_is_not_waited(limiter: Limiter, call: Call, waits: list[float]) -> None:
    """Whoever asked comes again."""
    limiter.answers = [{**LIMITED, "Retry-After": "3600"}]
    assert (429, []) == (call(), waits)


def test_a_write_that_met_a_lock_is_not_sent_again(limiter: Limiter, call: Call, waits: list[float]) -> None:
    """Stripe would repeat its answer under the key; a new call has a new one."""
    limiter.answers = [{}]
    assert (429, []) == (call("POST"), waits)


def test_a_read_that_met_a_lock_is_sent_again(limiter: Limiter, call: Call, waits: list[float]) -> None:
    """It has no key."""
    limiter.answers = [{}]
    assert (200, 1) == (call(), len(waits))
