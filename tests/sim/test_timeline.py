"""The auditor reads off Stripe's invoices who had which plan when, and knows what nobody can have heard."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

from tests.sim.auditor.sold import SOON, Jump, unheard_until
from tests.sim.auditor.timeline import spans

TRIAL = datetime(2026, 2, 1, 0, 7, 43, tzinfo=UTC)
RENEWAL = TRIAL + timedelta(days=14)
UPGRADE = RENEWAL + timedelta(days=1)
END = RENEWAL + timedelta(days=28)
PRICES = {0: "starter", 2_900: "starter", 29_900: "enterprise"}


def test_an_upgrade_invoiced_in_the_same_second_as_the_renewal_is_seen() -> None:
    """As when the clock jumped over a trial's end, in whatever order Stripe then lists its invoices."""
    invoices = [
        _invoice(TRIAL, _line(TRIAL, RENEWAL, cents=0, amount=0)),
        _invoice(UPGRADE, _line(RENEWAL, END, cents=2_900, amount=2_900)),
        _invoice(
            UPGRADE,
            _line(UPGRADE, END, cents=2_900, amount=-2_794, is_proration=True),
            _line(UPGRADE, END, cents=29_900, amount=28_807, is_proration=True),
        ),
    ]
    for order in permutations(invoices):
        trial, period = spans(order, [SUBSCRIPTION], {"cus": {"userId": "user"}}, {}, PRICES)
        assert (["starter"], True, RENEWAL) == (trial.plans, trial.is_trial, trial.end)
        assert (["starter", "enterprise"], False, END) == (period.plans, period.is_trial, period.end)


def test_a_trial_is_known_by_what_stripe_told_of_it() -> None:
    """Moved on and upgraded, of which no invoice tells, and then ended early."""
    invoices = [
        _invoice(TRIAL, _line(TRIAL, END, cents=0, amount=0)),
        _invoice(RENEWAL, _line(RENEWAL, END, cents=29_900, amount=29_900)),
    ]
    moved = END + timedelta(days=9)
    told = [
        {"at": int(when.timestamp()), "subscription": {**SUBSCRIPTION, **_state(cents, trial_end)}}
        for when, cents, trial_end in (
            (TRIAL, 2_900, END),
            (TRIAL + timedelta(days=2), 2_900, moved),
            (TRIAL + timedelta(days=3), 29_900, moved),
            (RENEWAL, 29_900, RENEWAL),
        )
    ]
    trial, period = spans(invoices, [SUBSCRIPTION], {"cus": {"userId": "user"}}, {}, PRICES, told)
    assert (["starter", "enterprise"], RENEWAL, moved) == (trial.plans, trial.end, trial.planned_end)
    assert (["enterprise"], END) == (period.plans, period.end)


def test_nothing_is_heard_between_two_jumps_that_follow_each_other() -> None:
    """Stripe renewed in the first of them; after the second, nobody here knows of it for a while."""
    first, second = Jump(TRIAL, RENEWAL), Jump(RENEWAL + timedelta(days=1), END)
    renewed = RENEWAL - timedelta(days=3)
    assert END + SOON - timedelta(days=1) == unheard_until(renewed, [first, second])
    assert RENEWAL + SOON == unheard_until(renewed, [first])
    assert unheard_until(renewed, [second]) is None


SUBSCRIPTION: Mapping[str, Any] = {
    "id": "sub",
    "customer": "cus",
    "created": int(TRIAL.timestamp()),
    "status": "active",
    "ended_at": None,
    "trial_end": int(RENEWAL.timestamp()),
}


def _state(cents: int, trial_end: datetime) -> Mapping[str, Any]:
    return {
        "items": {"data": [{"price": {"unit_amount": cents}}]},
        "trial_end": int(trial_end.timestamp()),
    }


def _invoice(created: datetime, *lines: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "customer": "cus",
        "created": int(created.timestamp()),
        "status": "paid",
        "lines": {"data": lines},
    }


def _line(
    start: datetime, end: datetime, *, cents: int, amount: int, is_proration: bool = False
) -> Mapping[str, Any]:
    details = {"subscription": "sub", "proration": is_proration}
    return {
        "amount": amount,
        "period": {"start": int(start.timestamp()), "end": int(end.timestamp())},
        "parent": {"subscription_item_details": details},
        "pricing": {"unit_amount_decimal": str(cents)},
    }
