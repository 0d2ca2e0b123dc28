"""What the SaaS is told of its users."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import END, NOW, OFFER, PERIOD, START, SUBSCRIPTION, USER
from tollkeeper.rules.announcements import THRESHOLDS, Announcement, Kind, of_subscription, of_usage
from tollkeeper.rules.periods import Period
from tollkeeper.rules.subscriptions import Status, Subscription

CANCELED = replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW)
EXPIRED = replace(SUBSCRIPTION, status=Status.INCOMPLETE_EXPIRED)
INCOMPLETE = replace(SUBSCRIPTION, status=Status.INCOMPLETE)
RENEWED = replace(SUBSCRIPTION, period_start=END, period_end=END + timedelta(days=31))
SECOND = replace(SUBSCRIPTION, id="sub_second", created=NOW)
TRIALING = replace(SUBSCRIPTION, status=Status.TRIALING, trial_end=END)


def announced(before: Subscription | None, after: Subscription, rev: int = 1) -> Announcement | None:
    """What is announced when Stripe's word of Ada changes from one to the other."""
    return of_subscription(replace(USER, rev=rev, subscription=before), after, at=NOW)


def using(period: Period = PERIOD, **used: int) -> Period:
    """A period in which so much was used."""
    return replace(period, used=used)


def reached(before: Period | None, after: Period) -> list[tuple[object, object]]:
    """The metrics and percents announced between two states of Ada's period."""
    found = of_usage("ada", before, after, at=NOW)
    return [(each.detail["eventType"], each.detail["threshold"]) for each in found]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(None, TRIALING, Kind.SUBSCRIPTION_ACTIVATED, id="the first"),
        pytest.param(INCOMPLETE, SUBSCRIPTION, Kind.SUBSCRIPTION_ACTIVATED, id="paid at last"),
        pytest.param(CANCELED, SECOND, Kind.SUBSCRIPTION_ACTIVATED, id="another after an ended one"),
        pytest.param(TRIALING, SUBSCRIPTION, Kind.SUBSCRIPTION_CHANGED, id="the trial's end"),
        pytest.param(
            SUBSCRIPTION, replace(SUBSCRIPTION, plan="starter"), Kind.SUBSCRIPTION_CHANGED, id="another plan"
        ),
        pytest.param(
            SUBSCRIPTION, replace(SUBSCRIPTION, cancel_at=END), Kind.SUBSCRIPTION_CHANGED, id="a planned end"
        ),
        pytest.param(SUBSCRIPTION, SECOND, Kind.SUBSCRIPTION_CHANGED, id="another takes its place"),
        pytest.param(SUBSCRIPTION, CANCELED, Kind.SUBSCRIPTION_CANCELED, id="the end"),
        pytest.param(SUBSCRIPTION, RENEWED, None, id="a renewal"),
        pytest.param(SUBSCRIPTION, SUBSCRIPTION, None, id="nothing new"),
        pytest.param(None, INCOMPLETE, None, id="not paid yet"),
        pytest.param(INCOMPLETE, EXPIRED, None, id="never paid"),
        pytest.param(None, CANCELED, None, id="begun and ended unseen"),
    ],
)
def test_a_subscription_is_announced_by_what_became_of_it(
    before: Subscription | None, after: Subscription, expected: Kind | None
) -> None:
    """Activated when there was no live one, canceled when there is none any more, changed in between."""
    announcement = announced(before, after)
    assert expected == (announcement.kind if announcement else None)


def test_a_change_says_what_is_and_what_was() -> None:
    """Whoever is told need not ask for the subscription."""
    announcement = announced(TRIALING, replace(SUBSCRIPTION, plan="starter", cancel_at=END))
    assert announcement is not None
    assert {
        "subscriptionId": "sub_ada",
        "plan": "starter",
        "status": "active",
        "trialEndsAt": None,
        "cancelAt": "2025-12-03T09:30:15Z",
        "pendingPlan": None,
        "currentPeriodEnd": "2025-12-03T09:30:15Z",
        "endedAt": None,
        "previousPlan": "professional",
        "previousStatus": "trialing",
    } == announcement.detail


def test_the_same_change_at_another_revision_is_another_announcement() -> None:
    """Who upgrades, downgrades and upgrades again is announced three times; the same write only once."""
    starter = replace(SUBSCRIPTION, plan="starter")
    ids = {(announced(starter, SUBSCRIPTION, rev) or pytest.fail("nothing")).id for rev in (1, 3, 3)}
    assert 2 == len(ids)


