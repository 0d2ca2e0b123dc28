"""A month at the stand-in in which Ada decides: by our API, in the portal, and somebody in the dashboard.

Beside the ledger goes the model of counting, which hears just what the ledger hears and is used as much. What
the plans cost is reckoned from what Stripe says of the subscription before and after each step.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import stripe as sdk
from stripe import Invoice

from tests.integration.disturbed_month import DisturbedMonth
from tests.integration.month_at_stripe import CATALOGUE, END, OFFER
from tests.ledger.billing_house import HOUR, MINUTE, RUN, endless
from tests.ledger.judgement import Ended
from tests.ledger.model import Model
from tests.standin.harness import Sandbox
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.decisions import Decisions, UnderWayError
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.users import StaleRevisionError, Users
from tollkeeper.periods.charging import Charging
from tollkeeper.periods.finishing import Finishing
from tollkeeper.rules.bills import Policy
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.times import from_epoch
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.subscriptions.cancellations import CancelAt, Cancellations
from tollkeeper.subscriptions.cancelling import CancelNow
from tollkeeper.subscriptions.deciding import Deciding
from tollkeeper.subscriptions.errors import (
    NoSubscriptionError,
    NotMadeGoodError,
    PaymentDueError,
    SamePlanError,
    SubscriptionEndedError,
    SubscriptionEndingError,
)
from tollkeeper.subscriptions.plan_changes import PlanChanges

ANSWERS = (
    NoSubscriptionError,
    NotMadeGoodError,
    PaymentDueError,
    SamePlanError,
    StaleRevisionError,
    StripeUnavailableError,
    SubscriptionEndedError,
    SubscriptionEndingError,
    UnderWayError,
)
"""What a caller is told where nothing is done, or not yet: a 402, a 409 or a 503, and never anything else."""

NEXT_END = END + timedelta(days=31)
PRICES = {name: plan.price for name, plan in CATALOGUE.plans.items()}
GOOD, DECLINES, ASKS = "pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"


class Rise(NamedTuple):
    """A dearer plan came into force, of what is left of a month that began and ends so.

    `before` is what the month was billed as until then: a change that is not prorated gives nothing back.
    """

    before: str
    after: str
    start: datetime
    end: datetime

    def cost(self, invoice: Invoice) -> int:
        """Return what it costs from when its invoice was made, in cents."""
        left = (self.end - from_epoch(invoice.created)) / (self.end - self.start)
        return round(left * PRICES[self.after]) - round(left * PRICES[self.before])


class DecidedMonth(DisturbedMonth):
    """Ada's month, what she decides in it, and what must come of it."""

    def __init__(self, sandbox: Sandbox, policy: Policy) -> None:
        super().__init__(sandbox, policy)
        users, bills = Users(self.table), Bills(self.table)
        deciding = Deciding(users, Decisions(self.table), self.stripe, OFFER, "live")
        held = Finishing(bills, Charging(bills, self.stripe, CATALOGUE, policy, "live"), self.stripe)
        self.plans = PlanChanges(deciding)
        self.ends = Cancellations(deciding, CancelNow(users, held, self.stripe, OFFER))
        self.users = users
        self.model = Model()
        self.rises: list[Rise] = []
        self.rev = 0
        self.answers = Counter[str]()
        self.word: Subscription | None = None
        self.billed_plan = ""

    # What Stripe says, to the ledger, to the model, and to whoever reckons what plans cost.

    def watch(self) -> None:
        """See what Stripe says of the subscription now, and tell the model if the ledger was just told."""
        with self.undisturbed():
            said = self.stripe.subscriptions_of(self.customers["ada"])
        before, (now,) = self.word, said
        if before is None or before.period_start != now.period_start:
            self.billed_plan = now.plan
        elif PRICES[now.plan] > PRICES[before.plan]:
            self.rises.append(Rise(self.billed_plan, now.plan, now.period_start, now.period_end))
            self.billed_plan = now.plan
        self.word = now
        row = self.users.read("ada", self.now)
        if row.rev != self.rev:
            since = row.subscription.past_due_since if row.subscription else None
            self.rev = row.rev
            self.model.hear([replace(now, past_due_since=since if now.status is Status.PAST_DUE else None)])

    def told(self) -> None:
        """Let a webhook arrive, and all that it wakes go on."""
        self.hears()
        self.watch()

    def surely_told(self) -> None:
        """Let a webhook arrive whose questions Stripe answers."""
        with self.undisturbed():
            self.told()

    # What Ada decides.

    def _ask(self, wish: Any) -> None:  # noqa: ANN401 - whatever it returns is Stripe's to show
        self.watch()
        try:
            wish()
        except ANSWERS as error:
            self.answers[type(error).__name__] += 1
        else:
            self.answers["done"] += 1
        self.watch()

    def change(self, plan: str) -> None:
        """Change the plan, up or down; the present one takes a downgrade back."""
        self._ask(lambda: self.plans.change("ada", plan, None, self.now, endless()))

    def change_with(self, card: str, plan: str, then: str = "") -> None:
        """Change the plan with another card, and then do what is named about the payment."""
        with self.undisturbed():
            self.pay_with(card)
        self.change(plan)
        with self.undisturbed():
            match then:
                case "confirm" | "fail to confirm":
                    self.authenticate(succeeds=then == "confirm")
                case "pay":
                    self.pay_what_is_open()
        self.watch()

    def cancel_by_api(self, at: CancelAt) -> None:
        """Cancel."""
        self._ask(lambda: self.ends.cancel("ada", at, None, self.now, endless()))

    def resume(self) -> None:
        """Let it go on."""
        self._ask(lambda: self.ends.resume("ada", None, self.now, endless()))

    def accept_at_most(self, cap: int | None) -> None:
        """Set a spending cap, or take it away."""
        self.surely_told()
        SpendingCaps(self.table, OFFER).set("ada", cap, self.now, endless())
        self.model.accept(cap, self.now)

    def use_up(self, units: dict[str, int]) -> None:
        """Use something now, as ledger and model count it."""
        self.surely_told()
        records = [
            UsageRecord(f"{metric}-{len(self.model.counted)}", "ada", metric, quantity, self.now, self.now)
            for metric, quantity in units.items()
        ]
        counting = Counting(self.table, OFFER)
        (profile,) = counting.profiles(["ada"])
        assert not counting.count(profile, records, now=self.now, patience=endless()).left
        for record in records:
            self.model.count(record, self.now)

    # What she does at Stripe, and others in its dashboard.

    def pay_with(self, card: str) -> None:
        """Have the subscription charged to another card."""
        with suppress(sdk.StripeError):
            held = self.api.payment_methods.attach(card, {"customer": self.customers["ada"]})
            self.api.subscriptions.update(self.subscriptions["ada"], {"default_payment_method": held.id})

    def pay_what_is_open(self) -> None:
        """Pay on the hosted page."""
        for each in self.invoices():
            if each.status == "open":
                with suppress(sdk.StripeError):
                    self.api.invoices.pay(each.id, {"payment_method": GOOD})

    def authenticate(self, *, succeeds: bool) -> None:
        """Do what the bank asks, or fail to."""
        for each in self.invoices():
            if each.status == "open":
                self.sandbox.http.post(
                    f"/_sandbox/invoices/{each.id}/authenticate", json={"succeeds": succeeds}
                )

    def cancel_in_the_portal(self) -> None:
        """Cancel on Stripe's page."""
        url = self.stripe.create_portal_session(self.customers["ada"], "https://app.example.com", None)
        self.sandbox.http.post(f"{url}/cancel")

    def change_in_the_dashboard(self, plan: str) -> None:
        """Change the plan there: up for what it costs, if that is paid; down for nothing."""
        with suppress(sdk.StripeError):
            (item,) = self.api.subscriptions.retrieve(self.subscriptions["ada"])["items"].data
            is_dearer = self.word is not None and PRICES[plan] > PRICES[self.word.plan]
            change: Any = {
                "items": [{"id": item.id, "price": self.price(plan)}],
                "proration_behavior": "always_invoice" if is_dearer else "none",
                "payment_behavior": "error_if_incomplete",
            }
            self.api.subscriptions.update(self.subscriptions["ada"], change)

    # How it ends.

    def passes(self, by: timedelta) -> None:
        """Let time pass, and a reporter run as often as it matters."""
        until = self.now + by
        while self.now < until:
            is_busy = any(end <= self.now < end + 3 * HOUR for end in (END, NEXT_END))
            self.move(min(until, self.now + (RUN if is_busy else 12 * HOUR)))
            self.run()
            self.watch()

    def all_ended(self) -> list[Ended]:
        """Return each month that was charged as it ended."""
        final, left = self.lines(), self.lines(statuses=("draft",))
        waiting = len([*Bills(self.table).due(self.now + 100 * HOUR), *Closing(self.table).ended(self.now)])
        return [
            Ended(
                period=self._period(keys.period_name(bill.period_start, bill.subscription_id)),
                bill=bill,
                audited=Counter(self.audited()),
                final=final,
                left=left,
                touched=set(),
                waiting=waiting,
            )
            for bill in Bills(self.table).of_user("ada")
        ]

    def _period(self, name: str) -> Any:  # noqa: ANN401 - a Period, which rows tell
        return rows.period(next(row for row in self.rows("PERIOD#") if row["sk"] == f"PERIOD#{name}"))

    def expected(self) -> dict[tuple[str | None, datetime], Counter[str]]:
        """Return what the model says that each month of hers that has ended owes, in units."""
        self.model.close(self.now - 5 * MINUTE)
        return self.model.charges

    def billed(self) -> dict[tuple[str | None, datetime], Counter[str]]:
        """Return what each month's bill charges, in units."""
        return {
            (bill.subscription_id, bill.period_start): Counter(
                {charge.metric: charge.quantity for charge in bill.charges}
            )
            for bill in Bills(self.table).of_user("ada")
            if bill.charges
        }

    def paid_for_upgrades(self) -> list[Invoice]:
        """Return the invoices of upgrades that were paid, the first first."""
        found = [each for each in self.invoices() if each.billing_reason == "subscription_update"]
        return [each for each in reversed(found) if each.status == "paid"]
