"""A decision may break off anywhere; whoever wants the same again goes on, and Stripe does it once.

Likewise where Stripe answers nothing, or a failure, with or without an effect.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import product

import pytest

from tests.fakes.deciding import Ask, Household
from tests.fakes.invoices import Fault
from tests.ledger.crashes import Crash, Moment, Outside
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.subscriptions.cancellations import CancelAt
from tollkeeper.subscriptions.errors import (
    ChangeRefusedError,
    PaymentFailedError,
    SamePlanError,
    SubscriptionEndedError,
)

type Prepare = Callable[[Household], object]


def with_a_downgrade(home: Household) -> None:
    """Have a downgrade pending."""
    home.desk().change("starter")


def with_an_end(home: Household) -> None:
    """Have the subscription end with its period."""
    home.desk().cancel()


def declining(home: Household) -> None:
    """Have payments fail."""
    home.stripe.wallet.declines = True


def as_it_is(_: Household) -> None:
    """Change nothing."""


CASES: dict[str, tuple[Prepare, Ask]] = {
    "an upgrade": (as_it_is, lambda desk: desk.change("enterprise")),
    "an upgrade with a downgrade pending": (with_a_downgrade, lambda desk: desk.change("enterprise")),
    "an upgrade that is declined": (declining, lambda desk: desk.change("enterprise")),
    "a downgrade": (as_it_is, lambda desk: desk.change("starter")),
    "a downgrade taken back": (with_a_downgrade, lambda desk: desk.change("professional")),
    "cancelling": (as_it_is, lambda desk: desk.cancel()),
    "cancelling with a downgrade pending": (with_a_downgrade, lambda desk: desk.cancel()),
    "cancelling now": (with_a_downgrade, lambda desk: desk.cancel(CancelAt.NOW)),
    "resuming": (with_an_end, lambda desk: desk.resume()),
}


def begun(case: str) -> tuple[Household, Ask]:
    """Return Ada's, prepared for a case, and what she asks for then."""
    prepare, ask = CASES[case]
    home = Household()
    prepare(home)
    home.wait(timedelta(hours=1))
    return home, ask


def asked(ask: Callable[[], object]) -> object:
    """Return what a request is answered; that a card was declined is an answer too."""
    try:
        return ask()
    except PaymentFailedError as error:
        return str(error)


def ended(home: Household) -> object:
    """Return what all is about in the end: Stripe, the row, the trail, what was paid, the decision."""
    decision = home.decision
    return (
        home.stripe.held,
        home.stripe.decided,
        home.stripe.pending,
        home.stripe.scheduled,
        home.stripe.wallet.attempts,
        home.user.subscription,
        home.trail(),
        (decision.number, decision.wish, decision.done),
    )


def calls(case: str) -> list[str]:
    """Return the outside calls of a case in which nobody dies."""
    home, ask = begun(case)
    outside = Outside()
    asked(lambda: ask(home.beyond(outside)))
    return outside.calls


def undisturbed(case: str) -> object:
    """Return how a case ends in which nobody dies."""
    home, ask = begun(case)
    asked(lambda: ask(home.desk()))
    return ended(home)


DONE = (SamePlanError, SubscriptionEndedError)
"""What is answered to whoever asks for what was done: without a key, nothing says that they repeat it."""

POINTS = [
    pytest.param(case, at, moment, id=f"{case}, {moment} {at} {name}")
    for case in CASES
    for (at, name), moment in product(enumerate(calls(case)), Moment)
]


def test_each_case_calls_outside() -> None:
    """A decision is taken before Stripe is changed, and done when its answer was written."""
    found = [each.split(" ")[0] for each in calls("an upgrade with a downgrade pending")]
    assert [
        "query",
        "subscriptions_of",
        "get_all",
        "transact",
        "release_schedule",
        "change_plan",
        "user_of",
        "query",
        "subscriptions_of",
        "query",  # what is upgraded is read once more, for its counters
        "transact",
        "transact",
    ] == found


@pytest.mark.parametrize(("case", "at", "moment"), POINTS)
def test_whoever_asks_again_goes_on(case: str, at: int, moment: Moment) -> None:
    """It ends as if nothing had been, and Stripe did each thing once."""
    home, ask = begun(case)
    with suppress(Crash):
        asked(lambda: ask(home.beyond(Outside(at, moment))))
    with suppress(*DONE):
        asked(lambda: ask(home.desk()))
    expected, found = undisturbed(case), ended(home)
    if case == "an upgrade that is declined" and (at, moment) == (len(calls(case)) - 1, Moment.AFTER):
        # It was answered and written down: this is another try, as after any declined card.
        assert 2 == len(home.stripe.wallet.attempts)
        return
    assert expected == found


@pytest.mark.parametrize(("case", "at", "moment"), POINTS)
def test_whoever_is_interrupted_leaves_nobody_stuck(case: str, at: int, moment: Moment) -> None:
    """Minutes later something else can be decided, and webhooks have told what came of it."""
    home, ask = begun(case)
    with suppress(Crash):
        asked(lambda: ask(home.beyond(Outside(at, moment))))
    home.hear()
    home.wait(timedelta(minutes=3))
    (held,) = home.stripe.held
    assert held == home.user.subscription
    if held.is_live:
        home.stripe.wallet.declines = False
        home.desk().resume()
        if held.plan != "enterprise":
            home.desk().change("enterprise")
            assert "enterprise" == home.stripe.held[0].plan


NAMES = ("change_plan", "schedule", "schedule_plan", "release", "cancel_later", "resume")


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", [each for each in CASES if each != "an upgrade that is declined"])
def test_stripes_faults_are_ridden_out(case: str, name: str, fault: Fault) -> None:
    """Tried until it is done, each thing is done once, whatever becomes of one call on the way."""
    home, ask = begun(case)
    faults = iter([fault])
    home.stripe.fault = lambda call: next(faults, None) if call == name else None
    for _ in range(4):
        with suppress(StripeUnavailableError, ChangeRefusedError):
            ask(home.desk())
            break
        while home.stripe.in_flight:
            home.stripe.land()
    else:
        pytest.fail("it was never done")
    expected, *_ = undisturbed(case), None
    effects, attempts = ended(home)[:4], home.stripe.wallet.attempts  # type: ignore[index]
    assert (expected[:4], expected[4]) == (effects, attempts)  # type: ignore[index]
