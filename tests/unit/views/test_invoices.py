"""GET /invoices and /invoices/upcoming: what a user was billed, and what is to come."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.invoices.app import app, handler
from tests.examples import CATALOGUE, END, NOW, OFFER, PERIOD, START, SUBSCRIPTION, USER
from tests.fakes.api_gateway import Answer, call
from tests.fakes.dashboard import BUSY, OneUser
from tests.fakes.runtime import FixedClock
from tests.fakes.stripe import FakeStripe
from tollkeeper.rules.charges import charges
from tollkeeper.rules.overage import overage, spent
from tollkeeper.rules.periods import Stretch
from tollkeeper.rules.subscriptions import Status
from tollkeeper.rules.users import User
from tollkeeper.runtime import views as runtime_views
from tollkeeper.stripe.customer_port import LineKind, ShownLine
from tollkeeper.views.errors import NoUpcomingInvoiceError
from tollkeeper.views.invoices import InvoiceViews, UpcomingInvoiceView


def upcoming(user: User, stripe: FakeStripe | None = None, now: datetime = NOW) -> UpcomingInvoiceView:
    """Return a user's next bill."""
    subscriptions = [user.subscription] if user.subscription else []
    stripe = stripe or FakeStripe(*subscriptions)
    return InvoiceViews(OneUser(user), stripe, OFFER, "live", FixedClock(now)).upcoming(user.user_id)


def using(used: Mapping[str, int], **more: Any) -> User:  # noqa: ANN401 - any field of a period
    """Return Ada with something used of her period."""
    return replace(USER, periods=(replace(PERIOD, used=used, **more),))


