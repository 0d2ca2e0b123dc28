"""The reporter may die around any call, of the ledger's or of Stripe's: overage is charged once all the same.

It is tried with the courses that a period's end can take. Reading the index is not counted among the calls:
who dies there has done nothing, and the next run reads it again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, cast

import pytest

from tests.ledger.billing_house import END, HOUR, MINUTE, RUN, House, busy_house, endless
from tests.ledger.crashes import Crash, CrashingTable, Moment, Outside, Through
from tollkeeper.ledger.table import Key
from tollkeeper.rules.bills import Apart, Policy, State
from tollkeeper.rules.subscriptions import Cause

if TYPE_CHECKING:
    from tollkeeper.periods.charging import StripeForCharging

MOMENTS = list(Moment)
UNTIL = 5 * HOUR

type Happening = Callable[[House], object]


@dataclass(frozen=True)
class Course:
    """What happens at a month's end: before the first run, and after it at times."""

    state: State
    cents: list[int]
    audited: list[str]
    happenings: dict[timedelta, Happening] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)

    def play(self, *deaths: tuple[int, Moment]) -> tuple[House, list[str]]:
        """Let it happen, and the reporter die; return how it ends, and the calls that were made till then."""
        house = busy_house(self.policy)
        planned = [Outside(*each) for each in deaths]
        outside, calls = planned.pop(0) if planned else Outside(), list[str]()
        happenings = dict(self.happenings)
        while house.now < END + UNTIL and (happenings or house.waiting()):
            house.at(house.now - END + 5 * MINUTE)
            for at in [each for each in happenings if END + each <= house.now]:
                happenings.pop(at)(house)
            if (house.now - END) % RUN != 5 * MINUTE:
                continue
            try:
                stripe = cast("StripeForCharging", Through(house.stripe, outside.call))
                house.reporter(Uncounted(house, outside), stripe).run(endless())
            except Crash:
                calls += outside.calls
                outside = planned.pop(0) if planned else Outside()
        return house, [*calls, *outside.calls]


class Uncounted(CrashingTable):
    """A table whose index is read without counting the call."""

    def __init__(self, house: House, outside: Outside) -> None:
        super().__init__(house.table, outside)
        self._index = house.table

    def due(self, shard: str, until: str) -> list[Key]:
        """Read a shard of the index."""
        return self._index.due(shard, until)


def cancel(house: House) -> None:
    """End Ada's subscription now."""
    house.stripe.cancel_subscription("sub_ada", Cause.DUPLICATE)


def lose_draft(house: House) -> None:
    """Have somebody finalise the renewal before it is charged."""
    house.stripe.finalize("in_1")


def wait(house: House) -> None:
    """Let something be on the usage queue."""
    house.queue.is_clear = False


def settle(house: House) -> None:
    """Let the queue be empty."""
    house.queue.is_clear = True


CHARGED = [200, 500, 500]

COURSES = {
    "as it should be": Course(State.AGREED, CHARGED, ["OVERAGE_CHARGED"]),
    "usage is waited for": Course(
        State.AGREED, CHARGED, ["OVERAGE_CHARGED"], {timedelta(0): wait, 50 * MINUTE: settle}
    ),
    "the draft was finalised too soon": Course(
        State.AGREED, CHARGED, ["OVERAGE_MOVED", "OVERAGE_CHARGED"], {timedelta(0): lose_draft}
    ),
    "the subscription is cancelled when the lines are on": Course(
        State.AGREED, CHARGED, ["OVERAGE_MOVED", "OVERAGE_CHARGED"], {55 * MINUTE: cancel}
    ),
    "the lines are taken off by a person": Course(
        State.WAIVED,
        [],
        ["OVERAGE_WAIVED"],
        {55 * MINUTE: lambda house: house.stripe.take_off("in_1")},
    ),
    "what has no draft is written off": Course(
        State.WRITTEN_OFF,
        [],
        ["OVERAGE_WRITTEN_OFF"],
        {timedelta(0): lose_draft},
        Policy(apart=Apart.WRITE_OFF),
    ),
    "the customer is deleted": Course(
        State.WRITTEN_OFF,
        [],
        ["OVERAGE_MOVED", "OVERAGE_WRITTEN_OFF"],
        {timedelta(0): lambda house: house.stripe.delete_customer("cus_ada")},
    ),
}


def check(course: Course, house: House) -> None:
    """See that all ended as it should, with nothing left over anywhere."""
    assert (course.state, course.cents) == (house.bill().state, house.cents())
    assert sorted(course.audited) == sorted(house.audited())
    assert [] == [each.id for each in house.stripe.invoices.values() if each.is_draft and each.lines]
    assert 0 == house.waiting()


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_undisturbed_it_ends_as_it_should(course: Course, capsys: pytest.CaptureFixture[str]) -> None:
    """Each course makes the calls at which the other tests let it die."""
    house, calls = course.play()
    check(course, house)
    with capsys.disabled():
        print("\nCrash points, each before and after:", *calls, sep="\n  ")  # noqa: T201


def test_every_call_of_the_straight_course_is_known() -> None:
    """From the end to the agreed invoice: whoever adds a call sees this fail."""
    _, calls = COURSES["as it should be"].play()
    assert [
        "get_all",
        "transact 1 puts, 2 changes",  # closed, with what it owes
        "renewal sub_ada",
        "transact 0 puts, 1 changes",  # bound
        "finalize_at in_1",
        "invoice in_1",
        "transact 0 puts, 1 changes",  # held
        "add_lines in_1",
        "invoice in_1",
        "transact 0 puts, 1 changes",  # charged
        "finalize_at in_1",
        "invoice in_1",
        "transact 0 puts, 1 changes",  # released, and to be looked at when it is final
        "get_all",
        "invoice in_1",
        "transact 1 puts, 1 changes",  # agreed
    ] == calls


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_a_crash_changes_nothing(course: Course, moment: Moment) -> None:
    """Dying before or after any call, the next run goes on where it stopped."""
    for point in range(len(course.play()[1])):
        check(course, course.play((point, moment))[0])


@pytest.mark.parametrize("name", ["as it should be", "the draft was finalised too soon"])
def test_two_crashes_change_nothing(name: str) -> None:
    """Dying twice, at any two points, is no different."""
    course = COURSES[name]
    points = range(len(course.play()[1]))
    for first, second in product(product(points, MOMENTS), repeat=2):
        check(course, course.play(first, second)[0])
