"""What a customer decides, through the unmodified SDK against the stand-in: named after the checklist.

Each scenario asks as the API does, lets Stripe's events arrive, and then reads both sides: what the ledger
gives the user, and what Stripe has invoiced.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import pytest
from stripe import Invoice, Subscription

from tests.fakes.table import MemoryTable
from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import load
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.decisions import Decisions
from tollkeeper.ledger.history import History
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import Table, Write
from tollkeeper.ledger.users import StaleRevisionError, Users
from tollkeeper.periods.charging import Charging
from tollkeeper.periods.finishing import Finishing
from tollkeeper.rules.audit import AuditEntry
from tollkeeper.rules.bills import Policy
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.overage import overage
from tollkeeper.rules.plan_changes import Effective, PlanChange
from tollkeeper.rules.subscriptions import Status
from tollkeeper.rules.times import epoch, from_epoch
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.rules.users import User, period_at
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.stripe.port import CheckoutOrder
from tollkeeper.subscriptions.cancellations import CancelAt, Cancellations
from tollkeeper.subscriptions.cancelling import CancelNow
from tollkeeper.subscriptions.deciding import Deciding
from tollkeeper.subscriptions.errors import (
    AuthenticationRequiredError,
    NoSubscriptionError,
    PaymentDueError,
    PaymentFailedError,
    SamePlanError,
    SubscriptionEndedError,
    SubscriptionEndingError,
)
from tollkeeper.subscriptions.plan_changes import PlanChanges
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise
from tollkeeper.views.subscription import SubscriptionView, overview

CATALOGUE = load()
OFFER = Offer(CATALOGUE, START.date())
PAGE = "https://app.example.com"
HALF = timedelta(days=14)
"""Half of the month from 31 January to 28 February: what is left of it is half of its price."""
END = START + 2 * HALF
GOOD, DECLINES, ASKS = "pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"


@dataclass
class Ada:
    """A customer, the deployment that she is one of, and Stripe."""

    sandbox: Sandbox
    stripe: StripeGateway
    table: Table = field(default_factory=MemoryTable)
    now: datetime = START
    used: int = 0

    def __post_init__(self) -> None:
        self.users = Users(self.table)
        self.customer = self.stripe.create_customer("ada")
        self.users.bind_customer("ada", self.customer)
        bills = Bills(self.table)
        charging = Charging(bills, self.stripe, CATALOGUE, Policy(), "live")
        held = Finishing(bills, charging, self.stripe)
        deciding = Deciding(self.users, Decisions(self.table), self.stripe, OFFER, "live")
        self.plans = PlanChanges(deciding)
        self.ends = Cancellations(deciding, CancelNow(self.users, held, self.stripe, OFFER))

    def subscribe(self, plan: str = "starter", trial_days: int = 0) -> None:
        """Buy on Checkout's page."""
        order = CheckoutOrder("ada", self.customer, plan, trial_days, PAGE, PAGE)
        session = self.stripe.create_checkout_session(order)
        path = f"/_sandbox/checkout/sessions/{session.id}/complete"
        self.sandbox.http.post(path, json={"card": "4242424242424242"}).raise_for_status()
        self.hear()

    def hear(self) -> None:
        """Let a webhook arrive."""
        synchronise(self.customer, self.users, self.stripe, OFFER, Trigger(self.now))

    def move(self, to: datetime) -> None:
        """Let time pass, and events arrive."""
        self.sandbox.move(to)
        self.now = to
        self.hear()

    def pay_with(self, card: str) -> None:
        """Have the subscription charged to another card."""
        method = self.sandbox.stripe.v1.payment_methods.attach(card, {"customer": self.customer})
        self.sandbox.stripe.v1.subscriptions.update(
            self.at_stripe().id, {"default_payment_method": method.id}
        )

    def use(self, metric: str, units: int) -> None:
        """Use something."""
        self.used += 1
        record = UsageRecord(f"use-{self.used}", "ada", metric, units, self.now, self.now)
        user = self.users.read("ada", self.now)
        Counting(self.table, OFFER).count(user, [record], now=self.now, patience=Patience(lambda: 60.0))

    def change(self, plan: str, key: str | None = None) -> PlanChange:
        """Ask for a plan."""
        return self.plans.change("ada", plan, key, self.now, Patience(lambda: 60.0, lambda _: None))

    def cancel(self, at: CancelAt = CancelAt.PERIOD_END) -> Status:
        """Cancel."""
        patience = Patience(lambda: 60.0, lambda _: None)
        return self.ends.cancel("ada", at, None, self.now, patience).status

    def resume(self) -> datetime | None:
        """Resume; return when it is to end."""
        patience = Patience(lambda: 60.0, lambda _: None)
        return self.ends.resume("ada", None, self.now, patience).cancel_at

    @property
    def user(self) -> User:
        """Her row."""
        return self.users.read("ada", self.now)

    @property
    def shown(self) -> SubscriptionView:
        """What GET /subscription tells."""
        return overview(self.user, OFFER, self.now)

    @property
    def trail(self) -> list[AuditEntry]:
        """Her audit trail, the newest first."""
        return [*History(self.table).audit("ada", None).entries]

    def at_stripe(self) -> Subscription:
        """Return the subscription as Stripe has it."""
        return self.sandbox.stripe.v1.subscriptions.list({"customer": self.customer, "status": "all"}).data[0]

    def invoices(self) -> list[Invoice]:
        """Return the invoices, the newest first."""
        return self.sandbox.stripe.v1.invoices.list({"customer": self.customer}).data

    def requests(self, method: str, path: str) -> list[Any]:
        """Return the requests that Stripe got."""
        found = self.sandbox.http.get("/_sandbox/requests").json()
        listed = found if isinstance(found, list) else found["requests"]
        return [each for each in listed if each["method"] == method and path in each["path"]]


