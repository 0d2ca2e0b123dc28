"""What the usage page is made of."""

from functools import cache
from typing import TYPE_CHECKING

from tollkeeper import runtime
from tollkeeper.clock import Clock, WallClock, ticks
from tollkeeper.runtime import views

if TYPE_CHECKING:
    from tollkeeper.ledger.sessions import Sessions
    from tollkeeper.subscriptions.portal import Portal
    from tollkeeper.views.bills_at_stripe import BillsAtStripe, InvoicesAtStripe
    from tollkeeper.views.dashboard import Dashboards
    from tollkeeper.views.explanations import Explanations


def wall_clock() -> Clock:
    """Return the clock that links and sessions go by, like tokens: the wall's, also in a sandbox."""
    return WallClock()


def sessions() -> "Sessions":
    """Return what gives out links, and lets browsers in."""
    from tollkeeper.ledger.sessions import Sessions

    return Sessions(runtime.table())


@cache
def bills_at_stripe() -> "BillsAtStripe":
    """Return what remembers for a minute what Stripe said of users' bills."""
    from tollkeeper.views.bills_at_stripe import BillsAtStripe

    return BillsAtStripe(views.invoices, runtime.clock(), ticks(runtime.clock()))


@cache
def invoices_at_stripe() -> "InvoicesAtStripe":
    """Return what remembers for a minute what Stripe said of invoices that are explained."""
    from tollkeeper.views.bills_at_stripe import InvoicesAtStripe

    return InvoicesAtStripe(runtime.stripe_gateway, ticks(runtime.clock()))


def explanations() -> "Explanations":
    """Return what explains users the invoices that their page lists."""
    return views.explanations_by(invoices_at_stripe())


def dashboards() -> "Dashboards":
    """Return what shows users where they stand."""
    from tollkeeper.ledger.history import History
    from tollkeeper.views.dashboard import Dashboards

    history = History(runtime.table())
    return Dashboards(runtime.users(), history, runtime.offer(), runtime.clock(), bills_at_stripe())


def portal(origin: str) -> "Portal":
    """Return what opens Stripe's portal for those who come back to the usage page, which is of an origin."""
    from tollkeeper.subscriptions.portal import Portal

    return Portal(runtime.users(), runtime.stripe_gateway(), frozenset({origin}))
