"""POST /checkout, and how a user comes to a page on which to subscribe."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from functions.checkout.app import app, handler
from tests.examples import CATALOGUE, END, ENVIRONMENT, NOW, SUBSCRIPTION, bound
from tests.fakes.api_gateway import Answer, call
from tests.fakes.runtime import FixedClock
from tests.fakes.stripe import FakeStripe
from tollkeeper import runtime
from tollkeeper.ledger.users import Users
from tollkeeper.rules.subscriptions import Status
from tollkeeper.runtime import subscriptions
from tollkeeper.settings import Settings
from tollkeeper.stripe.port import CheckoutOrder
from tollkeeper.subscriptions.checkout import Checkout, is_of_origin

SETTINGS = Settings.from_environment(ENVIRONMENT)
WISH: Mapping[str, object] = {
    "plan": "professional",
    "successUrl": "https://app.example.com/welcome?session={CHECKOUT_SESSION_ID}",
    "cancelUrl": "https://app.example.com/pricing",
}


@pytest.fixture
def stripe() -> FakeStripe:
    """A Stripe account without customers."""
    return FakeStripe()


@pytest.fixture(autouse=True)
def function(stripe: FakeStripe, users: Users) -> Iterator[None]:
    """The function, with everything outside of it handed in."""
    app.dependency_overrides = {
        subscriptions.checkout: lambda: Checkout(users, stripe, CATALOGUE, SETTINGS.allowed_origins),
        runtime.clock: lambda: FixedClock(NOW),
    }
    yield
    app.dependency_overrides = {}


def ask(user: str = "ada", **changes: object) -> Answer:
    """Ask for a session on professional, with some of the request changed."""
    return call(handler, "POST", "/checkout", {**WISH, **changes}, user=user)


def test_a_session_says_where_to_pay() -> None:
    """The answer is 201 with the session's id and the page's address."""
    assert (201, {"id": "cs_1", "url": "https://pay.test/1"}) == ask()[:2]


def test_a_session_is_for_what_was_asked(stripe: FakeStripe) -> None:
    """Stripe is given the caller and their customer, the plan, the trial and the pages to come back to."""
    ask()
    expected = CheckoutOrder(
        user_id="ada",
        customer_id="cus_ada",
        plan="professional",
        trial_days=14,
        success_url="https://app.example.com/welcome?session={CHECKOUT_SESSION_ID}",
        cancel_url="https://app.example.com/pricing",
    )
    assert {"cs_1": expected} == stripe.orders


def test_a_customer_is_the_users_before_any_session(users: Users, stripe: FakeStripe) -> None:
    """What Stripe later says of the customer finds its user, even if the session was never paid."""
    ask()
    assert ("cus_ada", {"cus_ada": "ada"}) == (users.read("ada", NOW).customer_id, stripe.customers)


def test_the_customer_that_is_bound_is_kept(users: Users, stripe: FakeStripe) -> None:
    """A user has one customer, whoever made it."""
    stripe.customers = {"cus_first": "ada"}
    users.bind_customer("ada", "cus_first")
    ask()
    assert ({"cus_first": "ada"}, "cus_first") == (stripe.customers, stripe.orders["cs_1"].customer_id)


def test_a_deleted_customer_is_replaced(users: Users, stripe: FakeStripe) -> None:
    """Somebody deleted it at Stripe; the user can buy again, as a new one."""
    stripe.customers = {"cus_gone": "ada"}
    users.bind_customer("ada", "cus_gone")
    stripe.delete_customer("cus_gone")
    ask()
    assert "cus_gone_again" == users.read("ada", NOW).customer_id == stripe.orders["cs_1"].customer_id


def test_one_who_came_first_keeps_their_customer(users: Users, stripe: FakeStripe) -> None:
    """Of two checkouts at one instant both go on with the customer that was bound first."""
    first = stripe.create_customer
    stripe.customers = {"cus_first": "ada"}

    def create_customer(user_id: str, replacing: str | None = None) -> str:
        users.bind_customer("ada", "cus_first")
        return first(user_id, replacing)

    stripe.create_customer = create_customer  # type: ignore[method-assign]
    ask()
    assert "cus_first" == stripe.orders["cs_1"].customer_id


def test_a_page_that_is_paid_on_meanwhile_is_a_subscription(stripe: FakeStripe) -> None:
    """Its session cannot be expired any more; what was bought on it counts."""
    ask()
    stripe.while_expiring = lambda: stripe.held.append(SUBSCRIPTION)
    assert (409, ["cs_1"]) == (ask().status, [*stripe.orders])


def test_earlier_sessions_are_expired(stripe: FakeStripe) -> None:
    """Only the last page can still be paid on."""
    for _ in range(3):
        ask()
    assert (["cs_1", "cs_2"], ["cs_3"]) == (stripe.expired, stripe.open_checkout_sessions("cus_ada"))


def test_sessions_of_others_stay_open(stripe: FakeStripe) -> None:
    """A user's checkout does not touch another's."""
    ask(user="bob")
    ask(user="ada")
    assert [] == stripe.expired


@pytest.mark.parametrize("status", ["trialing", "active", "past_due", "unpaid", "paused"])
def test_a_live_subscription_cannot_be_bought_again(stripe: FakeStripe, status: Status) -> None:
    """A second one would be paid twice: 409, and no session."""
    stripe.held = [replace(SUBSCRIPTION, status=Status(status))]
    answer = ask()
    assert (409, "already_subscribed", {}) == (answer.status, answer.body["error"], stripe.orders)


@pytest.mark.parametrize("status", ["past_due", "unpaid", "incomplete"])
def test_who_owes_for_a_subscription_is_told_where_to_pay(stripe: FakeStripe, status: str) -> None:
    """They need no second one: 409 with the page of the open invoice, and no session."""
    stripe.held = [replace(SUBSCRIPTION, status=Status(status))]
    stripe.open_invoices = {"sub_ada": "https://pay.test/in_1"}
    answer = ask()
    assert (409, "payment_due", "https://pay.test/in_1", {}) == (
        answer.status,
        answer.body["error"],
        answer.body["hostedInvoiceUrl"],
        stripe.orders,
    )


def test_nobody_is_told_to_pay_for_what_is_about_to_end(stripe: FakeStripe) -> None:
    """The first charge after a trial failed: that subscription is cancelled, and its invoice with it."""
    stripe.held = [replace(SUBSCRIPTION, status=Status.PAST_DUE, first_charge_failed=True)]
    stripe.open_invoices = {"sub_ada": "https://pay.test/in_1"}
    assert (409, "already_subscribed") == (ask().status, ask().body["error"])


def test_who_owes_nothing_has_a_subscription(stripe: FakeStripe) -> None:
    """An invoice of theirs that is open is not due to be paid by hand."""
    stripe.held = [SUBSCRIPTION]
    stripe.open_invoices = {"sub_ada": "https://pay.test/in_1"}
    assert (409, "already_subscribed") == (ask().status, ask().body["error"])


@pytest.mark.parametrize("status", ["canceled", "incomplete", "incomplete_expired"])
def test_an_ended_subscription_may_be_followed_by_another(stripe: FakeStripe, status: str) -> None:
    """Who has cancelled, or never paid, can subscribe."""
    stripe.held = [replace(SUBSCRIPTION, status=Status(status), ended_at=NOW)]
    assert 201 == ask().status


def test_every_live_subscription_stands_in_the_way(stripe: FakeStripe) -> None:
    """Whatever has become of others before or since."""
    ended = replace(SUBSCRIPTION, id="sub_old", status=Status.CANCELED, ended_at=NOW)
    stripe.held = [ended, SUBSCRIPTION, replace(ended, id="sub_new", created=NOW)]
    assert 409 == ask().status


def test_a_trial_is_had_once(stripe: FakeStripe) -> None:
    """Whoever has had a trial, on whatever plan, pays from the first day."""
    stripe.held = [replace(SUBSCRIPTION, status=Status.CANCELED, plan="starter", trial_end=NOW, ended_at=NOW)]
    ask()
    assert 0 == stripe.orders["cs_1"].trial_days


def test_a_trial_is_remembered_when_stripe_has_forgotten_it(users: Users, stripe: FakeStripe) -> None:
    """The user's row knows of the trial although Stripe shows no subscription any more."""
    stripe.create_customer("ada")
    user, tried = users.read("ada", NOW), replace(SUBSCRIPTION, trial_end=END)
    users.write_subscription(user, tried, bound(user, tried))
    ask()
    assert 0 == stripe.orders["cs_1"].trial_days


