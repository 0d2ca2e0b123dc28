"""What `tollkeeper status` says of the reporter's work, on a month at the stand-in."""

from datetime import timedelta

from infra.operate.status.backlog import of_reporter
from tests.integration.month_at_stripe import END, MonthAtStripe
from tests.ledger.billing_house import HOUR
from tests.standin.harness import Sandbox


def test_ended_periods_and_bills_are_counted_by_state_and_age(sandbox: Sandbox) -> None:
    """A period that has ended waits to be closed; its bill then waits in a state, until it is final."""
    month = MonthAtStripe(sandbox)
    month.subscribe()
    month.use()
    month.renew()

    def figures(after: timedelta) -> dict[str, tuple[object, bool]]:
        return {each.name: (each.value, each.is_well) for each in of_reporter(month.table, END + after)}

    assert {"ended, to be closed": (1, True), "ended, the longest ago": (600.0, True)}.items() <= figures(
        timedelta(minutes=10)
    ).items()
    assert (3600.0, False) == figures(HOUR)["ended, the longest ago"]

    month.at(HOUR / 12).run()
    found = figures(HOUR / 12)
    assert (0, True) == found["ended, to be closed"]
    (state,) = [name for name in found if name.startswith("bills ") and name != "bills overdue"]
    assert (1, True) == found[state]
    assert (1, False) == figures(timedelta(days=3))["bills overdue"]

    month.settle()
    assert ["bills overdue"] == [name for name in figures(timedelta(days=3)) if name.startswith("bills")]
