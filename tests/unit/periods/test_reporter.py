"""A run of the reporter: what it takes on, in which order, and when it stops."""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import pytest

from tests.fakes.invoices import Fault
from tests.ledger.billing_house import HOUR, MINUTE, MONTH, OFFER, House, busy_house, endless
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.users import Users
from tollkeeper.periods.reporter import MOST_SILENCES, PeriodName, Worker
from tollkeeper.rules.bills import State
from tollkeeper.rules.subscriptions import Cause
from tollkeeper.stripe.event_types import EventType
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.subscriptions.stripe_events import Outcome, StripeEvents

MANY = [f"user-{number:03}" for number in range(60)]


def town(users: Iterable[str] = MANY) -> House:
    """Return a house in which many were busy, five minutes after their months ended at one instant."""
    house = House(users=[*users])
    for user in users:
        house.use(user)
    house.renew(*users)
    house.at(5 * MINUTE)
    return house


def test_a_run_closes_and_charges_what_has_ended() -> None:
    """The report names what became of it; a second run finds nothing to do."""
    house = busy_house()
    house.at(5 * MINUTE)
    assert {"closed": 1, "released": 1} == house.run()
    assert {} == house.run()


def test_users_whose_period_goes_on_cost_nothing() -> None:
    """Neither a row is read nor Stripe asked."""
    house = House(users=MANY)
    house.stripe.sent.clear()
    assert ({}, []) == (house.run(), house.stripe.sent)


def test_what_owes_nothing_is_closed_without_a_call_of_stripes() -> None:
    """Its draft is Stripe's own affair."""
    house = busy_house(apiCalls=1_000)
    house.at(5 * MINUTE)
    assert ({"closed": 1}, []) == (house.run(), house.stripe.sent)


def test_several_users_are_charged_at_once() -> None:
    """Side by side they come to the same."""
    house = town()
    with ThreadPoolExecutor(8) as pool:
        report = house.reporter(several=pool.map).run(endless())
    assert {"closed": len(MANY), "released": len(MANY)} == dict(report)
    house.go_on(3 * HOUR)
    assert sorted([200, 500, 500] * len(MANY)) == house.cents()


def test_closing_and_charging_take_turns() -> None:
    """Neither waits until all of the other is done."""
    house = town()
    house.stripe.is_down = True
    house.run()  # all closed, none charged
    house.stripe.is_down = False
    late = [f"late-{number}" for number in range(4)]
    for user in late:
        house.clock.instant = house.stripe.now = house.stripe.now - timedelta(days=30)
        house.subscribe(user)
        house.use(user)
        house.clock.instant = house.stripe.now = house.stripe.now + timedelta(days=30)
    house.at(20 * MINUTE)
    done: list[str] = []

    def note(work: Worker, users: Iterable[list[PeriodName]]) -> list[Counter[str]]:
        together = list(users)
        done.extend(periods[0][0] for periods in together)
        return [work(each) for each in together]

    house.reporter(several=note).run(endless())
    assert {*late} <= {*done[: 4 * len(late)]}


def test_a_run_stops_in_time_and_the_next_goes_on() -> None:
    """What it does not begin is counted, and found again."""
    house = town()
    seconds = iter([900.0] * 41)  # one look before all, and one before each
    report = house.reporter().run(Patience(lambda: next(seconds, 0.0), sleep=lambda _: None))
    assert (40, len(MANY) - 40) == (report["closed"], report["postponed"])
    assert len(MANY) - 40 == house.run()["closed"]


def two_months() -> House:
    """Return a house in which two of Ada's months have ended, and neither is closed."""
    house = busy_house()
    house.live_another_month()
    return house.at(MONTH + 5 * MINUTE)


def test_each_period_that_is_not_begun_is_counted() -> None:
    """Also where several are of one user."""
    house = two_months()
    seconds = iter([900.0])  # one look before all, and none before each
    assert {"postponed": 2} == house.reporter().run(Patience(lambda: next(seconds, 0.0)))
    assert 2 == house.run()["closed"]


