"""What is decided is done once: however often it is clicked, and whatever becomes of the calls."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest

from tests.fakes.table import MemoryTable
from tests.integration.decisions.ada import HALF, Ada
from tests.standin.harness import START, Sandbox
from tollkeeper.ledger.table import Write
from tollkeeper.ledger.users import StaleRevisionError
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.subscriptions.errors import SamePlanError


def test_the_same_downgrade_again_changes_nothing(ada: Ada) -> None:
    """It is answered as before, and Stripe is not asked to do it again."""
    ada.subscribe("professional")
    first, again = ada.change("starter"), ada.change("starter")
    assert (first, 1) == (again, len(ada.requests("POST", "/v1/subscription_schedules/")))


def test_up_down_and_up_again_are_three_decisions(ada: Ada) -> None:
    """Each is made at Stripe."""
    ada.subscribe("starter")
    ada.change("professional")
    ada.change("starter")
    ada.change("professional")
    ada.change("enterprise")
    assert ("enterprise", 4) == (ada.shown.plan, ada.user.decision.number if ada.user.decision else 0)


def test_the_callers_key_makes_a_lost_answer_good(ada: Ada) -> None:
    """Sent again under its key, a change is answered as before; without one, the plan is there already."""
    ada.subscribe("starter")
    first = ada.change("professional", "key-1")
    assert first == ada.change("professional", "key-1")
    with pytest.raises(SamePlanError):
        ada.change("professional")
    assert 2 == len(ada.invoices())


WISHES: dict[str, Callable[[Ada], object]] = {
    "up": lambda ada: ada.change("enterprise"),
    "down": lambda ada: ada.change("starter"),
    "cancel": lambda ada: ada.cancel(),
}


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize(
    ("answer", "effect"),
    [("500", "before"), ("500", "after"), ("lost", "before"), ("lost", "after"), ("lock_timeout", "before")],
)
@pytest.mark.parametrize("path", ["/v1/subscriptions/*", "/v1/subscription_schedules*"])
def test_what_gets_no_good_answer_is_done_once(
    ada: Ada, wish: str, answer: str, effect: str, path: str
) -> None:
    """Asked again until it is answered, it has been done once, whatever became of the calls before."""
    ada.subscribe("professional")
    ada.move(START + HALF)
    fault = {"method": "POST", "path": path, "answer": answer, "effect": effect}
    assert ada.sandbox.put("faults", {"faults": [fault]}).is_success
    for _ in range(3):
        try:
            WISHES[wish](ada)
        except StripeUnavailableError:
            continue
        break
    held = ada.at_stripe()
    assert ("enterprise" if wish == "up" else "professional", "starter" if wish == "down" else None) == (
        ada.shown.plan,
        ada.shown.pending_plan,
    )
    assert (2 if wish == "up" else 1, wish == "cancel", wish == "down") == (
        len(ada.invoices()),
        held.cancel_at_period_end,
        held.schedule is not None,
    )


class LockedTable(MemoryTable):
    """A table that several threads write to."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()

    def transact(self, writes: Sequence[Write]) -> None:
        """Write alone."""
        with self._lock:
            super().transact(writes)


def test_eight_clicks_at_one_instant_are_one(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """One proration is invoiced, and whoever is not told so is told to come again."""
    ada = Ada(sandbox, gateway, LockedTable())
    ada.subscribe("starter")
    ada.move(START + HALF)

    def click(_: int) -> str:
        try:
            ada.change("professional")
        except (StripeUnavailableError, SamePlanError, StaleRevisionError) as error:
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(click, range(8))]
    ada.hear()
    assert ("professional", 2, True) == (ada.shown.plan, len(ada.invoices()), "done" in answers)
