"""What the sweep finds, puts right, and leaves alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.examples import END, NOW, OFFER, START, SUBSCRIPTION
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe_events import METADATA, invoice, read, snapshot
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.sweep_progress import SweepProgressBook
from tollkeeper.ledger.users import Users
from tollkeeper.rules.subscriptions import Cause, Status, Subscription
from tollkeeper.rules.times import epoch
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError
from tollkeeper.subscriptions.sweep import LOOKS_BACK, Sweep, Swept
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise

ENDED = replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW)
SECOND = replace(SUBSCRIPTION, id="sub_second", created=START + timedelta(hours=1))
ENDING = snapshot("customer.subscription.deleted", id="sub_ada", metadata=METADATA)


class Reads(MemoryTable):
    """A table that counts what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0

    def query(self, *asked: object, **more: object) -> list[dict[str, str | int | bool]]:
        """Count a query."""
        self.requests += 1
        return super().query(*asked, **more)  # type: ignore[arg-type]


@pytest.fixture
def table() -> Reads:
    """An empty ledger."""
    return Reads()


@pytest.fixture
def users(table: Reads) -> Users:
    """An empty book of users."""
    return Users(table)


@pytest.fixture
def stripe() -> FakeStripe:
    """A Stripe account in which Ada has subscribed."""
    stripe = FakeStripe(SUBSCRIPTION)
    stripe.create_customer("ada")
    return stripe


@pytest.fixture
def sweep(table: Reads, users: Users, stripe: FakeStripe) -> Sweep:
    """The sweep of the deployment called `live`."""
    return Sweep(users, Bills(table), stripe, OFFER, "live", SweepProgressBook(table))


def run(
    sweep: Sweep,
    now: datetime = NOW,
    *,
    looks_back: timedelta | None = LOOKS_BACK,
    seconds: Callable[[], float] = lambda: 900.0,
) -> Swept:
    """Run it, with so many seconds left; without `looks_back` as its schedule does."""
    return sweep.run(now, Patience(seconds), looks_back)


def known(users: Users) -> Subscription | None:
    """What the ledger knows of Ada's subscription."""
    return users.read("ada", NOW).subscription


def audited(table: Reads) -> list[tuple[object, object]]:
    """Who did what."""
    rows = (row for key, row in table.rows.items() if key.sk.startswith("AUDIT"))
    return [(row["actor"], row["action"]) for row in rows]


def hear(users: Users, stripe: FakeStripe) -> None:
    """Have a webhook say what Stripe says now."""
    synchronise("cus_ada", users, stripe, OFFER, Trigger(NOW, event_id="evt_0"))


def test_a_subscription_that_nobody_told_of_is_found(sweep: Sweep, users: Users) -> None:
    """Who has paid has what they paid for, at the latest a day after."""
    assert Swept(repaired=1) == run(sweep)
    assert SUBSCRIPTION == known(users)


def test_what_the_sweep_did_is_audited_as_its_doing(sweep: Sweep, table: Reads) -> None:
    """The trail tells it from what an event brought."""
    run(sweep)
    assert [("sweep", "SUBSCRIPTION_CREATED")] == audited(table)


def test_what_the_sweep_did_is_logged(sweep: Sweep, caplog: pytest.LogCaptureFixture) -> None:
    """With the user, and what the row said before and after."""
    run(sweep)
    (record,) = caplog.records
    assert ("ada", "None", str(SUBSCRIPTION)) == tuple(
        record.__dict__[name] for name in ("userId", "before", "after")
    )


def test_a_row_that_is_right_is_left_alone(
    sweep: Sweep, table: Reads, users: Users, stripe: FakeStripe
) -> None:
    """It costs its share of one request for a hundred rows, and no query."""
    hear(users, stripe)
    table.requests = 0
    assert (Swept(), 0) == (run(sweep), table.requests)


def test_a_second_sweep_has_nothing_to_do(sweep: Sweep) -> None:
    """What it put right stays right."""
    run(sweep)
    assert Swept() == run(sweep)


def test_a_change_that_nobody_told_of_is_found(sweep: Sweep, users: Users, stripe: FakeStripe) -> None:
    """Whatever of it changed."""
    hear(users, stripe)
    stripe.held = [replace(SUBSCRIPTION, cancel_at=END)]
    assert (Swept(repaired=1), stripe.held[0]) == (run(sweep), known(users))


def test_an_end_that_nobody_told_of_is_found(sweep: Sweep, users: Users, stripe: FakeStripe) -> None:
    """Stripe lists no cancelled subscription, but events that it believes delivered."""
    hear(users, stripe)
    stripe.held, stripe.events = [ENDED], [read(ENDING)]
    assert (Swept(repaired=1), ENDED) == (run(sweep), known(users))


@pytest.mark.parametrize("named", [{}, {**METADATA, "deployment": "other"}])
def test_the_end_of_what_is_not_ours_is_left(
    sweep: Sweep, users: Users, stripe: FakeStripe, named: dict[str, str]
) -> None:
    """The account may hold other subscriptions, of other deployments or none."""
    hear(users, stripe)
    stripe.events = [read(snapshot("customer.subscription.deleted", id="sub_ada", metadata=named))]
    assert (Swept(), SUBSCRIPTION) == (run(sweep), known(users))