def test_each_period_that_another_run_is_at_is_counted() -> None:
    """Where its bill has moved since it was read, it is left to whoever moved it."""
    house = two_months()
    bills = Bills(house.table)

    def move(_: str) -> None:
        for each in bills.of_user("ada"):
            bills.write(each, each, house.now)

    house.stripe.fault = move
    assert {"closed": 2, "taken": 2} == house.run()


def test_a_stripe_that_is_silent_is_left_in_peace() -> None:
    """After a few unanswered calls no other is made in this run; the periods close all the same."""
    house = town()
    house.stripe.sent.clear()
    house.stripe.fault = lambda _: Fault.LOST
    report = house.run()
    assert (len(MANY), MOST_SILENCES) == (report["closed"], report["silences"])
    assert MOST_SILENCES == len(house.stripe.sent)
    house.stripe.fault = lambda _: None
    house.go_on(20 * MINUTE)
    assert len(MANY) * [State.RELEASED] == [house.bill(user).state for user in MANY]


def test_a_step_that_gets_no_answer_for_half_an_hour_rings() -> None:
    """Each such bill is counted as overdue, and how old it is."""
    house = busy_house()
    house.stripe.is_down = True
    house.at(5 * MINUTE)
    assert {"closed": 1, "silences": 1} == house.run()
    house.at(36 * MINUTE)
    assert {"silences": 1, "overdue": 1, "oldest": 31 * 60} == house.run()


def test_one_users_trouble_is_not_anothers() -> None:
    """It is counted, logged, and comes again; the others are charged."""
    house = town(["ada", "bob"])
    calls = count()

    def breaks(name: str) -> None:
        if name == "add_lines" and next(calls) == 0:
            raise ZeroDivisionError

    house.stripe.fault = breaks
    assert {"closed": 2, "failed": 1, "released": 1} == house.run()
    house.at(20 * MINUTE)
    assert {"released": 1} == house.run()


def test_a_failed_call_is_tried_again_in_a_later_run() -> None:
    """Under another key, and not before five minutes are over."""
    house = busy_house()
    house.at(5 * MINUTE)
    house.stripe.fault = lambda name: Fault.FAILED if name == "add_lines" else None
    assert {"closed": 1, "held": 1} == house.run()
    house.stripe.fault = lambda _: None
    house.at(9 * MINUTE)
    assert {} == house.run()
    house.at(10 * MINUTE)
    assert {"released": 1} == house.run()


@pytest.mark.parametrize("fault", [Fault.UNANSWERED, Fault.FAILED_AFTER])
def test_what_took_effect_is_seen_and_not_done_again(fault: Fault) -> None:
    """However the call was answered, there is one line for each charge."""
    house = busy_house()
    house.at(5 * MINUTE)
    house.stripe.fault = lambda name: fault if name == "add_lines" else None
    house.run()
    house.stripe.fault = lambda _: None
    house.go_on(3 * HOUR)
    assert [200, 500, 500] == house.cents()


def test_an_invoice_that_is_voided_after_all_is_audited() -> None:
    """The event of its own invoice wakes an agreed bill; that of another does not."""
    house = busy_house()
    house.go_on(3 * HOUR)
    bills = Bills(house.table)
    bills.wake("ada", "in_other", house.now)
    assert {} == house.run()
    house.stripe.void("in_1")
    bills.wake("ada", "in_1", house.now)
    assert {"voided": 1} == house.run()
    assert (0, ["OVERAGE_CHARGED", "OVERAGE_VOIDED"]) == (house.waiting(), house.audited())


def test_an_invoice_of_its_own_that_is_deleted_before_it_is_seen_is_made_again() -> None:
    """Stripe repeats its yes under the old key, though there is none: the next key is taken."""
    house = busy_house()
    house.stripe.finalize("in_1")
    house.stripe.fault = lambda name: Fault.UNANSWERED if name == "create_invoice" else None
    house.at(5 * MINUTE).run()
    house.stripe.fault = lambda _: None
    house.stripe.delete("in_2")
    house.go_on(2 * HOUR)
    assert (State.AGREED, [200, 500, 500]) == (house.bill().state, house.cents())


