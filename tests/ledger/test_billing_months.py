"""Random ends of months: whatever goes wrong and whoever has a hand in it, overage is charged as it must be.

What a period owes is reckoned again by the model of counting, which shares no code; what became of it is read
from Stripe's invoices. A charge stands once on a final invoice, to the cent, or an audited waiver, voiding or
write-off says why it does not.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.fakes.invoices import Fault
from tests.ledger.billing_house import DAY, END, HOUR, MINUTE, RUN, House
from tests.ledger.model import CENTS, Stretch
from tests.ledger.story import OFFER, patience
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.rules.bills import Apart, Bill, Policy, State
from tollkeeper.rules.charges import Charge
from tollkeeper.rules.invoices import InvoiceLine, InvoiceStatus
from tollkeeper.rules.subscriptions import Cause

WRITES = ("add_lines", "create_invoice", "finalize_at", "finalize_invoice", "remove_lines")
READS = ("invoice", "renewal", "own_invoices")
LANDS_AFTER = 4 * MINUTE
"""For so long a call that nobody waits for can be under way at most; our client gives up much sooner."""

QUIET = 100 * HOUR

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


def expected(month: Month) -> Counter[str]:
    """Reckon what the closed month owes by the model of counting, in units."""
    row = next(row for row in month.house.rows("PERIOD#") if row["sk"] == f"PERIOD#{_name(month)}")
    period = rows.period(row)
    model = Stretch("sub_ada", period.start, period.end, "starter", cap=period.spending_cap)
    model.used.update(period.used)
    model.forgiven.update(period.beyond)
    return model.billed()


def _name(month: Month) -> str:
    return keys.period_name(month.house.bill().period_start, "sub_ada")


def lines_of(month: Month, charge: Charge, *, final: bool) -> list[InvoiceLine]:
    """Return a charge's lines on what somebody is asked to pay; if not `final`, on whatever is left there."""
    return [
        line
        for each in month.stripe.invoices.values()
        for line in each.lines
        if line.charge_id == charge.id
        and not each.is_deleted
        and (each.status not in {InvoiceStatus.DRAFT, InvoiceStatus.VOID} if final else each.is_draft)
    ]


def never_twice(month: Month) -> None:
    """See that no charge stands twice on what is, or may become, an invoice that somebody is asked to pay."""
    lines = Counter(
        line.charge_id
        for each in month.stripe.invoices.values()
        if each.status is not InvoiceStatus.VOID and not each.is_deleted
        for line in each.lines
    )
    assert {} == {charge: number for charge, number in lines.items() if number > 1}


def judge(month: Month) -> None:
    """See of each charge that it stands once on a final invoice, or why it does not."""
    bill, audited = month.house.bill(), Counter(month.house.audited())
    charges = bill.charges or ()
    assert expected(month) == Counter({each.metric: each.quantity for each in charges})
    assert all(each.amount == each.quantity * CENTS[each.metric] for each in charges)
    assert bill.is_final or month.edited, bill
    event(bill.state)
    for charge in charges:
        final, left = lines_of(month, charge, final=True), lines_of(month, charge, final=False)
        assert len(final) <= 1
        assert not left or bill.state is State.WRITTEN_OFF or month.edited
        if charge.id in bill.waived:
            assert (0, True) == (len(final), charge.id in month.touched)
            assert audited["OVERAGE_WAIVED"]
        elif final and not month.edited:
            ((line),) = final
            assert charge.quantity == line.quantity
            assert abs(charge.amount - line.amount) <= 1
            assert State.AGREED is bill.state
            assert audited["OVERAGE_CHARGED"]
        elif not month.edited:
            _explained(month, bill, charge, audited)
    if bill.is_final:
        assert 0 == month.house.waiting()


def _explained(month: Month, bill: Bill, charge: Charge, audited: Counter[str]) -> None:
    """See that what nobody is asked to pay was voided by a person, or written off."""
    if bill.state is State.VOIDED:
        assert charge.id in month.touched
        assert audited["OVERAGE_VOIDED"]
    else:
        assert State.WRITTEN_OFF is bill.state
        assert month.stripe.deleted or bill.is_own is False
        assert audited["OVERAGE_WRITTEN_OFF"]


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
        never_twice(month)
    house.queue.is_clear = True
    month.stripe.land()
    month.stripe.fault = lambda _: None
    month.passes(MINUTE)
    month.hear()
    house.go_on(house.now - END + 3 * HOUR)
    never_twice(month)
    house.go_on(house.now - END + QUIET, every=HOUR)
    if Bills(house.table).of_user("ada"):
        judge(month)
    else:
        assert cap == 0
