"""Random months at the stand-in, through Stripe's unmodified SDK: every line is right, or explained.

`make test` lives a few, `make random-months MONTHS=500` as many as you like. The same is done more often,
and with calls that take effect late, on the fake: tests/ledger/test_billing_months.py.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from tests.integration.catalogued import catalogued
from tests.integration.disturbed_month import DisturbedMonth
from tests.integration.happening import Step
from tests.integration.month_at_stripe import CATALOGUE
from tests.ledger.billing_house import DAY, HOUR, MINUTE, RUN, endless
from tests.ledger.judgement import judge, never_twice
from tests.standin.harness import Host
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.history import History
from tollkeeper.periods.proving import Proving
from tollkeeper.periods.reconciler import Compared, Reconciler
from tollkeeper.rules.bills import Apart, Policy

MONTHS = int(os.environ.get("MONTHS", "12"))
AN_INVOICE = "/v1/invoices/in_*"
CALLS = [
    ("POST", "/v1/invoices/*/add_lines"),
    ("POST", "/v1/invoices/*/add_lines"),
    ("POST", "/v1/invoices/*/remove_lines"),
    ("POST", "/v1/invoices/*/finalize"),
    ("POST", "/v1/invoices"),
    ("POST", AN_INVOICE),
    ("GET", AN_INVOICE),
    ("GET", "/v1/invoices*"),
    ("GET", "/v1/subscriptions*"),
    ("GET", "/v1/customers/*"),
    ("GET", "/v1/prices"),
]
ANSWERS = [
    *(("500", effect) for effect in ("before", "after")),
    *(("lost", effect) for effect in ("before", "after")),
    *(("lock_timeout", effect) for effect in ("before", "after")),
    ("429", "before"),
    ("endpoint-concurrency", "before"),
]

type Hand = Callable[[DisturbedMonth], object]


HANDS: dict[str, Hand] = {
    "cancel": DisturbedMonth.cancel,
    "upgrade": DisturbedMonth.upgrade,
    "pause": lambda month: month.pause("void"),
    "keep as draft": lambda month: month.pause("keep_as_draft"),
    "resume": lambda month: month.pause(None),
    "void": DisturbedMonth.void,
    "delete": DisturbedMonth.delete,
    "finalize": DisturbedMonth.finalize,
    "edit": DisturbedMonth.edit,
    "take off one": lambda month: month.take_off(1),
    "take off all": lambda month: month.take_off(9),
    "delete customer": DisturbedMonth.delete_customer,
    "card fails": DisturbedMonth.card_fails,
    "cannot finalise": DisturbedMonth.cannot_finalise,
    "wait": lambda month: setattr(month.queue, "is_clear", False),
    "settle": lambda month: setattr(month.queue, "is_clear", True),
    "late usage": lambda month: month.report_late(300),
    "correction": lambda month: month.correct(200),
    "cap": lambda month: month.accept(250),
}
WAITS = [*[timedelta(0)] * 5, *[MINUTE] * 4, 5 * MINUTE, RUN, HOUR, 8 * HOUR]


def steps() -> st.SearchStrategy[Step[DisturbedMonth]]:
    """Draw what happens: mostly runs and failing calls, sometimes a hand."""
    waits = st.sampled_from(WAITS)
    run = st.builds(Step, waits, st.just("report"), st.just(DisturbedMonth.run))
    fails: st.SearchStrategy[Step[DisturbedMonth]] = st.builds(
        lambda call, answer, count: Step(
            timedelta(0), f"{call} {answer}", lambda month: month.goes_wrong(call, answer, count)
        ),
        st.sampled_from(CALLS),
        st.sampled_from(ANSWERS),
        st.integers(1, 3),
    )
    heard = st.builds(Step, waits, st.just("hear"), st.just(DisturbedMonth.hears))
    wanted = st.sampled_from([*HANDS, *["cancel"] * 3, *["take off one"] * 2, *["wait"] * 2])
    hands = st.builds(lambda wait, name: Step(wait, name, partial(by_hand, name)), waits, wanted)
    return st.one_of(run, run, fails, hands, heard)


def by_hand(name: str, month: DisturbedMonth) -> None:
    """Do what somebody does."""
    with month.undisturbed():
        HANDS[name](month)


def drift(month: DisturbedMonth) -> list[str]:
    """Return what the reconciler finds of all that closed, and what a proof of each does."""
    with month.undisturbed():
        found: list[Compared] = []
        reconciler = Reconciler(month.table, month.stripe, CATALOGUE, "live", month.clock)
        report = reconciler.run(endless(), found.append)
        assert (len(found), 0) == (report["periods"], report["failed"])
        proving = Proving(Closing(month.table), History(month.table), month.stripe, "live")
        said = [str(drift) for each in found for drift in each.drifts]
        for each in found:
            for name in proving.names(each.user_id, each.period.start):
                proof = proving.prove(each.user_id, name, month.now)
                said += proof.differences if proof else [f"there is no {name}"]
        return said


BEGINNINGS: dict[str, Hand] = {
    "renews": lambda _: None,
    "renews and hears": lambda _: None,
    "upgraded": DisturbedMonth.upgrade,
    "cancelled before the end": DisturbedMonth.cancel,
    "cancelled at the end": DisturbedMonth.cancel_at_end,
}


@settings(
    max_examples=MONTHS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(
    st.sampled_from([*["renews"] * 3, *["renews and hears"] * 3, *BEGINNINGS]),
    st.booleans(),
    st.sampled_from([None, None, None, 0, 650, 5_000]),
    st.lists(steps(), min_size=6, max_size=20),
    st.sampled_from([*Apart]),
)
def test_every_final_line_is_the_models_or_is_explained(
    host: Host,
    beginning: str,
    charges_first: bool,  # noqa: FBT001 - hypothesis's own
    cap: int | None,
    happening: list[Step[DisturbedMonth]],
    apart: Apart,
) -> None:
    """Failing calls, lost answers, replays, failing cards, dropped webhooks, late usage, people's hands."""
    with catalogued(host) as sandbox:
        month = DisturbedMonth(sandbox, Policy(apart=apart))
        month.subscribe()
        month.at(-DAY)
        if cap is not None:
            month.accept(cap)
        month.use()
        BEGINNINGS[beginning](month)
        if beginning != "renews":
            month.hears()
        month.at(timedelta(0))
        if beginning != "renews":
            month.hears()
        month.at(5 * MINUTE)
        if charges_first:
            month.run()
        for step in happening:
            month.move(month.now + step.after)
            step.done(month)
        month.recovers()
        never_twice(month.all_lines())
        month.move(month.now + MINUTE)
        month.hears()
        month.comes_to_rest()
        never_twice(month.all_lines())
        if Bills(month.table).of_user("ada"):
            ended = month.ended()
            event(f"{ended.bill.state}, own: {ended.bill.is_own}, passed: {len(ended.bill.passed)}")
            judge(ended)
        else:
            assert cap == 0
        assert [] == drift(month)
