"""Where an organisation pays: what its members may do, at the doors of the functions (DESIGN rule 15)."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy

import pytest

from functions.checkout.app import handler as checkout
from functions.portal.app import handler as portal
from functions.reader.app import app as reader_app
from functions.reader.app import handler as reader
from functions.subscriptions.app import app, handler
from tests.examples import OFFER
from tests.fakes.api_gateway import Answer, Handler, call
from tests.fakes.deciding import Household, patient
from tests.fakes.runtime import FixedClock
from tests.unit.api.test_doors import DOORS, Door
from tollkeeper import runtime
from tollkeeper.api.authorization import Authorizer
from tollkeeper.ledger.history import History
from tollkeeper.ledger.users import Users
from tollkeeper.runtime import subscriptions, views
from tollkeeper.views.reader import Reader

ORGANISATION = "ada"
"""Whom the household belongs to: here no person, but the organisation that pays."""

MINE = [door for door in DOORS if door.authorizer == "UserToken"]
CHANGES: list[tuple[Handler, str, str, Mapping[str, object] | None]] = [
    (handler, "POST", "/subscription/plan", {"plan": "enterprise"}),
    (handler, "POST", "/subscription/cancel", {"at": "now"}),
    (handler, "POST", "/subscription/resume", None),
    (handler, "PUT", "/subscription/spending-cap", {"amount": 0}),
    (portal, "POST", "/portal", {"returnUrl": "http://localhost:3000/account"}),
    (checkout, "POST", "/checkout", {"plan": "starter"}),
]


def named(door: Door) -> str:
    """Return a door's name in a report."""
    return f"{door.method} {door.path}"


def member(name: str, role: str = "admin") -> dict[str, str]:
    """Return what the token of somebody in the organisation claims."""
    return {"sub": name, "aud": "tollkeeper", "org_id": ORGANISATION, "org_role": role}


@pytest.fixture
def home() -> Household:
    """The organisation, on the professional plan, in the middle of its period."""
    return Household()


@pytest.fixture(autouse=True)
def deployment(home: Household, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A deployment with UserClaim=org_id and BillingClaim=org_role=admin."""
    authorizer = Authorizer("tollkeeper", "service", "scope", "org_id", "org_role=admin")
    monkeypatch.setattr(runtime, "authorizer", lambda: authorizer)
    app.dependency_overrides = {
        runtime.clock: lambda: FixedClock(home.now),
        runtime.patience: patient,
        subscriptions.plan_changes: lambda: home.desk().plans,
        subscriptions.cancellations: lambda: home.desk().ends,
    }
    yield
    app.dependency_overrides = {}
    reader_app.dependency_overrides = {}


def change(plan: str, by: str) -> Answer:
    """Let a member change the plan."""
    return call(handler, "POST", "/subscription/plan", {"plan": plan}, claims=member(by))


@pytest.mark.parametrize("door", MINE, ids=named)
@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "eve", "aud": "tollkeeper"},
        {"sub": "ada", "aud": "tollkeeper", "org_role": "admin"},
        {"sub": "eve", "aud": "tollkeeper", "org_role": "admin", "org_id": ""},
    ],
    ids=str,
)
def test_a_token_without_the_claim_is_nobodys(door: Door, claims: Mapping[str, str]) -> None:
    """401 at every door, also to whoever bears the organisation's id as their own name."""
    assert 401 == door.status(claims)


@pytest.mark.parametrize(
    "door", [each for each in MINE if each.method != "GET" and each.path != "/dashboard-link"], ids=named
)
def test_a_member_without_the_right_to_buy_changes_nothing_anywhere(door: Door) -> None:
    """403 at every door behind which something is changed; a link to the page lets them look."""
    assert 403 == door.status(member("eve", "member"))


@pytest.mark.parametrize(("at", "method", "path", "body"), CHANGES)
def test_what_a_member_may_not_do_is_not_done(
    home: Household, at: Handler, method: str, path: str, body: object
) -> None:
    """Neither in the ledger nor at Stripe."""
    before = deepcopy(home.table.rows), deepcopy(home.stripe.held), [*home.stripe.decided]
    assert 403 == call(at, method, path, body, claims=member("eve", "member")).status
    assert before == (home.table.rows, home.stripe.held, home.stripe.decided)


def test_a_member_without_that_right_sees_what_the_organisation_has(home: Household) -> None:
    """Its subscription, and what another plan would mean."""
    reader_app.dependency_overrides[views.reader] = lambda: Reader(
        Users(home.table), History(home.table), OFFER, FixedClock(home.now)
    )
    shown = call(reader, "GET", "/subscription", claims=member("eve", "member"))
    preview = call(
        handler,
        "GET",
        "/subscription/plan/preview?plan=enterprise",
        route="GET /subscription/plan/preview",
        claims=member("eve", "member"),
    )
    assert (200, "professional", 200) == (
        shown.status,
        shown.body["plan"],
        preview.status,
    )


def test_what_one_member_decides_the_others_have(home: Household) -> None:
    """One subscription: who wants the same again is told that it is there."""
    first, again = change("enterprise", "eve"), change("enterprise", "bob")
    assert (200, 409, "same_plan") == (first.status, again.status, again.body["error"])
    assert ("enterprise", 1) == (home.stripe.held[0].plan, home.decision.number)


@pytest.mark.parametrize(("wish", "answer"), [("enterprise", 200), ("starter", 409)])
def test_two_members_in_one_race_are_one_decision(home: Household, wish: str, answer: int) -> None:
    """One clicks while Stripe is at the other's call: the same wish is joined, another one has to wait."""
    meanwhile: list[Answer] = []
    at_stripe: Callable[[str, str, str], None] = home.stripe.change_plan

    def change_plan(subscription_id: str, plan: str, key: str) -> None:
        if not meanwhile:
            meanwhile.append(Answer(0, None, {}))
            meanwhile[0] = change(wish, "bob")
        at_stripe(subscription_id, plan, key)

    home.stripe.change_plan = change_plan  # type: ignore[method-assign]
    first = change("enterprise", "eve")
    assert (200, answer) == (first.status, meanwhile[0].status)
    assert (["enterprise"], "enterprise", 1) == (
        home.stripe.wallet.attempts,
        home.stripe.held[0].plan,
        home.decision.number,
    )