def test_a_second_live_subscription_is_cancelled(sweep: Sweep, users: Users, stripe: FakeStripe) -> None:
    """Even if the row has long been right about the first."""
    hear(users, stripe)
    stripe.held = [SUBSCRIPTION, SECOND]
    run(sweep)
    assert ([("sub_second", Cause.DUPLICATE)], SUBSCRIPTION) == (stripe.canceled, known(users))


def test_what_never_began_is_left(sweep: Sweep, users: Users, stripe: FakeStripe) -> None:
    """An incomplete subscription gives its user nothing."""
    stripe.held = [replace(SUBSCRIPTION, status=Status.INCOMPLETE)]
    assert (Swept(), None) == (run(sweep), known(users))


def test_an_event_that_was_not_delivered_is_followed(sweep: Sweep, table: Reads, stripe: FakeStripe) -> None:
    """The app hears of the payment, late."""
    stripe.undelivered = [read(invoice("invoice.payment_failed")), read(snapshot("charge.failed"))]
    assert Swept(followed=1, repaired=1) == run(sweep)
    kinds = {row["kind"] for key, row in table.rows.items() if key.sk.startswith("ANNOUNCEMENT")}
    assert {"payment.failed", "subscription.activated"} == kinds


def test_events_before_the_last_three_days_were_for_earlier_sweeps(sweep: Sweep, stripe: FakeStripe) -> None:
    """Each event had three of them."""
    old = invoice("invoice.paid") | {"created": epoch(NOW - LOOKS_BACK) - 1}
    stripe.undelivered = [read(old)]
    assert (0, 1) == (run(sweep).followed, run(sweep, looks_back=timedelta(days=30)).followed)


@pytest.mark.parametrize(
    ("before_a_page", "before_a_customer", "is_done"),
    [(180.0, 900.0, False), (180.1, 90.0, False), (180.1, 90.1, True)],
)
def test_what_there_is_no_time_for_is_not_begun(
    sweep: Sweep, before_a_page: float, before_a_customer: float, *, is_done: bool
) -> None:
    """Three minutes are there for a page, and half of that for a customer; else the next run goes on."""
    looks = iter([before_a_page, before_a_customer])
    expected = Swept(repaired=1) if is_done else Swept(unfinished=True)
    assert expected == run(sweep, seconds=lambda: next(looks, 900.0))


def test_each_of_several_is_counted(sweep: Sweep, users: Users, stripe: FakeStripe) -> None:
    """Whose row was put right, and whose event was followed; whoever was asked about once more, too."""
    names = ["bob", "carl"]
    for name in names:
        stripe.create_customer(name)
        stripe.held.append(replace(SUBSCRIPTION, id=f"sub_{name}", customer_id=f"cus_{name}"))
    stripe.undelivered = [
        read(invoice("invoice.payment_failed", f"evt_{name}", customer=f"cus_{name}")) for name in names
    ]
    assert Swept(repaired=3, followed=2) == run(sweep)
    later = END + timedelta(hours=2)
    for name in ("ada", *names):
        read_anew = users.read(name, NOW).subscription
        assert read_anew
        assert END == read_anew.period_end
    assert 3 == run(sweep, later).asked


def test_each_of_whom_stripe_does_not_tell_is_counted(users: Users, table: Reads) -> None:
    """A few are no reason to give up: who comes after them is put right."""

    class Hesitating(FakeStripe):
        def subscriptions_of(self, customer_id: str) -> list[Subscription]:
            if customer_id != "cus_ada":
                raise StripeUnavailableError
            return super().subscriptions_of(customer_id)

    others = [replace(SUBSCRIPTION, id=f"sub_{name}", customer_id=f"cus_{name}") for name in ("bob", "carl")]
    stripe = Hesitating(*others, SUBSCRIPTION)
    for name in ("bob", "carl", "ada"):
        stripe.create_customer(name)
    sweep = Sweep(users, Bills(table), stripe, OFFER, "live", SweepProgressBook(table))
    assert (Swept(repaired=1, failed=2), SUBSCRIPTION) == (run(sweep), known(users))


def test_one_that_cannot_be_put_right_does_not_stop_the_others(users: Users) -> None:
    """It is logged and counted, and found again tomorrow."""

    class Refusing(FakeStripe):
        def subscriptions_of(self, customer_id: str) -> list[Subscription]:
            if customer_id == "cus_bob":
                raise StripeRefusedError
            return super().subscriptions_of(customer_id)

    stripe = Refusing(replace(SUBSCRIPTION, id="sub_bob", customer_id="cus_bob"), SUBSCRIPTION)
    stripe.create_customer("bob")
    stripe.create_customer("ada")
    stripe.undelivered = [read(invoice("invoice.paid", customer="cus_bob"))]
    table = MemoryTable()
    sweep = Sweep(users, Bills(table), stripe, OFFER, "live", SweepProgressBook(table))
    assert (Swept(repaired=1, failed=2), SUBSCRIPTION) == (run(sweep), known(users))


def test_one_that_cannot_be_read_in_the_list_is_asked_about_alone(
    sweep: Sweep, users: Users, stripe: FakeStripe
) -> None:
    """It hides no other, and what is wrong with it shows there."""
    stripe.unreadable = {"sub_ada"}
    assert (Swept(repaired=1), SUBSCRIPTION) == (run(sweep), known(users))


def test_while_stripe_is_down_the_sweep_fails(sweep: Sweep, stripe: FakeStripe) -> None:
    """An alarm says so, and the next one does it."""
    stripe.is_down = True
    with pytest.raises(StripeUnavailableError):
        run(sweep)
