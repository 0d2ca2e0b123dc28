"""Random ends of months: whatever goes wrong and whoever has a hand in it, overage is charged as it must be.

In memory; tests/integration/test_random_months.py lives such months at the stand-in.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.fakes.invoices import Fault
from tests.ledger.billing_house import DAY, END, HOUR, MINUTE, RUN, House
from tests.ledger.judgement import Ended, judge, never_twice
from tests.ledger.story import OFFER, patience
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.decisions import Decisions, UnderWayError
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.users import StaleRevisionError, Users
from tollkeeper.periods.charging import Charging
from tollkeeper.periods.finishing import Finishing
from tollkeeper.rules.bills import Apart, Policy
from tollkeeper.rules.invoices import InvoiceLine, InvoiceStatus
from tollkeeper.rules.subscriptions import Cause
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.subscriptions.cancellations import CancelAt, Cancellations
from tollkeeper.subscriptions.cancelling import CancelNow
from tollkeeper.subscriptions.deciding import Deciding
from tollkeeper.subscriptions.errors import (
    NoSubscriptionError,
    NotMadeGoodError,
    SamePlanError,
    SubscriptionEndedError,
    SubscriptionEndingError,
)
from tollkeeper.subscriptions.plan_changes import PlanChanges

WRITES = ("add_lines", "create_invoice", "finalize_at", "finalize_invoice", "remove_lines")
READS = ("invoice", "renewal", "own_invoices")
LANDS_AFTER = 4 * MINUTE
"""For so long a call that nobody waits for can be under way at most; our client gives up much sooner."""

QUIET = 100 * HOUR

ANSWERS = (
    NoSubscriptionError,
    NotMadeGoodError,
    SamePlanError,
    StaleRevisionError,
    StripeUnavailableError,
    SubscriptionEndedError,
    SubscriptionEndingError,
    UnderWayError,
)

type Hand = Callable[["Month"], object]


class Month:
    """A house at a month's end, and what people have done there."""

    def __init__(self, apart: Apart) -> None:
        self.house = House(Policy(apart=apart))
        self.stripe = self.house.stripe
        self.touched: set[str] = set()
        self.edited = False
        self._failing: list[tuple[str, Fault]] = []
        self.stripe.fault = self._fault

    def _fault(self, name: str) -> Fault | None:
        if self._failing and self._failing[0][0] == name:
            return self._failing.pop(0)[1]
        return None

    def fails(self, name: str, fault: Fault) -> None:
        """Let the next call of a name go wrong."""
        self._failing = [(name, fault)]

    def passes(self, by: timedelta) -> None:
        """Let time pass; what is under way comes to its end meanwhile."""
        if by > LANDS_AFTER:
            self.passes(LANDS_AFTER)
            self.stripe.land()
            by -= LANDS_AFTER
        self.house.at(self.house.now - END + by)

    @property
    def drafts(self) -> list[str]:
        """The drafts that there are, the newest first."""
        return [name for name, each in reversed(self.stripe.invoices.items()) if each.is_draft]

    def touch(self, invoice_id: str) -> None:
        """Note whose lines a person has a hand at."""
        self.touched |= {line.charge_id for line in self.stripe.invoices[invoice_id].lines}

    def take_off(self, most: int) -> None:
        """Take lines off a draft."""
        for draft in self.drafts[:1]:
            self.touch(draft)
            self.stripe.take_off(draft, most)

    def delete(self) -> None:
        """Delete a draft, which can be done only if it is no subscription's."""
        for draft in self.drafts[:1]:
            if self.stripe.invoices[draft].subscription_id is None:
                self.touch(draft)
                self.stripe.delete(draft)

    def void(self) -> None:
        """Finalise and void the newest invoice."""
        for name in [*self.stripe.invoices][-1:]:
            if not self.stripe.invoices[name].is_deleted:
                self.touch(name)
                self.stripe.void(name)

    def finalize(self) -> None:
        """Finalise the newest draft."""
        for draft in self.drafts[:1]:
            self.stripe.finalize(draft)

    def edit(self) -> None:
        """Give a line another quantity."""
        for draft in self.drafts[:1]:
            if self.stripe.invoices[draft].lines:
                self.edited = True
                self.stripe.edit(draft, 7)

    def cancel(self) -> None:
        """Cancel the subscription now."""
        self.stripe.cancel_subscription("sub_ada", Cause.DUPLICATE)

    def decide(self, wish: Callable[[PlanChanges, Cancellations], object]) -> None:
        """Let Ada decide something by the API; what becomes of it is Tollkeeper's to tell."""
        table, stripe = self.house.table, self.stripe
        users, bills = Users(table), Bills(table)
        deciding = Deciding(users, Decisions(table), stripe, OFFER, "live")
        held = Finishing(bills, Charging(bills, stripe, load(), self.house.policy, "live"), stripe)
        with suppress(*ANSWERS):
            wish(PlanChanges(deciding), Cancellations(deciding, CancelNow(users, held, stripe, OFFER)))

    def change(self, plan: str, *, pays: bool = True) -> None:
        """Change the plan; an upgrade is paid, or stays pending."""
        self.stripe.wallet.declines = not pays
        self.decide(lambda plans, _: plans.change("ada", plan, None, self.house.now, patience()))

    def cancel_by_api(self, at: CancelAt) -> None:
        """Cancel by the API."""
        self.decide(lambda _, ends: ends.cancel("ada", at, None, self.house.now, patience()))

    def resume(self) -> None:
        """Let it go on."""
        self.decide(lambda _, ends: ends.resume("ada", None, self.house.now, patience()))

    def pause(self) -> None:
        """Pause the collection, or go on with it."""
        self.stripe.paused ^= {"sub_ada"}

    def use(self, units: int) -> None:
        """Count calls that were made before the end, or take some back."""
        self.house.use(units={"apiCalls": units}, at=END - MINUTE)

    def accept(self, cap: int) -> None:
        """Set a spending cap."""
        SpendingCaps(self.house.table, OFFER).set("ada", cap, self.house.now, patience())

    def report(self) -> None:
        """Let the reporter run."""
        self.house.run()

    def hear(self) -> None:
        """Let an event come through, which wakes what waits."""
        self.house.hear()
        for name in [*self.stripe.invoices, None]:
            Bills(self.house.table).wake("ada", name, self.house.now)


