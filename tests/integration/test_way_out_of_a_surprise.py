"""The way out of a surprise: observe, look, warn, then bill from a date, month by month down to the invoice.

Each month Ada uses the same, which is more than her plan includes.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.month_at_stripe import CATALOGUE, OVERAGE, MonthAtStripe
from tests.ledger.billing_house import BUSY, DAY, HOUR, MINUTE, RUN, endless
from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue.model import Mode
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.users import Users
from tollkeeper.rules import announcements
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.rules.users import period_at
from tollkeeper.views.subscription import overview

ENDS = [datetime(2026, month, day, 12, 0, 7, tzinfo=UTC) for month, day in ((2, 28), (3, 31), (4, 30))]
OBSERVING = replace(
    CATALOGUE, metrics={name: replace(each, mode=Mode.OBSERVE) for name, each in CATALOGUE.metrics.items()}
)
FROM_APRIL = Offer(CATALOGUE, ENDS[1].date())
"""What is announced in February: from periods that begin on 31 March, more is billed."""
REACHED = [(metric, percent) for metric in BUSY for percent in (50, 80, 100)]


class Surprise:
    """Ada's months at the stand-in, under whatever is deployed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.month = MonthAtStripe(sandbox)
        self.deploy(Offer(OBSERVING, START.date()))
        self.month.subscribe()

    def deploy(self, offer: Offer) -> None:
        """Let another catalogue and date hold; periods that have begun keep what they began with."""
        self.month.offer = offer

    @property
    def period(self) -> Period:
        """The present period."""
        return period_at(
            Users(self.month.table).read("ada", self.month.now), self.month.now, self.month.offer
        )

    def use(self) -> list[tuple[object, object]]:
        """Use as much as ever, the last of it by asking; return the thresholds that are announced."""
        before, now, month = self.period, self.month.now, self.month
        month.use(units={**BUSY, "apiCalls": BUSY["apiCalls"] - 1})
        record = UsageRecord(f"the-last-{now}", "ada", "apiCalls", 1, now, now)
        assert Consuming(month.table, month.offer).consume(record, endless()).barrier is None
        told = announcements.of_usage("ada", before, self.period, at=now)
        return [(each.detail["eventType"], each.detail["threshold"]) for each in told]

    def shown(self) -> tuple[int, int, int]:
        """Return what GET /subscription tells of calls: used, too much, and the whole bill to come."""
        user = Users(self.month.table).read("ada", self.month.now)
        found = overview(user, self.month.offer, self.month.now)
        over = found.overage.get("apiCalls")
        return found.usage["apiCalls"], over.quantity if over else 0, found.projected_total

    def end(self, end: datetime) -> list[int]:
        """Let a month end and be invoiced; return the amounts on its final invoice, the plan's first."""
        month = self.month
        month.move(end)
        month.hear()
        for after in (5 * MINUTE, *(RUN * number for number in range(1, 13))):
            month.move(end + after)
            month.run()
        month.hear()
        (invoice,) = (
            each for each in month.invoices() if abs(each.created - end.timestamp()) < HOUR.total_seconds()
        )
        assert "paid" == invoice.status
        return [line.amount for line in invoice.lines.data]


@pytest.fixture
def surprise(sandbox: Sandbox) -> Surprise:
    """Ada subscribes to starter while all is only observed."""
    return Surprise(sandbox)


def test_observe_look_warn_and_bill_from_a_date(surprise: Surprise) -> None:
    """Nothing is asked for what was observed, nor for what was announced; from the date on, each unit is."""
    month = surprise.month

    # Observed: it is counted, told and shown, and nothing is refused.
    month.move(ENDS[0] - DAY)
    assert REACHED == surprise.use()
    assert (1_500, 0, 29_00) == surprise.shown()

    # Enforced again, billed from a later date: the running month stays observed.
    surprise.deploy(FROM_APRIL)
    assert (1_500, 0, 29_00) == surprise.shown()
    assert [29_00] == surprise.end(ENDS[0])

    # Announced: what it would be is shown in quantity, at nothing.
    month.move(ENDS[1] - DAY)
    assert REACHED == surprise.use()
    assert (1_500, 500, 29_00) == surprise.shown()
    assert [29_00] == surprise.end(ENDS[1])
    assert [] == [bill for bill in Bills(month.table).of_user("ada") if bill.charges]

    # Billed: the first period that begins on the day.
    month.move(ENDS[2] - timedelta(days=2))
    assert REACHED == surprise.use()
    assert (1_500, 500, 29_00 + OVERAGE) == surprise.shown()
    assert [29_00, 500, 200, 500] == surprise.end(ENDS[2])
    assert ENDS[1] == month.bill().period_start


def test_a_cap_holds_before_the_first_bill(surprise: Surprise) -> None:
    """Who is warned can set one, in the month before: the first bill keeps to it."""
    month = surprise.month
    surprise.deploy(FROM_APRIL)
    surprise.end(ENDS[0])
    month.move(ENDS[1] - DAY)
    SpendingCaps(month.table, month.offer).set("ada", 4_00, month.now, endless())
    surprise.end(ENDS[1])
    month.move(ENDS[2] - DAY)
    month.use()
    assert [29_00, 400] == surprise.end(ENDS[2])
