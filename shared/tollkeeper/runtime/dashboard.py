"""What the usage page is made of."""

from functools import cache
from typing import TYPE_CHECKING

from tollkeeper import runtime
from tollkeeper.clock import Clock, WallClock
from tollkeeper.clock import passing as passing_by
from tollkeeper.runtime import views

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tollkeeper.ledger.sessions import Opened, Sessions
    from tollkeeper.ledger.stripe_answers import StripeAnswers
    from tollkeeper.subscriptions.portal import Portal
    from tollkeeper.views.bills_at_stripe import BillsAtStripe
    from tollkeeper.views.dashboard import Dashboards
    from tollkeeper.views.invoices_at_stripe import InvoicesAtStripe, Remembered


def wall_clock() -> Clock:
    """Return the clock that links and sessions go by, like tokens: the wall's, also in a sandbox."""
    return WallClock()


def sessions() -> "Sessions":
    """Return what gives out links, and lets browsers in."""
    from tollkeeper.ledger.sessions import Sessions

    return Sessions(runtime.table())


def passing() -> "Callable[[], datetime]":
    """Return what tells the time by which Stripe's answers are kept."""
    return passing_by(runtime.clock(), wall_clock())


def stripe_answers() -> "StripeAnswers":
    """Return the book of what Stripe answered users' pages."""
    from tollkeeper.ledger.stripe_answers import StripeAnswers

    return StripeAnswers(runtime.table())


def bills_at_stripe() -> "BillsAtStripe":
    """Return what asks Stripe of users' bills, once a minute for each."""
    from tollkeeper.views.bills_at_stripe import BillsAtStripe

    return BillsAtStripe(stripe_answers(), views.invoices, runtime.clock(), passing())


@cache
def remembered() -> "Remembered":
    """Return what this process remembers for a minute of invoices that somebody clicked on."""
    from tollkeeper.views.invoices_at_stripe import Remembered

    return Remembered(passing())


def invoices_at_stripe(opened: "Opened") -> "InvoicesAtStripe":
    """Return what asks Stripe of single invoices, and of older ones, for one click of a user."""
    from tollkeeper.views.invoices_at_stripe import InvoicesAtStripe, click

    once = click(stripe_answers(), opened.session.user_id, opened.answer, passing()())
    return InvoicesAtStripe(remembered(), once, runtime.stripe_gateway, views.invoices, runtime.clock())


def dashboards() -> "Dashboards":
    """Return what shows users where they stand."""
    from tollkeeper.ledger.history import History
    from tollkeeper.views.dashboard import Dashboards

    return Dashboards(History(runtime.table()), runtime.offer(), runtime.clock(), bills_at_stripe())


def portal(origin: str) -> "Portal":
    """Return what opens Stripe's portal for those who come back to the usage page, which is of an origin."""
    from tollkeeper.subscriptions.portal import Portal

    return Portal(runtime.users(), runtime.stripe_gateway(), frozenset({origin}))
