"""A sweep is stopped, by Stripe or by want of time, and goes on in the next hour where it was."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.examples import NOW, OFFER, START, SUBSCRIPTION
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe_events import invoice, read
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.sweep_progress import SweepProgress, SweepProgressBook, SweepStage
from tollkeeper.ledger.users import Users
from tollkeeper.rules.subscriptions import Subscription
from tollkeeper.rules.times import epoch
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.port import ListedSubscription
from tollkeeper.subscriptions.sweep import (
    EVERY,
    LOOKS_BACK,
    MOST_SILENCES,
    PAGE,
    SECONDS_FOR_A_PAGE,
    Sweep,
    Swept,
)

HOUR = timedelta(hours=1)
PEOPLE = 2 * PAGE + 50
HOURS = 3 * 3_600


class Counting(FakeStripe):
    """Stripe, which counts what it lists, notes whom it is asked about, and is silent about some."""

    def __init__(self, *subscriptions: Subscription) -> None:
        super().__init__(*subscriptions)
        self.listed = 0
        self.asked: list[str] = []
        self.silent: set[str] = set()

    def subscriptions(self, until: datetime | None = None) -> Iterator[ListedSubscription]:
        """List, and count."""
        for each in super().subscriptions(until):
            self.listed += 1
            yield each

    def subscriptions_of(self, customer_id: str) -> list[Subscription]:
        """Say what a customer has, or nothing."""
        if customer_id in self.silent:
            raise StripeUnavailableError
        self.asked.append(customer_id)
        return super().subscriptions_of(customer_id)


@pytest.fixture
def stripe() -> Counting:
    """A Stripe account with two pages and a half of subscribers of whom nobody has told, a minute apart."""
    stripe = Counting()
    for number in range(PEOPLE):
        user = f"user-{number:03}"
        created = START + timedelta(minutes=number)
        stripe.held.append(
            replace(SUBSCRIPTION, id=f"sub_{user}", customer_id=stripe.create_customer(user), created=created)
        )
    return stripe


@pytest.fixture
def sweep(table: MemoryTable, users: Users, stripe: Counting) -> Sweep:
    """The sweep of the deployment called `live`."""
    return Sweep(users, Bills(table), stripe, OFFER, "live", SweepProgressBook(table))


def run(sweep: Sweep, now: datetime = NOW, pages: int | None = None) -> Swept:
    """Run it as its schedule does, with time for so many pages."""
    asked = sweep.stripe
    assert isinstance(asked, Counting)
    begun = asked.listed

    def seconds() -> float:
        done = asked.listed - begun
        return 900.0 if pages is None or done < pages * PAGE else SECONDS_FOR_A_PAGE

    return sweep.run(now, Patience(seconds))


def test_it_stops_in_time_and_goes_on_where_it_was(sweep: Sweep, stripe: Counting) -> None:
    """In the next hour, with what is left: nobody is asked about twice, nobody is left out."""
    first = run(sweep, pages=1)
    second = run(sweep, NOW + HOUR, pages=1)
    third = run(sweep, NOW + 2 * HOUR)
    assert [(PAGE, True), (PAGE - 1, True), (PEOPLE - 2 * PAGE + 1, False)] == [
        (each.repaired, each.unfinished) for each in (first, second, third)
    ]
    assert PEOPLE == len(set(stripe.asked)) == len(stripe.asked)


def test_what_is_behind_it_is_not_listed_again(sweep: Sweep, stripe: Counting) -> None:
    """But for the one it stopped at, since several may have begun in one second."""
    run(sweep, pages=1)
    stripe.listed = 0
    run(sweep, NOW + HOUR)
    assert PEOPLE - PAGE + 1 == stripe.listed


def test_when_stripe_stops_answering_it_stops_too(sweep: Sweep, stripe: Counting) -> None:
    """After a few customers in a row; an hour later it goes on with those, and the rest."""
    stripe.silent = {each.customer_id for each in stripe.held[: -PAGE - 10]}
    with pytest.raises(StripeUnavailableError):
        run(sweep)
    assert PAGE + 10 == len(stripe.asked)
    stripe.silent = set()
    assert (PEOPLE - PAGE - 10, 0) == (run(sweep, NOW + HOUR).repaired, run(sweep, NOW + 2 * HOUR).repaired)


def test_fewer_silences_stop_nothing(sweep: Sweep, stripe: Counting) -> None:
    """They are counted, and those customers wait for the next sweep."""
    stripe.silent = {each.customer_id for each in stripe.held[: MOST_SILENCES - 1]}
    swept = run(sweep)
    assert (MOST_SILENCES - 1, PEOPLE - MOST_SILENCES + 1, False) == (
        swept.failed,
        swept.repaired,
        swept.unfinished,
    )


def test_once_done_it_rests_for_a_day(sweep: Sweep, stripe: Counting) -> None:
    """An hourly run lists nothing then."""
    run(sweep)
    stripe.listed = 0
    run(sweep, NOW + HOUR)
    rested = stripe.listed
    run(sweep, NOW + EVERY)
    assert (0, PEOPLE) == (rested, stripe.listed)


def test_a_new_one_can_be_asked_for(sweep: Sweep, stripe: Counting) -> None:
    """Whatever the last one has come to."""
    run(sweep, pages=1)
    stripe.listed = 0
    sweep.run(NOW, Patience(lambda: 900), looks_back=timedelta(days=30))
    assert PEOPLE == stripe.listed


def test_after_a_long_pause_it_looks_as_far_back(sweep: Sweep, stripe: Counting, table: MemoryTable) -> None:
    """Events have three chances each, also if there was no sweep for a week."""
    SweepProgressBook(table).write(SweepProgress(NOW - timedelta(days=7), NOW - timedelta(days=10), None))
    old = invoice("invoice.paid", customer="cus_user-001") | {"created": epoch(NOW - timedelta(days=6))}
    stripe.undelivered = [read(old)]
    assert 1 == run(sweep).followed


def test_undelivered_events_are_followed_a_page_at_a_time(
    sweep: Sweep, stripe: Counting, table: MemoryTable
) -> None:
    """However many they are, each customer's of a page together; how far it came is noted."""
    run(sweep)
    begun_at = NOW + EVERY
    SweepProgressBook(table).write(SweepProgress(begun_at, begun_at - LOOKS_BACK, SweepStage.UNDELIVERED))
    stripe.undelivered = [
        read(
            invoice("invoice.created", f"evt_{number}", customer="cus_user-001")
            | {"created": epoch(NOW) + number}
        )
        for number in range(PEOPLE)
    ]
    stripe.asked = []
    swept = run(sweep, begun_at)
    assert (PEOPLE, ["cus_user-001"] * 3) == (swept.followed, stripe.asked)


