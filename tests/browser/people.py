"""Customers in every state that the usage page knows, lived there through the public API and the clock."""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import httpx

from infra.local import story
from infra.local.customer import Customer, UsageRecord
from infra.local.places import Home, Stack
from tests.e2e.callers import Callers, soon

PLAN, FAILING_CARD = "professional", "4000000000000341"
DAYS_ON = timedelta(days=5)
"""How far into her second month everybody is looked at: an unpaid plan stays for seven days."""

CAP = 10_00
AT_THE_CAP, BEYOND = 11_000, 500
"""API calls that use up a cap of $10 beyond the 10,000 included, and those that come after all the same."""


class Expected(NamedTuple):
    """A state, and words that its page must say."""

    state: str
    words: str


STATES = (
    Expected("empty", "Nothing has been counted in this period yet"),
    Expected("free", "A limit is reached"),
    Expected("trial", "nothing is billed in a trial"),
    Expected("over the limit", "over"),
    Expected("capped", "stops use"),
    Expected("past due", "Your last payment failed"),
    Expected("cancelled", "Your subscription has ended"),
)


def live(home: Home, stack: Stack, callers: Callers) -> Mapping[str, str]:
    """Return whom to look at for each state, once all have lived up to it."""
    ids = {each.state: each.state.replace(" ", "-") for each in STATES} | {"over the limit": story.USER}
    people = {state: Customer(home, stack, user_id) for state, user_id in ids.items()}
    ada = people["over the limit"]
    for state in ("capped", "past due", "cancelled"):
        people[state].buy(PLAN)
    story.subscribe(ada)
    end = story.use_a_month(ada)
    _consume(callers, ids["cancelled"], "exports", 520)
    assert callers.user(ids["cancelled"]).post("/subscription/cancel", json={"at": "now"}).is_success
    _take_another_card(callers, ids["past due"])
    ada.move_clock(end + story.FINALISATION)
    ada.move_clock(end + DAYS_ON)
    story.use(ada, end, DAYS_ON.days)
    _consume(callers, ids["over the limit"], "apiCalls", 9_000, "north")
    _consume(callers, ids["free"], "designsCreated", 3, "south")
    _consume(callers, ids["free"], "apiCalls", 60)
    _reach_the_cap(people["capped"], callers)
    _consume(callers, ids["past due"], "aiQueries", 400, "north")
    people["trial"].buy(PLAN)
    _wait(callers, ids["trial"], "trialing")
    _consume(callers, ids["trial"], "aiQueries", 1_000, "north")
    _wait(callers, ids["past due"], "past_due")
    _wait(callers, ids["cancelled"], "canceled")
    return ids


def _consume(callers: Callers, user: str, metric: str, quantity: int, facility: str | None = None) -> None:
    body = {"userId": user, "id": f"{user}-{metric}-{quantity}", "quantity": quantity, "facilityId": facility}
    answer = callers.service.post(
        f"/quota/{metric}/consume", json={name: each for name, each in body.items() if each is not None}
    )
    assert answer.is_success, answer.text


def _take_another_card(callers: Callers, user: str) -> None:
    """Have a card charged from now on that fails: changed in the portal, as a customer does."""
    asked = {"returnUrl": "http://localhost:3000/account"}
    url = callers.user(user).post("/portal", json=asked).json()["url"]
    assert httpx.post(f"{url}/card", data={"card": FAILING_CARD}, trust_env=False).has_redirect_location


def _reach_the_cap(customer: Customer, callers: Callers) -> None:
    """Use all that the cap allows, and have the product report more that happened all the same."""
    customer.accept(CAP)
    _consume(callers, customer.user_id, "apiCalls", AT_THE_CAP, "south")
    customer.report([UsageRecord("beyond", "apiCalls", callers.now(), BEYOND)])
    used = AT_THE_CAP + BEYOND
    assert used == soon(lambda: callers.usage(customer.user_id)["apiCalls"], lambda count: count == used)


def _wait(callers: Callers, user: str, status: str) -> None:
    def now() -> object:
        return callers.user(user).get("/subscription").json()["status"]

    assert status == soon(now, lambda found: found == status)