@pytest.mark.parametrize("plan", ["platinum", "free", "", "Professional"])
def test_an_unknown_plan_names_the_known_ones(stripe: FakeStripe, plan: str) -> None:
    """422 says what can be bought; free cannot."""
    answer = ask(plan=plan)
    message = f"there is no plan '{plan}' to buy. The plans are starter, professional, enterprise."
    assert (422, [{"path": "plan", "message": message}]) == (answer.status, answer.body["fields"])
    assert {} == stripe.customers


@pytest.mark.parametrize("field", ["successUrl", "cancelUrl"])
def test_a_page_of_a_foreign_origin_is_refused(stripe: FakeStripe, field: str) -> None:
    """422 names the field and the origins that are allowed."""
    answer = ask(**{field: "https://evil.example.com/welcome"})
    message = "must begin with one of http://localhost:3000, https://app.example.com"
    assert (422, [{"path": field, "message": message}]) == (answer.status, answer.body["fields"])
    assert {} == stripe.customers


@pytest.mark.parametrize("field", ["plan", "successUrl", "cancelUrl"])
def test_a_missing_field_is_named(field: str) -> None:
    """422 says which one."""
    answer = call(
        handler, "POST", "/checkout", {name: value for name, value in WISH.items() if name != field}
    )
    assert (422, [{"path": field, "message": "Field required"}]) == (answer.status, answer.body["fields"])