class TestUpcoming:
    """The bill that is to come."""

    def test_it_is_the_plan_and_the_overage_so_far(self) -> None:
        """The assessed customer's: $99 and $50, $20 and $50, which is $219."""
        found = upcoming(using(BUSY))
        assert (END, "usd", 9_900, 0, 12_000, 0, 0, 21_900) == (
            found.at,
            found.currency,
            found.base,
            found.prorations,
            found.overage,
            found.other,
            found.off_by_cap,
            found.total,
        )

    def test_its_lines_say_how_they_came_about(self) -> None:
        """As those on the invoice will."""
        found = upcoming(using(BUSY))
        assert (
            "API calls, 3 Nov to 3 Dec 2025: 15,000 used − 10,000 included = 5,000 × $0.01"
            == found.lines[1].description
        )
        assert [None, "apiCalls", "aiQueries", "exports"] == [each.event_type for each in found.lines]

    def test_a_spending_cap_takes_off_what_is_beyond(self) -> None:
        """$60 of $120: the other $60 are not billed."""
        found = upcoming(using(BUSY, spending_cap=6_000))
        assert (6_000, 6_000, 15_900) == (found.overage, found.off_by_cap, found.total)

    def test_a_cap_of_nothing_takes_all_of_it_off(self) -> None:
        """Not one charge is on it."""
        found = upcoming(using(BUSY, spending_cap=0))
        assert ([LineKind.BASE], 12_000) == ([each.kind for each in found.lines], found.off_by_cap)

    @given(
        st.dictionaries(st.sampled_from(sorted(CATALOGUE.metrics)), st.integers(0, 30_000)),
        st.none() | st.integers(0, 20_000),
    )
    def test_it_is_what_would_be_charged_if_the_period_closed_now(
        self, used: dict[str, int], cap: int | None
    ) -> None:
        """Always: the same charges, under the same ids; and what is off and what is on is all there is."""
        user, stripe = using(used, spending_cap=cap), FakeStripe(SUBSCRIPTION)
        period = user.periods[0]
        found = upcoming(user, stripe)
        owed = charges("live", "ada", period)
        assert [(each.id, each.quantity, each.price) for each in owed] == [
            (each.charge_id, each.quantity, each.price) for each in stripe.previewed
        ]
        assert (spent(period), sum(each.amount for each in overage(period).values())) == (
            found.overage,
            found.overage + found.off_by_cap,
        )

    def test_prorations_and_what_people_added_are_apart(self) -> None:
        """Each kind of line has its sum, and they add up."""
        stripe = FakeStripe(SUBSCRIPTION)
        shown = stripe.upcoming_invoice(SUBSCRIPTION.id, [])
        assert shown
        more = [
            ShownLine("Unused time", 1, -2_000, LineKind.PRORATION, None, NOW, END),
            ShownLine("Remaining time", 1, 7_000, LineKind.PRORATION, None, NOW, END),
            ShownLine("Setup", 1, 100, LineKind.OTHER, None, NOW, NOW),
        ]
        stripe.upcoming_invoice = lambda *_: replace(shown, lines=[*shown.lines, *more], total=15_000)  # type: ignore[method-assign]
        found = upcoming(USER, stripe)
        assert (9_900, 5_000, 0, 100, 15_000) == (
            found.base,
            found.prorations,
            found.overage,
            found.other,
            found.total,
        )

    def test_what_is_not_billed_yet_is_not_on_it(self) -> None:
        """A period that began before the billing date, or a trial, owes nothing and has nothing taken off."""
        unbilled = replace(PERIOD, used=BUSY, spending_cap=0, terms=replace(PERIOD.terms, billed=False))
        found = upcoming(replace(USER, periods=(unbilled,)))
        assert (0, 0, 9_900) == (found.overage, found.off_by_cap, found.total)

    def test_usage_of_another_subscription_is_not_on_it(self) -> None:
        """Its period owes on an invoice of its own; this one's begins later."""
        earlier = replace(PERIOD, subscription_id="sub_before", used=BUSY, spending_cap=0)
        later = replace(SUBSCRIPTION, period_start=END, period_end=END.replace(month=1, year=2026))
        timeline = (Stretch(START, END, "sub_before"),)
        found = upcoming(replace(USER, subscription=later, timeline=timeline, periods=(earlier,)))
        assert (later.period_end, 0, 0, 9_900) == (
            found.at,
            found.overage,
            found.off_by_cap,
            found.total,
        )

    def test_a_period_whose_end_is_not_known_yet_is_shown_so_far(self) -> None:
        """It has begun where the last one ended, and Stripe's word of it has not come."""
        later = END.replace(hour=10)
        used = replace(PERIOD, start=END, end=None, used={"apiCalls": 10_100})
        found = upcoming(replace(USER, periods=(used,)), now=later)
        assert (100, END, later) == (found.overage, found.lines[-1].period_start, found.lines[-1].period_end)

    @pytest.mark.parametrize(
        "subscription",
        [
            None,
            replace(SUBSCRIPTION, cancel_at=END),
            replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW),
            replace(SUBSCRIPTION, status=Status.INCOMPLETE),
        ],
    )
    def test_none_is_to_come_of_what_does_not_renew(self, subscription: Any) -> None:  # noqa: ANN401 - or none
        """There is nobody to bill, or nothing."""
        with pytest.raises(NoUpcomingInvoiceError):
            upcoming(replace(USER, subscription=subscription))

    def test_none_is_to_come_where_stripe_says_so(self) -> None:
        """It ended, and its webhook has not come."""
        with pytest.raises(NoUpcomingInvoiceError):
            upcoming(USER, FakeStripe(replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW)))


@pytest.fixture
def stripe() -> FakeStripe:
    """A Stripe account in which Ada has paid three times, and Bob once."""
    stripe = FakeStripe(SUBSCRIPTION)
    for number in range(1, 4):
        stripe.bill(SUBSCRIPTION, number, 9_900)
    stripe.bill(replace(SUBSCRIPTION, customer_id="cus_bob"), 4, 2_900)
    return stripe


@pytest.fixture
def function(stripe: FakeStripe) -> Iterator[None]:
    """The function, with everything outside of it handed in."""
    views = InvoiceViews(OneUser(using(BUSY)), stripe, OFFER, "live", FixedClock(NOW))
    app.dependency_overrides = {runtime_views.invoices: lambda: views}
    yield
    app.dependency_overrides = {}


def ask(query: str = "", user: str = "ada") -> Answer:
    """Ask for invoices."""
    return call(
        handler, "GET", f"/invoices{query}", user=user, route=f"GET /invoices{query.partition('?')[0]}"
    )


def ids(answer: Answer) -> list[str]:
    """Return the ids of an answer's invoices."""
    return [each["id"] for each in answer.body["invoices"]]