def test_facts_alone_decide_an_id() -> None:
    """Kind, user and facts tell announcements apart; neither their time nor their detail does."""
    ids = [
        Announcement.of(kind, user, facts, at=at, detail={"attempt": number}).id
        for number, (kind, user, facts, at) in enumerate(
            [
                (Kind.PAYMENT_FAILED, "ada", ["in_1", "1"], NOW),
                (Kind.PAYMENT_FAILED, "ada", ["in_1", "1"], END),
                (Kind.PAYMENT_FAILED, "ada", ["in_1", "2"], NOW),
                (Kind.PAYMENT_FAILED, "ada", ["in_11", ""], NOW),
                (Kind.PAYMENT_FAILED, "bob", ["in_1", "1"], NOW),
                (Kind.PAYMENT_SUCCEEDED, "ada", ["in_1", "1"], NOW),
            ]
        )
    ]
    assert (ids[0], 5) == (ids[1], len(set(ids)))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0, 4_999, []),
        (4_999, 5_000, [50]),
        (5_000, 7_999, []),
        (7_999, 8_000, [80]),
        (9_999, 10_000, [100]),
        (10_000, 99_999, []),
        (0, 10_001, [50, 80, 100]),
        (8_000, 7_999, []),
    ],
)
def test_a_threshold_is_announced_when_it_is_reached(before: int, after: int, expected: list[int]) -> None:
    """At 50, 80 and 100 percent of the limit, to the unit; several at once if a change jumps over them."""
    assert [("apiCalls", percent) for percent in expected] == reached(
        using(apiCalls=before), using(apiCalls=after)
    )


def test_a_period_that_begins_beyond_a_threshold_announces_it() -> None:
    """There is no row before the first count."""
    assert [("exports", 50)] == reached(None, using(exports=250, apiCalls=1))


def test_what_has_no_limit_has_no_threshold() -> None:
    """Neither unlimited metrics nor those the terms do not know, nor what is not included at all."""
    terms = replace(PERIOD.terms, limits={"designsCreated": -1, "roomsCreated": 0})
    assert [] == reached(
        None, using(replace(PERIOD, terms=terms), designsCreated=9, roomsCreated=9, unheardOf=9)
    )


def test_a_raised_limit_announces_nothing() -> None:
    """What was the whole of one limit is a tenth of the next."""
    starter = replace(PERIOD, terms=OFFER.terms("starter", START))
    assert [] == reached(using(starter, apiCalls=1_000), using(apiCalls=1_000))


def test_a_limit_that_is_lowered_under_what_was_used_announces_it() -> None:
    """The user has reached it all the same, and would be stopped or billed unwarned."""
    starter = replace(PERIOD, terms=OFFER.terms("starter", START))
    assert [("apiCalls", 50), ("apiCalls", 80)] == reached(using(apiCalls=900), using(starter, apiCalls=900))


def test_what_an_upgrade_froze_uses_nothing_of_the_new_limit() -> None:
    """With 5,000 incurred, half of 10,000 is reached at 10,000 used."""
    frozen = replace(PERIOD, incurred={"apiCalls": 5_000})
    assert [("apiCalls", 50)] == reached(using(frozen, apiCalls=9_999), using(frozen, apiCalls=10_000))


def test_a_threshold_says_where_the_user_stands() -> None:
    """Limit, use and what happens beyond, in the words of the quota check."""
    (announcement,) = of_usage("ada", using(apiCalls=7_999), using(apiCalls=8_000), at=NOW)
    assert {
        "eventType": "apiCalls",
        "threshold": 80,
        "limit": 10_000,
        "current": 8_000,
        "remaining": 2_000,
        "onLimit": "bill",
        "planTier": "professional",
        "periodStart": "2025-11-03T09:30:15Z",
        "resetsAt": "2025-12-03T09:30:15Z",
    } == announcement.detail


def test_user_period_metric_and_threshold_decide_a_thresholds_id() -> None:
    """Neither when it was reached, nor with what count, nor on which limit."""
    starter = replace(PERIOD, terms=OFFER.terms("starter", START))
    other_period = replace(PERIOD, start=END, end=None)
    ids = [
        next(of_usage(user, None, period, at=at)).id
        for user, period, at in [
            ("ada", using(apiCalls=5_000), NOW),
            ("ada", using(starter, apiCalls=700), END),
            ("bob", using(apiCalls=5_000), NOW),
            ("ada", using(exports=250), NOW),
            ("ada", using(other_period, apiCalls=5_000), NOW),
            ("ada", using(replace(PERIOD, subscription_id=None), apiCalls=5_000), NOW),
        ]
    ]
    assert (ids[0], 5) == (ids[1], len(set(ids)))


amounts = st.integers(min_value=-400, max_value=400)
"""What one transaction adds to a counter, beside a limit of 500."""


def states(increments: Iterable[int]) -> list[Period]:
    """The period after each increment; a counter never falls below zero."""
    used = 0
    found = [using()]
    for increment in increments:
        used = max(0, used + increment)
        found.append(using(exports=used))
    return found


@given(increments=st.lists(amounts))
def test_every_threshold_that_was_ever_reached_is_announced_under_one_id(increments: list[int]) -> None:
    """However usage comes and is taken back, in whatever steps: no threshold is missed, and none made up."""
    periods = states(increments)
    announced = [each for pair in pairwise(periods) for each in of_usage("ada", *pair, at=NOW)]
    highest = max(period.used.get("exports", 0) for period in periods)
    expected = [percent for percent in THRESHOLDS if highest * 100 >= 500 * percent]
    assert expected == sorted({int(each.detail["threshold"] or 0) for each in announced})
    assert len(expected) == len({each.id for each in announced})


@given(increments=st.lists(st.integers(min_value=1, max_value=400)))
def test_without_corrections_a_threshold_is_reached_once(increments: list[int]) -> None:
    """Usage that only grows crosses each threshold in one change."""
    announced = [each.id for pair in pairwise(states(increments)) for each in of_usage("ada", *pair, at=NOW)]
    assert {1} >= set(Counter(announced).values())