def test_a_hold_that_lands_after_the_release_is_released_again() -> None:
    """An answer that nobody waits for puts the draft off; it is seen when it should be final."""
    house = busy_house()
    house.at(5 * MINUTE)
    house.stripe.fault = lambda name: Fault.LATE if name == "finalize_at" else None
    house.run()
    house.stripe.fault = lambda _: None
    house.at(20 * MINUTE).run()
    assert State.RELEASED is house.bill().state
    house.stripe.land()
    house.go_on(3 * HOUR)
    assert (State.AGREED, [200, 500, 500]) == (house.bill().state, house.cents())


def test_a_quantity_that_a_person_edited_is_not_charged_apart() -> None:
    """It stays and rings, and becomes final as they wrote it."""
    house = busy_house(apiCalls=1_500)
    house.at(5 * MINUTE)
    house.stripe.fault = lambda name: (
        house.stripe.edit("in_1", 7) if name == "invoice" and _has_lines(house) else None
    )
    house.run()
    house.stripe.fault = lambda _: None
    house.go_on(80 * HOUR, every=HOUR)
    assert ([7], {"released", "charged"}) == (house.cents(), {"released", house.bill().state.value})
    assert 1 == len(house.stripe.invoices)


def test_what_is_off_is_charged_apart_before_the_hold_runs_out() -> None:
    """Doubled lines are taken off, and an invoice of its own has them once."""
    house = busy_house()
    house.at(5 * MINUTE)
    house.stripe.doubles = True
    house.run()
    house.stripe.doubles = False
    house.go_on(80 * HOUR, every=HOUR)
    assert (State.AGREED, [200, 500, 500]) == (house.bill().state, house.cents())
    assert [0, 3] == [len(each.lines) for each in house.stripe.invoices.values()]


def _has_lines(house: House) -> bool:
    return bool(house.stripe.invoices["in_1"].lines)


def test_an_event_of_the_invoice_wakes_its_bill() -> None:
    """Stripe tells that it was voided: the next run looks, and it is audited."""
    house = busy_house()
    house.go_on(3 * HOUR)
    house.stripe.void("in_1")
    events = StripeEvents(Users(house.table), Bills(house.table), house.stripe, OFFER, "live")
    told = StripeEvent("evt_1", EventType.INVOICE_VOIDED, house.now, object_id="in_1", customer_id="cus_ada")
    assert Outcome.FOLLOWED is events.follow(told, house.now)
    assert {"voided": 1} == house.run()


def test_lines_that_land_after_their_draft_stopped_are_taken_off() -> None:
    """They are waited for before another invoice gets them, so that they never stand on two."""
    house = busy_house()
    house.stripe.fault = lambda name: Fault.LATE if name == "add_lines" else None
    house.at(5 * MINUTE).run()
    house.stripe.fault = lambda _: None
    house.stripe.cancel_subscription("sub_ada", Cause.DUPLICATE)
    house.at(10 * MINUTE).run()
    assert State.MOVING is house.bill().state
    house.stripe.land()
    assert [3] == [len(each.lines) for each in house.stripe.invoices.values()]
    house.go_on(3 * HOUR)
    assert [0, 3] == [len(each.lines) for each in house.stripe.invoices.values()]
    assert (State.AGREED, [200, 500, 500]) == (house.bill().state, house.cents())


def test_an_addition_that_is_under_way_is_not_sent_under_another_key() -> None:
    """No answer: the same key again, until what it did is seen."""
    house = busy_house()
    house.stripe.fault = lambda name: Fault.LATE if name == "add_lines" else None
    house.at(5 * MINUTE).run()
    house.stripe.fault = lambda _: None
    house.at(10 * MINUTE).run()
    house.stripe.land()
    house.at(25 * MINUTE).run()
    assert [3] == [len(each.lines) for each in house.stripe.invoices.values()]
