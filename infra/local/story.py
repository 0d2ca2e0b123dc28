"""A customer with a month behind them, lived through the public API and the sandbox's clock."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from infra.local.console import step
from infra.local.customer import Customer, UsageRecord
from infra.local.places import Home, Stack
from infra.local.renewals import dollars

USER = "ada"
PLAN = "professional"
CAP = 100_00
"""The cents of overage that she accepts in a period."""

# What a greenhouse does on an ordinary day; "" is what belongs to none. A month of it passes what the plan
# includes of API calls and exports (10,000 and 500), and keeps within the rest.
ORDINARY_DAY: Mapping[str, Mapping[str, int]] = {
    "apiCalls": {"north": 190, "south": 140, "": 60},
    "aiQueries": {"north": 14, "south": 9},
    "exports": {"north": 9, "south": 11},
    "designsCreated": {"north": 2, "south": 1},
    "mlPredictions": {"south": 12},
    "roomsCreated": {"north": 1},
    "fixturesAdded": {"north": 5, "south": 3},
    "facilityDashboards": {"north": 6, "south": 4},
}
WEEK = (1.1, 1.25, 1.2, 1.15, 1.0, 0.45, 0.35)
"""How busy each day of the week is, from Monday."""

A_DAY = timedelta(days=1)
MIDDAY = timedelta(hours=12)
# A renewal is a draft for an hour, then final.
FINALISATION = timedelta(hours=2)
DAYS_SINCE = 27
"""How far the present period has come."""


def live(home: Home, stack: Stack) -> None:
    """Have her subscribe, pass the trial, use a month, be billed for it, and use most of another.

    Does nothing if she has subscribed before.
    """
    customer = Customer(home, stack, USER)
    if next(customer.watch_for("subscription"))["status"] is not None:
        return
    with step(f"{USER} buys the {PLAN} plan, and accepts {dollars(CAP)} of overage"):
        subscribe(customer)
    with step("The trial passes, and a month"):
        end = use_a_month(customer)
    with step("The month is billed"):
        customer.move_clock(end + FINALISATION)
    with step(f"{DAYS_SINCE} days of the next pass"):
        customer.move_clock(end + DAYS_SINCE * A_DAY)
        use(customer, end, DAYS_SINCE)


def subscribe(customer: Customer) -> None:
    """Buy the plan, which begins with a trial, and accept some overage."""
    customer.buy(PLAN)
    customer.once("trialing")
    customer.accept(CAP)


def use_a_month(customer: Customer) -> datetime:
    """Pass the trial and the month after it but its last hour, and use it all; return when it ends."""
    trial = customer.once("trialing")["trial"]["endsAt"]
    customer.move_clock(datetime.fromisoformat(trial) + A_DAY)
    shown = customer.once("active")
    start, end = (datetime.fromisoformat(shown[key]) for key in ("currentPeriodStart", "currentPeriodEnd"))
    customer.move_clock(end - timedelta(hours=1))
    use(customer, start, (end - start).days)
    return end


def use(customer: Customer, start: datetime, days: int) -> None:
    """Use what she uses in these days of a period that begins with them, and wait until it is counted."""
    records = list(_records(start, days))
    customer.report(records)
    sent = dict.fromkeys(ORDINARY_DAY, 0)
    for record in records:
        sent[record.event_type] += record.quantity
    next(shown for shown in customer.watch_for("usage of all that was sent") if shown["usage"] == sent)


def _records(start: datetime, days: int) -> Iterator[UsageRecord]:
    """What she did each day, in one record for each metric and greenhouse."""
    for day in range(days):
        at = start + day * A_DAY + MIDDAY
        busy = WEEK[at.weekday()] * (1 + day / 100)
        for metric, greenhouses in ORDINARY_DAY.items():
            for facility, usual in greenhouses.items():
                if quantity := round(usual * busy):
                    name = f"{at.date()}-{metric}-{facility or 'none'}"
                    yield UsageRecord(name, metric, at, quantity, facility or None)
