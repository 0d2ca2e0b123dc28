"""What a SaaS hears that listens to the stack's event bus."""

import uuid
from datetime import datetime

from infra.local.customer import Customer, UsageRecord
from infra.local.places import Home, Stack
from tests.e2e.callers import Callers
from tests.e2e.listening import Listener


def test_a_rule_on_the_bus_delivers_the_thresholds_that_usage_reaches(
    home: Home, stack: Stack, callers: Callers, user: str
) -> None:
    """Of the free plan's 100 calls, 80 are announced at 50 and at 80 percent, with where the user stands."""
    customer = Customer(home, stack, user_id=user)
    with Listener(stack, userId=user) as listener:
        now = callers.now()
        customer.report([UsageRecord(f"call-{number}", "apiCalls", now) for number in range(80)])
        assert [("apiCalls", 50, 100, "block"), ("apiCalls", 80, 100, "block")] == sorted(
            (each["eventType"], each["threshold"], each["limit"], each["onLimit"])
            for each in listener.hears("usage.threshold_reached", 2)
        )


def test_a_path_that_nobody_has_mapped_is_announced(stack: Stack, callers: Callers, user: str) -> None:
    """A host tells what it has seen; the bus delivers where it answers what the route map does not know."""
    host = f"host-of-{user}"
    hour = callers.now().replace(minute=0, second=0, microsecond=0)
    path = {"method": "DELETE", "path": "/api/designs/*", "requests": 2}
    told = {
        "host": host,
        "process": uuid.uuid4().hex,
        "hour": hour.isoformat(),
        "metered": {"apiCalls": 3},
        "unmapped": 2,
        "unmappedPaths": [path],
    }
    with Listener(stack, host=host) as listener:
        answer = callers.service.post("/coverage", json=told)
        assert (200, {"kept": True}) == (answer.status_code, answer.json())
        (gap,) = listener.hears("coverage.gap", 1)
    assert ("DELETE", "/api/designs/*", hour) == (
        gap["method"],
        gap["path"],
        datetime.fromisoformat(gap["hour"]),
    )