class Step(NamedTuple):
    """Something that happens, and how much time passes before it."""

    after: timedelta
    name: str
    done: Hand


def steps() -> st.SearchStrategy[Step]:
    """Draw what happens: mostly runs and failing calls, sometimes a hand at Stripe."""
    waits = st.sampled_from([*[timedelta(0)] * 3, *[MINUTE] * 3, 5 * MINUTE, RUN, RUN, HOUR, 8 * HOUR])
    fails = st.tuples(st.sampled_from([*WRITES, *WRITES, *READS]), st.sampled_from(Fault))
    hands = {
        "cancel": Month.cancel,
        "pause": Month.pause,
        "upgrade": lambda month: month.change("enterprise"),
        "upgrade, declined": lambda month: month.change("professional", pays=False),
        "downgrade": lambda month: month.change("starter"),
        "cancel at the end": lambda month: month.cancel_by_api(CancelAt.PERIOD_END),
        "cancel now": lambda month: month.cancel_by_api(CancelAt.NOW),
        "resume": Month.resume,
        "void": Month.void,
        "delete": Month.delete,
        "finalize": Month.finalize,
        "edit": Month.edit,
        "delete customer": lambda month: month.stripe.delete_customer("cus_ada"),
        "a cent off": lambda month: setattr(month.stripe, "cents_off", -1),
        "take off one": lambda month: month.take_off(1),
        "take off all": lambda month: month.take_off(9),
        "land": lambda month: month.stripe.land(),
        "wait": lambda month: setattr(month.house.queue, "is_clear", False),
        "settle": lambda month: setattr(month.house.queue, "is_clear", True),
        "late usage": lambda month: month.use(300),
        "cap": lambda month: month.accept(250),
        "hear": Month.hear,
    }
    return st.one_of(
        st.builds(Step, waits, st.just("report"), st.just(Month.report)),
        st.builds(Step, waits, st.just("report"), st.just(Month.report)),
        fails.map(lambda each: Step(timedelta(0), f"{each[1]} {each[0]}", lambda month: month.fails(*each))),
        st.builds(lambda wait, hand: Step(wait, *hand), waits, st.sampled_from([*hands.items()])),
    )


def lines(month: Month, *, final: bool) -> list[InvoiceLine]:
    """Return the lines on what somebody is asked to pay; if not `final`, on what is left a draft."""
    return [
        line
        for each in month.stripe.invoices.values()
        for line in each.lines
        if not each.is_deleted
        and (each.status not in {InvoiceStatus.DRAFT, InvoiceStatus.VOID} if final else each.is_draft)
    ]


def ended(month: Month) -> Ended:
    """Return the month as it ended."""
    bill = month.house.bill()
    event(bill.state)
    name = keys.period_name(bill.period_start, "sub_ada")
    row = next(row for row in month.house.rows("PERIOD#") if row["sk"] == f"PERIOD#{name}")
    return Ended(
        period=rows.period(row),
        bill=bill,
        audited=Counter(month.house.audited()),
        final=lines(month, final=True),
        left=lines(month, final=False),
        touched=month.touched,
        waiting=month.house.waiting(),
        edited=month.edited,
        has_customer=not month.stripe.deleted,
    )


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(
    st.lists(steps(), min_size=2, max_size=25),
    st.sampled_from([*Apart]),
    st.booleans(),
    st.sampled_from([None, None, None, 0, 650, 5_000]),
)
def test_each_overage_is_charged_once_or_explained(
    happening: list[Step],
    apart: Apart,
    renews: bool,  # noqa: FBT001 - hypothesis's own
    cap: int | None,
) -> None:
    """Failing calls, lost answers, replays, people's hands, late usage, dropped webhooks, in any order."""
    month = Month(apart)
    house = month.house
    house.at(-DAY)
    if cap is not None:
        month.accept(cap)
    house.use()
    if renews:
        house.renew()
    else:
        house.at(timedelta(0))
        month.cancel()
        house.hear()
    house.at(4 * MINUTE)
    for step in happening:
        month.passes(step.after)
        step.done(month)
        never_twice(lines(month, final=True) + lines(month, final=False))
    house.queue.is_clear = True
    month.stripe.land()
    month.stripe.fault = lambda _: None
    month.passes(MINUTE)
    month.hear()
    house.go_on(house.now - END + 3 * HOUR)
    never_twice(lines(month, final=True) + lines(month, final=False))
    house.go_on(house.now - END + QUIET, every=HOUR)
    if Bills(house.table).of_user("ada"):
        judge(ended(month))
    else:
        assert cap == 0