@pytest.fixture
def ada(sandbox: Sandbox, gateway: StripeGateway) -> Ada:
    """Ada, who has bought nothing."""
    return Ada(sandbox, gateway)


def test_upgrade_mid_cycle_raises_limits_at_once(ada: Ada) -> None:
    """Half of the month is left: half of each price changes hands, and the higher limits hold."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    preview = ada.plans.preview("ada", "professional", ada.now)
    before = (ada.shown.plan, len(ada.invoices()))
    change = ada.change("professional")
    assert (Effective.NOW, START + HALF, 3500, 9900, 10_000) == (
        preview.effective,
        preview.at,
        preview.due_now,
        preview.next_total,
        preview.limits["apiCalls"],
    )
    assert (("starter", 1), PlanChange("professional", Effective.NOW, ada.now)) == (before, change)
    assert ("professional", 10_000, 3500, "paid") == (
        ada.shown.plan,
        ada.shown.limits["apiCalls"],
        ada.invoices()[0].total,
        ada.invoices()[0].status,
    )


def test_upgrade_with_overage_owed_neither_loses_nor_doubles_it(ada: Ada) -> None:
    """What was over the old limit stays owed, once, and the new limit is whole."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    ada.use("apiCalls", 1_500)
    assert 500 == ada.plans.preview("ada", "professional", ada.now).overage_so_far
    ada.change("professional")
    ada.use("apiCalls", 9_000)
    held = ada.shown.overage["apiCalls"]
    ada.use("apiCalls", 7)
    over = ada.shown.overage["apiCalls"]
    assert ((500, 500), (507, 507)) == ((held.quantity, held.amount), (over.quantity, over.amount))


def test_downgrade_waits_for_the_period_end(ada: Ada) -> None:
    """It is shown as pending, costs nothing now, and is the next bill."""
    ada.subscribe("professional")
    ada.move(START + HALF)
    preview = ada.plans.preview("ada", "starter", ada.now)
    change = ada.change("starter")
    assert (Effective.PERIOD_END, 0, 2900) == (preview.effective, preview.due_now, preview.next_total)
    assert PlanChange("starter", Effective.PERIOD_END, END) == change
    assert ("professional", "starter", 10_000, 2900, 1) == (
        ada.shown.plan,
        ada.shown.pending_plan,
        ada.shown.limits["apiCalls"],
        ada.shown.projected_total,
        len(ada.invoices()),
    )
    ada.move(END + timedelta(hours=2))
    assert ("starter", None, 1_000, 2900) == (
        ada.shown.plan,
        ada.shown.pending_plan,
        ada.shown.limits["apiCalls"],
        ada.invoices()[0].total,
    )


