"""/subscription/plan, /cancel and /resume: what is answered over HTTP, and under which code."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.subscriptions.app import app, handler
from tests.examples import END, NOW, SUBSCRIPTION
from tests.fakes.api_gateway import Answer, call
from tests.fakes.deciding import Household, patient
from tests.fakes.invoices import Fault
from tests.fakes.runtime import FixedClock
from tollkeeper import runtime
from tollkeeper.rules.decisions import Choice, Decision, Wish
from tollkeeper.rules.subscriptions import Status
from tollkeeper.runtime import subscriptions

PLAN, CANCEL, RESUME = (f"/subscription/{each}" for each in ("plan", "cancel", "resume"))
BILL = "https://pay.test/in_1"


@pytest.fixture
def home() -> Household:
    """Ada, a professional in the middle of her period."""
    return Household()


@pytest.fixture(autouse=True)
def function(home: Household) -> Iterator[None]:
    """The function, with everything outside of it handed in."""
    app.dependency_overrides = {
        runtime.clock: lambda: FixedClock(home.now),
        runtime.patience: patient,
        subscriptions.plan_changes: lambda: home.desk().plans,
        subscriptions.cancellations: lambda: home.desk().ends,
    }
    yield
    app.dependency_overrides = {}


def post(path: str, body: object = None, key: str | None = None, user: str = "ada") -> Answer:
    """Ask for a decision."""
    headers = {"idempotency-key": key} if key is not None else {}

    def with_headers(event: dict[str, Any], context: Any) -> Any:  # noqa: ANN401 - Lambda's
        return handler({**event, "headers": {**event["headers"], **headers}}, context)

    return call(with_headers, "POST", path, body, user=user)


def code(answer: Answer) -> tuple[int, str]:
    """Return an answer's status and its code."""
    return answer.status, answer.body["error"]


def test_an_upgrade_says_that_it_holds_now() -> None:
    """With the time."""
    expected = {"plan": "enterprise", "effective": "now", "at": "2025-11-15T12:00:00Z"}
    assert (200, expected) == post(PLAN, {"plan": "enterprise"})[:2]


def test_a_downgrade_says_when_it_holds() -> None:
    """With the period's end."""
    expected = {"plan": "starter", "effective": "period_end", "at": "2025-12-03T09:30:15Z"}
    assert (200, expected) == post(PLAN, {"plan": "starter"})[:2]


def test_a_preview_says_what_a_change_means(home: Household) -> None:
    """Amounts in cents, the limits of every metric; and nothing is decided."""
    answer = call(handler, "GET", f"{PLAN}/preview?plan=enterprise")
    assert (200, "now", 29_900, 0, -1) == (
        answer.status,
        answer.body["effective"],
        answer.body["nextTotal"],
        answer.body["overageSoFar"],
        answer.body["limits"]["apiCalls"],
    )
    assert (8, None) == (len(answer.body["limits"]), home.user.decision)
    assert 0 < answer.body["dueNow"] < 20_000


def test_cancelling_and_resuming_say_when_it_ends() -> None:
    """And, resumed, that it does not."""
    cancelled, resumed = post(CANCEL, {"at": "period_end"}), post(RESUME)
    assert (200, {"status": "active", "cancelAt": "2025-12-03T09:30:15Z", "endedAt": None}) == cancelled[:2]
    assert (200, {"status": "active", "cancelAt": None, "endedAt": None}) == resumed[:2]


def test_cancelled_now_it_has_ended() -> None:
    """The answer says when."""
    answer = post(CANCEL, {"at": "now"})
    assert (200, "canceled", "2025-11-15T12:00:00Z") == (
        answer.status,
        answer.body["status"],
        answer.body["endedAt"],
    )


@pytest.mark.parametrize("plan", ["gold", "", "free", "x" * 10_000])
def test_a_plan_that_is_not_sold_is_422(home: Household, plan: str) -> None:
    """The known ones are named, and of the free one, what to do instead."""
    answer = post(PLAN, {"plan": plan})
    preview = call(handler, "GET", f"{PLAN}/preview?plan={plan}")
    assert [(422, "validation_failed")] * 2 == [code(answer), code(preview)]
    assert ("cancel it instead" if plan == "free" else "professional") in answer.body["message"]
    assert home.user.decision is None


@pytest.mark.parametrize(
    ("path", "body"),
    [(PLAN, {}), (PLAN, None), (CANCEL, {}), (CANCEL, {"at": "tomorrow"}), (PLAN, {"plan": 1})],
)
def test_a_request_that_cannot_be_used_is_422(home: Household, path: str, body: object) -> None:
    """Nothing is decided by it."""
    assert (422, "validation_failed") == code(post(path, body))
    assert home.user.decision is None


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_that_cannot_be_used_is_422(key: str) -> None:
    """It has between 1 and 255 characters."""
    assert (422, "validation_failed") == code(post(PLAN, {"plan": "enterprise"}, key))


def test_under_a_key_the_answer_is_the_same(home: Household) -> None:
    """Without one, the plan is there already."""
    answers = [post(PLAN, {"plan": "enterprise"}, "key-1") for _ in range(2)]
    assert (answers[0], ["enterprise"]) == (answers[1], home.stripe.wallet.attempts)
    assert (409, "same_plan") == code(post(PLAN, {"plan": "enterprise"}))


