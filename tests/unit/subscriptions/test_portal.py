"""POST /portal, and how a user comes to Stripe's portal."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from functions.portal.app import app, handler
from tests.examples import ENVIRONMENT, NOW
from tests.fakes.api_gateway import Answer, call, user_claims
from tests.fakes.runtime import FixedClock
from tests.fakes.stripe import FakeStripe
from tollkeeper import runtime
from tollkeeper.api.authorization import Authorizer
from tollkeeper.ledger.users import Users
from tollkeeper.runtime import subscriptions
from tollkeeper.settings import Settings
from tollkeeper.stripe.customer_port import PortalFlow
from tollkeeper.subscriptions.portal import Portal

SETTINGS = Settings.from_environment(ENVIRONMENT)
ACCOUNT = "https://app.example.com/account"


@pytest.fixture
def stripe() -> FakeStripe:
    """A Stripe account without customers."""
    return FakeStripe()


@pytest.fixture(autouse=True)
def function(stripe: FakeStripe, users: Users) -> Iterator[None]:
    """The function, with everything outside of it handed in."""
    app.dependency_overrides = {
        subscriptions.portal: lambda: Portal(users, stripe, SETTINGS.allowed_origins),
        runtime.clock: lambda: FixedClock(NOW),
    }
    yield
    app.dependency_overrides = {}


@pytest.fixture
def customer(stripe: FakeStripe, users: Users) -> str:
    """Ada, who has been to a checkout."""
    return users.bind_customer("ada", stripe.create_customer("ada"))


def ask(claims: Mapping[str, str] | None = None, **body: object) -> Answer:
    """Ask for a portal that leads back to the account's page, with some of the request changed."""
    return call(handler, "POST", "/portal", {"returnUrl": ACCOUNT, **body}, claims=claims)


@pytest.mark.usefixtures("customer")
def test_a_portal_has_an_address() -> None:
    """The answer is 201 with it, and nothing else."""
    assert (201, {"url": "https://portal.test/1"}) == ask()[:2]


def test_a_portal_is_for_the_caller_and_leads_back(stripe: FakeStripe, customer: str) -> None:
    """It begins with everything, or with what they pay with."""
    ask()
    ask(flow="payment_method_update")
    assert [
        (customer, ACCOUNT, None),
        (customer, ACCOUNT, PortalFlow.PAYMENT_METHOD_UPDATE),
    ] == stripe.portals


def test_who_never_came_to_buy_has_nothing_to_look_after(stripe: FakeStripe) -> None:
    """409 says so, and no customer is made for it."""
    answer = ask()
    assert (409, "no_customer", {}) == (answer.status, answer.body["error"], stripe.customers)


def test_one_whose_customer_was_deleted_has_none(stripe: FakeStripe, customer: str) -> None:
    """They can subscribe again, as a new one."""
    stripe.delete_customer(customer)
    assert (409, "no_customer") == (ask().status, ask().body["error"])


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize("url", ["https://evil.example.com/account", "/account", ""])
def test_a_page_of_a_foreign_origin_is_refused(stripe: FakeStripe, url: str) -> None:
    """422 names the field and the origins that are allowed, as at checkout."""
    answer = ask(returnUrl=url)
    message = "must begin with one of http://localhost:3000, https://app.example.com"
    assert (422, [{"path": "returnUrl", "message": message}]) == (answer.status, answer.body["fields"])
    assert [] == stripe.portals


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize("body", [{"flow": "subscription_update"}, {"userId": "bob"}, {"returnUrl": None}])
def test_nothing_else_can_be_asked_for(stripe: FakeStripe, body: dict[str, Any]) -> None:
    """Another flow, another user, no way back: 422."""
    assert (422, []) == (ask(**body).status, stripe.portals)


@pytest.mark.usefixtures("customer")
def test_a_member_without_the_right_to_buy_is_refused(
    stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """403: in the portal a subscription can be cancelled, and a card changed."""
    authorizer = Authorizer("tollkeeper", "service", "scope", billing_claim="org_role=admin")
    monkeypatch.setattr(runtime, "authorizer", lambda: authorizer)
    claims = [{**user_claims("ada"), "org_role": role} for role in ("member", "admin")]
    assert ([403, 201], 1) == ([ask(each).status for each in claims], len(stripe.portals))


@pytest.mark.usefixtures("customer")
def test_while_stripe_is_down_the_caller_is_asked_to_wait(stripe: FakeStripe) -> None:
    """503 with a Retry-After."""
    stripe.is_down = True
    answer = ask()
    assert (503, True) == (answer.status, "Retry-After" in answer.headers)