def test_a_pending_downgrade_is_replaced_by_another(ada: Ada) -> None:
    """The last word counts."""
    ada.subscribe("enterprise")
    ada.change("professional")
    ada.change("starter")
    assert ("enterprise", "starter") == (ada.shown.plan, ada.shown.pending_plan)
    ada.move(END + timedelta(hours=2))
    assert "starter" == ada.shown.plan


def test_a_pending_downgrade_is_revoked_by_the_present_plan(ada: Ada) -> None:
    """Nothing changes at the period's end."""
    ada.subscribe("professional")
    ada.change("starter")
    assert PlanChange("professional", Effective.NOW, START) == ada.change("professional")
    assert (None, None) == (ada.shown.pending_plan, ada.at_stripe().schedule)
    ada.move(END + timedelta(hours=2))
    assert "professional" == ada.shown.plan


def test_downgrade_then_upgrade_back_and_beyond(ada: Ada) -> None:
    """An upgrade gives up the downgrade that was pending."""
    ada.subscribe("professional")
    ada.move(START + HALF)
    ada.change("starter")
    ada.change("enterprise")
    assert ("enterprise", None, None) == (
        ada.shown.plan,
        ada.shown.pending_plan,
        ada.at_stripe().schedule,
    )
    ada.change("professional")
    assert ("enterprise", "professional") == (ada.shown.plan, ada.shown.pending_plan)
    ada.move(END + timedelta(hours=2))
    assert ("professional", 9900) == (ada.shown.plan, ada.invoices()[0].total)


def test_the_same_downgrade_again_changes_nothing(ada: Ada) -> None:
    """It is answered as before, and Stripe is not asked to do it again."""
    ada.subscribe("professional")
    first, again = ada.change("starter"), ada.change("starter")
    assert (first, 1) == (again, len(ada.requests("POST", "/v1/subscription_schedules/")))


def test_upgrade_with_a_declining_card_leaves_the_old_plan(ada: Ada) -> None:
    """The answer says where to pay; paid there, the upgrade holds."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    ada.pay_with(DECLINES)
    with pytest.raises(PaymentFailedError) as refused:
        ada.change("professional")
    pending = ada.invoices()[0]
    assert ("starter", 1_000, pending.hosted_invoice_url, "open") == (
        ada.shown.plan,
        ada.shown.limits["apiCalls"],
        refused.value.page,
        pending.status,
    )
    ada.sandbox.stripe.v1.invoices.pay(pending.id, {"payment_method": GOOD})
    ada.hear()
    assert ("professional", 10_000) == (ada.shown.plan, ada.shown.limits["apiCalls"])


def test_another_try_with_a_new_card_is_a_new_decision(ada: Ada) -> None:
    """It is made under a key of its own, and what was pending is void."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    ada.pay_with(DECLINES)
    with pytest.raises(PaymentFailedError):
        ada.change("professional")
    ada.pay_with(GOOD)
    ada.change("professional")
    assert ("professional", ["paid", "void", "paid"]) == (
        ada.shown.plan,
        [each.status for each in ada.invoices()],
    )


def test_an_unpaid_upgrade_expires(ada: Ada) -> None:
    """The pending update is Stripe's, and so is its end."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    ada.pay_with(DECLINES)
    with pytest.raises(PaymentFailedError):
        ada.change("professional")
    ada.move(START + HALF + timedelta(days=1))
    assert ("starter", "void", None) == (
        ada.shown.plan,
        ada.invoices()[0].status,
        ada.at_stripe().pending_update,
    )


@pytest.mark.parametrize("succeeds", [True, False])
def test_upgrade_that_must_be_authenticated(ada: Ada, *, succeeds: bool) -> None:
    """The old plan stays until the customer has confirmed; who fails to, keeps it."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    ada.pay_with(ASKS)
    with pytest.raises(AuthenticationRequiredError) as asked:
        ada.change("professional")
    invoice = ada.invoices()[0]
    assert ("starter", invoice.hosted_invoice_url) == (ada.shown.plan, asked.value.page)
    path = f"/_sandbox/invoices/{invoice.id}/authenticate"
    ada.sandbox.http.post(path, json={"succeeds": succeeds}).raise_for_status()
    ada.hear()
    assert ("professional" if succeeds else "starter") == ada.shown.plan
    if not succeeds:
        with pytest.raises(AuthenticationRequiredError):
            ada.change("professional")
        assert ["open", "void", "paid"] == [each.status for each in ada.invoices()]