def test_the_same_plan_is_409() -> None:
    """Also as a preview."""
    answers = post(PLAN, {"plan": "professional"}), call(handler, "GET", f"{PLAN}/preview?plan=professional")
    assert [(409, "same_plan")] * 2 == [code(each) for each in answers]


@pytest.mark.parametrize(
    ("path", "body"), [(PLAN, {"plan": "starter"}), (CANCEL, {"at": "now"}), (RESUME, None)]
)
def test_without_a_subscription_it_is_409(path: str, body: object) -> None:
    """Bob has bought nothing."""
    assert (409, "no_subscription") == code(post(path, body, user="bob"))


@pytest.mark.parametrize(
    ("path", "body"),
    [(PLAN, {"plan": "starter"}), (CANCEL, {"at": "now"}), (CANCEL, {"at": "period_end"}), (RESUME, None)],
)
def test_after_the_end_it_is_409(home: Household, path: str, body: object) -> None:
    """What ended is bought anew."""
    home.be(status=Status.CANCELED, ended_at=NOW)
    assert (409, "subscription_ended") == code(post(path, body))


def test_what_ends_is_resumed_before_it_is_lowered(home: Household) -> None:
    """409; an upgrade holds until the end."""
    home.be(cancel_at=END)
    assert (409, "subscription_ending") == code(post(PLAN, {"plan": "starter"}))
    assert 200 == post(PLAN, {"plan": "enterprise"}).status


def test_what_is_owed_goes_first(home: Household) -> None:
    """409, with the page on which it is paid."""
    home.be(status=Status.PAST_DUE, past_due_since=NOW)
    home.stripe.open_invoices[SUBSCRIPTION.id] = BILL
    answer = post(PLAN, {"plan": "enterprise"})
    assert (409, "payment_due", BILL) == (*code(answer), answer.body["hostedInvoiceUrl"])


@pytest.mark.parametrize(("asks", "expected"), [(False, "payment_failed"), (True, "authentication_required")])
def test_an_upgrade_that_is_not_paid_is_402(home: Household, *, asks: bool, expected: str) -> None:
    """With the page on which it can be."""
    home.stripe.wallet.declines, home.stripe.wallet.asks = not asks, asks
    answer = post(PLAN, {"plan": "enterprise"})
    assert (402, expected, "https://pay.test/pending") == (*code(answer), answer.body["hostedInvoiceUrl"])


def test_something_else_under_way_is_409(home: Household) -> None:
    """For two minutes, should nobody finish it."""
    taken = home.desk().plans.deciding.decisions.take(
        home.user, Wish(Choice.CHANGE_PLAN, "enterprise"), NOW, patient()
    )
    assert (409, "change_under_way") == code(post(CANCEL, {"at": "period_end"}))
    home.wait(timedelta(minutes=2))
    assert (200, replace(taken, number=2)) == (
        post(CANCEL, {"at": "period_end"}).status,
        Decision(home.decision.number, taken.wish, taken.at),
    )


def test_while_stripe_is_down_it_is_503(home: Household) -> None:
    """The same request goes on from there."""
    home.stripe.is_down = True
    assert (503, "unavailable") == code(post(PLAN, {"plan": "enterprise"}))
    home.stripe.is_down = False
    assert 200 == post(PLAN, {"plan": "enterprise"}).status


def test_what_stripe_refuses_is_409(home: Household) -> None:
    """And the next wish is a new decision."""
    home.stripe.fault = lambda name: Fault.REFUSED if name == "change_plan" else None
    assert (409, "change_refused") == code(post(PLAN, {"plan": "enterprise"}))
    home.stripe.fault = lambda _: None
    assert (200, 2) == (post(PLAN, {"plan": "enterprise"}).status, home.decision.number)


def test_under_a_key_that_failed_it_is_tried_again(home: Household) -> None:
    """Stripe repeats a failure to its idempotency key: the next attempt has another, and does it once."""
    faults = iter([Fault.FAILED])
    home.stripe.fault = lambda name: next(faults, None) if name == "change_plan" else None
    answers = [post(PLAN, {"plan": "enterprise"}, "key-1").status for _ in range(3)]
    assert ([503, 200, 200], ["enterprise"]) == (answers, home.stripe.wallet.attempts)


def test_whoever_hears_of_it_first_writes_whose_it_is(home: Household) -> None:
    """A webhook that overtakes the answer tells of the user's decision all the same."""
    home.stripe.while_listing = lambda: None
    first = home.stripe.change_plan

    def change_plan(subscription_id: str, plan: str, key: str) -> None:
        first(subscription_id, plan, key)
        home.hear()

    home.stripe.change_plan = change_plan  # type: ignore[method-assign]
    post(PLAN, {"plan": "enterprise"})
    assert ["ada", "stripe"] == [actor for actor, _ in home.trail()]


def test_another_deciding_in_between_is_seen(home: Household) -> None:
    """Whoever read Stripe before that reads it again."""
    asked: list[None] = []

    def meanwhile() -> None:
        if not asked:
            asked.append(None)
            home.desk().change("starter")

    home.stripe.while_listing = meanwhile
    answer = post(PLAN, {"plan": "enterprise"})
    assert (200, "enterprise", None, 2) == (
        answer.status,
        home.stripe.held[0].plan,
        home.stripe.held[0].pending_plan,
        home.decision.number,
    )
