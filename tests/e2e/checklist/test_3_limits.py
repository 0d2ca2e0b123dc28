"""Part 8.3 of the assessment: whoever reaches a limit at a host is stopped there, until they upgrade."""

from typing import Any

import httpx
import pytest

from infra.local.places import Home, Stack
from tests.e2e.callers import Callers
from tests.e2e.checklist.visitors import DESIGN, Visitor
from tests.e2e.subscribers import Subscriber

SECTION = "3. Usage Limits"


@pytest.fixture(scope="module")
def subscriber(home: Home, stack: Stack, callers: Callers) -> Subscriber:
    """Somebody on the starter plan: fifty designs a month."""
    return Subscriber(home, stack, callers, "starter")


@pytest.fixture(scope="module")
def designer(host: httpx.Client, callers: Callers, subscriber: Subscriber) -> Visitor:
    """They, having made all of them at the host."""
    designer = Visitor(host, callers, subscriber.user_id)
    assert {200: 50} == designer.post_all([DESIGN] * 50)
    return designer


def refusal(answer: httpx.Response) -> tuple[Any, ...]:
    """What the assessment says that somebody is answered at a limit, and the status."""
    said = answer.json()
    assert said["upgradeUrl"].endswith("/pricing")
    return answer.status_code, *(said[name] for name in ("error", "limit", "current"))


@pytest.mark.line("Hit design limit → get blocked")
def test_hit_design_limit_get_blocked(designer: Visitor) -> None:
    """The starter plan's 51st design is answered 402, and there are fifty."""
    assert (402, "Usage limit exceeded", 50, 50) == refusal(designer.post(DESIGN))
    assert {"designsCreated": 50} == designer.usage({"designsCreated": 50})


@pytest.mark.line("Hit export limit → get blocked")
def test_hit_export_limit_get_blocked(visitor: Visitor) -> None:
    """The free plan's sixth export is answered 402, at each of three addresses."""
    places = [f"/api/{each}/export" for each in ("design", "projects", "reports")]
    assert [200] * 5 == [visitor.post(path).status_code for path in [*places, *places][:5]]
    for path in places:
        assert (402, "Usage limit exceeded", 5, 5) == refusal(visitor.post(path))
    assert {"exports": 5} == visitor.usage({"exports": 5})


@pytest.mark.line("Upgrade → limits increase")
def test_upgrade_limits_increase(designer: Visitor, subscriber: Subscriber) -> None:
    """With the answer to it, as the preview said: the next request is the 51st design."""
    preview = subscriber.api.get("/subscription/plan/preview", params={"plan": "professional"}).json()
    assert ("now", 0, 99_00, 500) == (
        preview["effective"],
        preview["dueNow"],
        preview["nextTotal"],
        preview["limits"]["exports"],
    )
    assert "now" == subscriber.decide("plan", plan="professional")["effective"]
    assert 200 == designer.post(DESIGN).status_code
    shown = subscriber.shown()
    assert ("professional", -1, 500) == (
        shown["plan"],
        shown["limits"]["designsCreated"],
        shown["limits"]["exports"],
    )
    assert "tollkeeper_professional_monthly" == subscriber.price()