def test_an_upgrade_in_the_trial_holds_at_once_and_costs_nothing(ada: Ada) -> None:
    """Also with a card that would decline: nothing is due."""
    ada.subscribe("starter", trial_days=14)
    ada.pay_with(DECLINES)
    preview = ada.plans.preview("ada", "professional", ada.now)
    ada.change("professional")
    assert (0, 9900, "professional", Status.TRIALING, [0]) == (
        preview.due_now,
        preview.next_total,
        ada.shown.plan,
        ada.shown.status,
        [each.total for each in ada.invoices()],
    )


def test_a_downgrade_in_the_trial_holds_from_its_end(ada: Ada) -> None:
    """The first month that is paid for is the lower plan's."""
    ada.subscribe("professional", trial_days=14)
    ada.change("starter")
    assert ("professional", "starter") == (ada.shown.plan, ada.shown.pending_plan)
    ada.move(START + HALF + timedelta(hours=2))
    assert ("starter", Status.ACTIVE, 2900) == (ada.shown.plan, ada.shown.status, ada.invoices()[0].total)


def test_cancel_at_the_period_end_and_resume(ada: Ada) -> None:
    """Until the end all goes on; resumed, it goes on beyond."""
    ada.subscribe("starter")
    assert Status.ACTIVE is ada.cancel()
    assert (END, 0, "starter") == (ada.shown.cancel_at, ada.shown.projected_total, ada.shown.plan)
    assert ada.resume() is None
    ada.move(END + timedelta(hours=2))
    assert (Status.ACTIVE, "starter", None) == (ada.shown.status, ada.shown.plan, ada.shown.cancel_at)


def test_what_is_cancelled_ends_with_its_period(ada: Ada) -> None:
    """Then there is nothing left to decide about."""
    ada.subscribe("starter")
    ada.cancel()
    ada.move(END + timedelta(hours=2))
    assert (Status.CANCELED, "free") == (ada.shown.status, ada.shown.plan)
    for decide in (lambda: ada.change("professional"), ada.cancel, ada.resume):
        with pytest.raises(SubscriptionEndedError):
            decide()


def test_resume_undoes_what_the_portal_set(ada: Ada) -> None:
    """Flexible billing mode's portal sets `cancel_at` alone."""
    ada.subscribe("starter")
    ada.sandbox.stripe.v1.subscriptions.update(ada.at_stripe().id, {"cancel_at": epoch(END)})
    ada.hear()
    assert (END, False) == (ada.shown.cancel_at, ada.at_stripe().cancel_at_period_end)
    ada.resume()
    assert (None, None) == (ada.shown.cancel_at, ada.at_stripe().cancel_at)


def test_cancel_in_the_trial_costs_nothing(ada: Ada) -> None:
    """It ends with the trial, and nothing is ever charged."""
    ada.subscribe("starter", trial_days=14)
    assert Status.TRIALING is ada.cancel()
    assert START + HALF == ada.shown.cancel_at
    ada.move(START + HALF + timedelta(hours=2))
    assert (Status.CANCELED, [0]) == (ada.shown.status, [each.total for each in ada.invoices()])


def test_cancel_with_a_downgrade_pending(ada: Ada) -> None:
    """The downgrade is given up; resumed, the plan is the one there was."""
    ada.subscribe("professional")
    ada.change("starter")
    ada.cancel()
    assert (END, None) == (ada.shown.cancel_at, ada.shown.pending_plan)
    with pytest.raises(SubscriptionEndingError):
        ada.change("starter")
    ada.resume()
    ada.move(END + timedelta(hours=2))
    assert ("professional", Status.ACTIVE) == (ada.shown.plan, ada.shown.status)


@pytest.mark.parametrize("pending", [None, "starter"])
def test_cancel_now(ada: Ada, pending: str | None) -> None:
    """It ends at once, also with a downgrade pending; what was used beyond is left to be charged."""
    ada.subscribe("professional")
    ada.move(START + HALF)
    ada.use("apiCalls", 10_500)
    if pending:
        ada.change(pending)
    assert Status.CANCELED is ada.cancel(CancelAt.NOW)
    assert ("free", Status.CANCELED) == (ada.shown.plan, ada.shown.status)
    (ended,) = (each for each in ada.users.history("ada").periods if each.subscription_id)
    assert (ada.now, 500) == (ended.end, overage(ended)["apiCalls"].quantity)