def test_another_users_checkout_cannot_be_asked_for(stripe: FakeStripe) -> None:
    """The token says who subscribes; a userId in the body is refused."""
    assert (422, {}) == (ask(userId="bob").status, stripe.orders)


def test_while_stripe_is_down_the_caller_is_asked_to_wait(stripe: FakeStripe) -> None:
    """503 with a Retry-After."""
    stripe.is_down = True
    answer = ask()
    assert (503, "unavailable", True) == (
        answer.status,
        answer.body["error"],
        "Retry-After" in answer.headers,
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com/a?b=c#d",
        "https://app.example.com?next=https://evil.example.com",
        "http://localhost:3000/welcome",
    ],
)
def test_a_page_of_an_allowed_origin(url: str) -> None:
    """Scheme, host and port are those of an origin; path and query are free."""
    assert is_of_origin(url, SETTINGS.allowed_origins)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/welcome",
        "//app.example.com/welcome",
        "http://app.example.com/",
        "https://app.example.com:8443/",
        "https://app.example.com.evil.example/",
        "https://app.example.com@evil.example/",
        "https://evil.example/https://app.example.com/",
        "https://evil.example/?https://app.example.com",
        "https://evil.example\\@app.example.com/",
        "https://user:password@app.example.com/",
        "javascript:alert(1)//https://app.example.com",
        "http://localhost:30000/",
        "https://[app.example.com/",
    ],
)
def test_a_page_of_no_allowed_origin(url: str) -> None:
    """What merely looks like an origin, or contains one, belongs to somebody else."""
    assert not is_of_origin(url, SETTINGS.allowed_origins)