@pytest.mark.usefixtures("function")
class TestHistory:
    """What was billed."""

    def test_they_come_newest_first(self) -> None:
        """All of them at once, if there are few."""
        answer = ask()
        assert (200, ["in_shown_3", "in_shown_2", "in_shown_1"], False) == (
            answer.status,
            ids(answer),
            answer.body["hasMore"],
        )

    def test_one_is_shown_with_its_pages_and_lines(self) -> None:
        """In cents, as Stripe has it."""
        (shown,) = ask("?limit=1").body["invoices"]
        line = {
            "description": "The plan",
            "quantity": 1,
            "amount": 9_900,
            "kind": "base",
            "eventType": None,
            "periodStart": "2025-11-03T09:30:15Z",
            "periodEnd": "2025-12-03T09:30:15Z",
        }
        assert {
            "id": "in_shown_3",
            "number": "TEST-0003",
            "status": "paid",
            "created": "2025-11-15T12:00:00Z",
            "periodStart": "2025-11-15T12:00:00Z",
            "periodEnd": "2025-11-15T12:00:00Z",
            "currency": "usd",
            "subtotal": 9_900,
            "discount": 0,
            "tax": 0,
            "total": 9_900,
            "amountDue": 9_900,
            "amountPaid": 9_900,
            "hostedInvoiceUrl": "https://pay.test/in_shown_3",
            "invoicePdf": "https://pay.test/in_shown_3.pdf",
            "lines": [line],
        } == shown

    def test_they_come_in_pages(self) -> None:
        """Each goes on after the last one of the answer before."""
        first = ask("?limit=2")
        rest = ask(f"?limit=2&startingAfter={ids(first)[-1]}")
        assert (["in_shown_3", "in_shown_2"], True, ["in_shown_1"], False) == (
            ids(first),
            first.body["hasMore"],
            ids(rest),
            rest.body["hasMore"],
        )

    @pytest.mark.parametrize("user", ["ada", "cyd"])
    def test_one_of_anothers_is_like_none(self, user: str) -> None:
        """422, word for word the same, whether it is Bob's or nobody's; also to who never bought."""
        foreign, unknown = (ask(f"?startingAfter={each}", user) for each in ("in_shown_4", "in_none"))
        (field,) = foreign.body["fields"]
        assert (422, "startingAfter") == (foreign.status, field["path"])
        assert "is no invoice of this list; begin again without it" == field["message"]
        assert foreign.body == unknown.body

    def test_who_never_came_to_buy_has_none(self) -> None:
        """An empty page, and Stripe is not asked."""
        assert (200, {"invoices": [], "hasMore": False}) == ask(user="cyd")[:2]

    @pytest.mark.parametrize("query", ["?limit=0", "?limit=51", "?limit=x", "?startingAfter="])
    def test_a_page_has_its_bounds(self, query: str) -> None:
        """422 names what cannot be used."""
        assert 422 == ask(query).status

    @pytest.mark.parametrize(
        "after", ["search", "upcoming", "..", "in_1/lines", "in_1%3Fexpand", "cus_1", "in_"]
    )
    def test_what_is_no_invoices_id_is_not_asked_about(self, stripe: FakeStripe, after: str) -> None:
        """Stripe has other addresses beside those of invoices; 422, and nobody has looked."""
        stripe.is_down = True
        assert 422 == ask(f"?startingAfter={after}").status

    def test_the_next_bill_is_told(self) -> None:
        """With what is taken off."""
        answer = ask("/upcoming")
        assert (200, 9_900, 12_000, 0, "2025-12-03T09:30:15Z") == (
            answer.status,
            answer.body["base"],
            answer.body["overage"],
            answer.body["offByCap"],
            answer.body["at"],
        )

    def test_where_none_is_to_come_that_is_said(self) -> None:
        """404 with a sentence."""
        answer = ask("/upcoming", user="cyd")
        assert (404, "no_upcoming_invoice") == (answer.status, answer.body["error"])

    @pytest.mark.parametrize("query", ["", "/upcoming"])
    def test_while_stripe_is_down_the_caller_is_asked_to_wait(self, stripe: FakeStripe, query: str) -> None:
        """503 with a Retry-After."""
        stripe.is_down = True
        answer = ask(query)
        assert (503, True) == (answer.status, "Retry-After" in answer.headers)