class Noted(SweepProgressBook):
    """A book that remembers what was written into it."""

    def __init__(self, table: MemoryTable) -> None:
        super().__init__(table)
        self.written: list[SweepProgress] = []

    def write(self, progress: SweepProgress) -> None:
        """Write, and remember."""
        self.written.append(progress)
        super().write(progress)


@pytest.mark.parametrize("stage", [SweepStage.ENDINGS, SweepStage.UNDELIVERED])
def test_after_each_page_of_events_it_is_noted_how_far_it_came(
    stage: SweepStage, users: Users, stripe: Counting, table: MemoryTable
) -> None:
    """By the time of the page's last event, the newest being first."""
    book = Noted(table)
    book.write(SweepProgress(NOW, NOW - LOOKS_BACK, stage))
    kind = "customer.subscription.deleted" if stage is SweepStage.ENDINGS else "invoice.created"
    events = [
        read(invoice(kind, f"evt_{number}", customer="cus_x") | {"created": epoch(NOW) - HOURS + number})
        for number in range(PEOPLE)
    ]
    stripe.events, stripe.undelivered = (events, []) if stage is SweepStage.ENDINGS else ([], events)
    Sweep(users, Bills(table), stripe, OFFER, "live", book).run(NOW, Patience(lambda: 900.0))
    newest = events[::-1]
    assert [newest[PAGE - 1].at, newest[2 * PAGE - 1].at, newest[-1].at] == [
        each.until for each in book.written if each.stage is stage and each.until
    ]


def test_its_progress_is_read_as_it_was_written(table: MemoryTable) -> None:
    """In the middle of a stage, at the beginning of one, and done."""
    book = SweepProgressBook(table)
    states = [
        SweepProgress(NOW, START, SweepStage.ENDINGS, NOW - HOUR),
        SweepProgress(NOW, START, SweepStage.UNDELIVERED),
        SweepProgress(NOW, START, None),
    ]
    read_again = []
    for each in states:
        book.write(each)
        read_again.append(book.read())
    assert states == read_again