def test_cancelling_twice_is_cancelling_once(ada: Ada) -> None:
    """Whoever asks again is told the same; Stripe is asked once."""
    ada.subscribe("starter")
    assert ada.cancel() is ada.cancel()
    subscription = ada.at_stripe().id
    assert 1 == len(ada.requests("POST", f"/v1/subscriptions/{subscription}"))


def test_a_change_in_stripes_dashboard_ends_the_same(ada: Ada) -> None:
    """An upgrade there raises the limits and keeps the overage; a downgrade leaves the open period alone."""
    ada.subscribe("starter")
    ada.use("apiCalls", 1_100)
    items = ada.at_stripe()["items"].data
    prices = {
        plan: ada.sandbox.stripe.v1.prices.list({"lookup_keys": [each.price_lookup_key]}).data[0].id
        for plan, each in CATALOGUE.plans.items()
        if each.price
    }
    for plan in ("professional", "starter"):
        ada.sandbox.stripe.v1.subscriptions.update(
            ada.at_stripe().id, {"items": [{"id": items[0].id, "price": prices[plan]}]}
        )
        ada.hear()
    period = period_at(ada.user, ada.now, OFFER)
    assert ("starter", 10_000, {"apiCalls": 100}) == (
        ada.shown.plan,
        ada.shown.limits["apiCalls"],
        period.incurred,
    )
    ada.move(END + timedelta(hours=2))
    assert 1_000 == ada.shown.limits["apiCalls"]


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


def test_a_declined_change_under_the_callers_key_is_not_tried_again(ada: Ada) -> None:
    """The same request gets the same answer, and the card is charged once."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    ada.pay_with(DECLINES)
    for _ in range(2):
        with pytest.raises(PaymentFailedError):
            ada.change("professional", "key-1")
    assert ["open", "paid"] == [each.status for each in ada.invoices()]


def test_what_is_owed_goes_first(ada: Ada) -> None:
    """Nobody changes their plan while an invoice of a renewal is open; cancelling stays possible."""
    ada.subscribe("starter")
    ada.pay_with(DECLINES)
    ada.move(END + timedelta(hours=2))
    with pytest.raises(PaymentDueError) as refused:
        ada.change("professional")
    assert ada.invoices()[0].hosted_invoice_url == refused.value.page
    assert Status.PAST_DUE is ada.cancel()


def test_who_has_bought_nothing_has_nothing_to_decide(ada: Ada) -> None:
    """Neither do those who never came to Checkout."""
    for user in ("ada", "bob"):
        with pytest.raises(NoSubscriptionError):
            ada.plans.preview(user, "starter", ada.now)
        with pytest.raises(NoSubscriptionError):
            ada.ends.resume(user, None, ada.now, Patience(lambda: 60.0))
    assert ada.users.read("bob", ada.now).decision is None


def test_the_trail_says_who_and_what(ada: Ada) -> None:
    """Plan, customer and amount stand in every entry, and decisions are the user's."""
    ada.subscribe("starter")
    for day, plan in enumerate(("professional", "starter"), start=1):
        ada.move(START + timedelta(days=day))
        ada.change(plan)
    told = [(each.actor, each.action, each.details["after"]) for each in ada.trail]
    assert [
        ("ada", "SUBSCRIPTION_UPDATED", "professional", ada.customer, "9900", "starter"),
        ("ada", "SUBSCRIPTION_UPDATED", "professional", ada.customer, "9900", None),
        ("stripe", "SUBSCRIPTION_CREATED", "starter", ada.customer, "2900", None),
    ] == [
        (actor, action, after["plan"], after["customer_id"], after["amount"], after.get("pending_plan"))
        for actor, action, after in told
    ]


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


def test_a_preview_changes_nothing(ada: Ada) -> None:
    """Neither at Stripe, nor in the ledger."""
    ada.subscribe("starter")
    assert isinstance(ada.table, MemoryTable)
    before = ({key: dict(row) for key, row in ada.table.rows.items()}, ada.at_stripe().to_dict())
    ada.plans.preview("ada", "professional", ada.now)
    assert before == (ada.table.rows, ada.at_stripe().to_dict())
    assert from_epoch(ada.invoices()[0].created) == START
