"""Random months of decisions at the stand-in, through the unmodified SDK: what it invoices is the model's.

Two months each, in which Ada changes plans, cards and caps, cancels and resumes, by our API, in the portal or
in the dashboard, while calls go wrong, webhooks stay away and drafts are held.
`make random-months MONTHS=500` lives more of them.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from tests.integration.catalogued import catalogued
from tests.integration.decided_month import ASKS, DECLINES, GOOD, NEXT_END, DecidedMonth
from tests.integration.happening import Step
from tests.integration.month_at_stripe import END
from tests.ledger.billing_house import DAY, HOUR, MINUTE
from tests.ledger.judgement import judge, never_twice
from tests.standin.harness import Host
from tollkeeper.rules.bills import Apart, Policy
from tollkeeper.subscriptions.cancellations import CancelAt

MONTHS = int(os.environ.get("MONTHS", "4"))
PLANS = ["starter", "professional", "enterprise"]
CALLS = [
    ("POST", "/v1/subscriptions/*"),
    ("POST", "/v1/subscription_schedules*"),
    ("DELETE", "/v1/subscriptions/*"),
    ("GET", "/v1/subscriptions*"),
    ("POST", "/v1/invoices/*"),
]
FAULTS = [("500", "before"), ("500", "after"), ("lost", "before"), ("lost", "after"), ("429", "before")]

type Hand = Callable[[DecidedMonth], object]


DECISIONS: dict[str, Hand] = {
    **{f"change to {plan}": partial(DecidedMonth.change, plan=plan) for plan in PLANS},
    "cancel at the end": lambda month: month.cancel_by_api(CancelAt.PERIOD_END),
    "cancel now": lambda month: month.cancel_by_api(CancelAt.NOW),
    "resume": DecidedMonth.resume,
    **{
        f"change to {plan} with {card}, {then}": partial(
            DecidedMonth.change_with, card=card, plan=plan, then=then
        )
        for plan in PLANS[1:]
        for card, then in (
            (DECLINES, "leave it"),
            (DECLINES, "pay"),
            (ASKS, "confirm"),
            (ASKS, "fail to confirm"),
            (GOOD, "leave it"),
        )
    },
}
USES: dict[str, Hand] = {
    "use calls": lambda month: month.use_up({"apiCalls": 700}),
    "use many": lambda month: month.use_up({"apiCalls": 5_200, "aiQueries": 510}),
    "use exports": lambda month: month.use_up({"aiQueries": 30, "exports": 27}),
}
HANDS: dict[str, Hand] = {
    "a good card": lambda month: month.pay_with(GOOD),
    "a declining card": lambda month: month.pay_with(DECLINES),
    "a card that asks": lambda month: month.pay_with(ASKS),
    "pay": DecidedMonth.pay_what_is_open,
    "confirm": lambda month: month.authenticate(succeeds=True),
    "fail to confirm": lambda month: month.authenticate(succeeds=False),
    "cancel in the portal": DecidedMonth.cancel_in_the_portal,
    "dashboard: cancel at the end": DecidedMonth.cancel_at_end,
    "dashboard: cancel now": DecidedMonth.cancel,
    **{f"dashboard: {plan}": partial(DecidedMonth.change_in_the_dashboard, plan=plan) for plan in PLANS},
    "wait": lambda month: setattr(month.queue, "is_clear", False),
    "settle": lambda month: setattr(month.queue, "is_clear", True),
    **{f"cap {cap}": partial(DecidedMonth.accept_at_most, cap=cap) for cap in (None, 0, 650, 5_000)},
}


def by_hand(name: str, month: DecidedMonth) -> None:
    """Do what somebody does; it goes right, and nobody may hear of it yet."""
    month.watch()
    with month.undisturbed():
        HANDS[name](month)
    month.watch()


def steps() -> st.SearchStrategy[Step[DecidedMonth]]:
    """Draw what happens: mostly decisions and usage, with a hand at Stripe or a failing call between them."""
    waits = st.sampled_from([*[timedelta(0)] * 4, MINUTE, MINUTE, 5 * MINUTE, HOUR, 8 * HOUR, 3 * DAY])
    unlikely = {each for each in (*DECISIONS, *HANDS) if "cancel" in each}
    decided = st.sampled_from([*[each for each in DECISIONS if each not in unlikely] * 3, *DECISIONS])
    hands = st.sampled_from([*[each for each in HANDS if each not in unlikely] * 3, *HANDS])
    fails = st.tuples(st.sampled_from(CALLS), st.sampled_from(FAULTS), st.integers(1, 2))
    decisions = st.builds(lambda wait, name: Step(wait, name, DECISIONS[name]), waits, decided)
    return st.one_of(
        decisions,
        decisions,
        st.builds(lambda wait, each: Step(wait, *each), waits, st.sampled_from([*USES.items()])),
        st.builds(lambda wait, name: Step(wait, name, partial(by_hand, name)), waits, hands),
        st.builds(Step, waits, st.just("report"), st.just(DecidedMonth.run)),
        st.builds(Step, waits, st.just("told"), st.just(DecidedMonth.told)),
        fails.map(
            lambda each: Step(timedelta(0), f"{each[0]} {each[1]}", lambda month: month.goes_wrong(*each))
        ),
    )


def live_through(month: DecidedMonth, happening: list[Step[DecidedMonth]], until: timedelta) -> None:
    """Let what happens happen, as far as it does by then, counted from the month's end."""
    for step in happening:
        month.passes(min(step.after, END + until - month.now))
        step.done(month)
        never_twice(month.all_lines())


@settings(
    max_examples=MONTHS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(
    st.sampled_from(PLANS[:2]),
    st.lists(steps(), min_size=4, max_size=12),
    st.booleans(),
    st.lists(steps(), min_size=4, max_size=12),
)
def test_what_stripe_invoices_is_the_models_whatever_is_decided(
    host: Host,
    plan: str,
    first: list[Step[DecidedMonth]],
    hears: bool,  # noqa: FBT001 - hypothesis's own
    second: list[Step[DecidedMonth]],
) -> None:
    """Overage of each month to the unit and cent, and for each upgrade that came into force its proration."""
    with catalogued(host) as sandbox:
        month = DecidedMonth(sandbox, Policy(apart=Apart.INVOICE))
        month.subscribe(plan=plan)
        month.watch()
        month.use_up({"apiCalls": 1_300, "aiQueries": 105})
        live_through(month, first, -MINUTE)
        month.passes(END - month.now)
        if hears:
            month.told()
        month.passes(5 * MINUTE)
        live_through(month, second, 20 * DAY)
        month.recovers()
        month.surely_told()
        month.passes(100 * HOUR)
        month.surely_told()
        month.passes(NEXT_END - month.now)
        month.surely_told()
        month.passes(100 * HOUR)
        event(f"bills: {len(month.billed())}, rises: {len(month.rises)}")
        for answer in month.answers:
            event(f"answered: {answer}")
        assert month.expected() == month.billed()
        never_twice(month.all_lines())
        for ended in month.all_ended():
            judge(ended)
        assert [
            (each.total, rise) for each, rise in zip(month.paid_for_upgrades(), month.rises, strict=True)
        ] == [
            (rise.cost(each), rise) for each, rise in zip(month.paid_for_upgrades(), month.rises, strict=True)
        ]
