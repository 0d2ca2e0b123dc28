"""A small cut of the soak; `make soak-ledger` runs the whole of it."""

from tests.ledger.soak import soak


def test_a_bad_day_makes_no_drift(ministack_endpoint: str) -> None:
    """Throttles, conflicts, lost requests, lost answers and deaths change no count."""
    outcome = soak(ministack_endpoint, records=6_000, seed=7)
    assert {"throttle", "conflict", "timeout before", "timeout after"} == set(outcome.faults)
    assert 0 == outcome.drift
