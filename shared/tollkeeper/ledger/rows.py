"""Rows of the table as values of the rules, and back. No key is made here, and nothing is sent."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tollkeeper.ledger import decision_rows, keys
from tollkeeper.ledger.table import Cells, Key, Row, Value
from tollkeeper.rules.periods import Period, Stretch, Terms
from tollkeeper.rules.subscriptions import Card, Cause, PaymentMethod, Status, Subscription
from tollkeeper.rules.times import iso, parse_iso
from tollkeeper.rules.users import User

VERSION = "v"
FORM = 2
"""In which form rows of users, periods and bills are written; `forms` says what changed with each."""

USED = "used_"
INCURRED = "incurred_"
BEYOND = "beyond_"


def terms_text(terms: Terms) -> str:
    """Write a period's terms as one attribute, so that one condition can say that they are still the same."""
    told = {
        VERSION: FORM,
        "plan": terms.plan,
        "limits": terms.limited,
        "prices": {metric: str(price) for metric, price in terms.prices.items()},
        "billed": terms.billed,
        "observed": sorted(terms.observed),
    }
    return json.dumps({name: each for name, each in told.items() if each}, separators=(",", ":"))


def terms(text: str) -> Terms:
    """Read what `terms_text` wrote in any release: what an older one did not know, it did not have."""
    values = json.loads(text)
    prices = {metric: Decimal(price) for metric, price in values.get("prices", {}).items()}
    observed = frozenset(values.get("observed", ()))
    return Terms(values["plan"], values.get("limits", {}), prices, values.get("billed", False), observed)


def period(row: Row) -> Period:
    """Read a period's row: its key says when it starts, and of which subscription it is."""
    start, subscription_id = keys.read_period_key(Key(str(row["pk"]), str(row["sk"])))
    return Period(
        start=start,
        end=instant(row, "periodEnd"),
        subscription_id=subscription_id,
        terms=terms(str(row["terms"])),
        used=used(row),
        incurred=dict(_prefixed(row, INCURRED)),
        spending_cap=int(row["spendingCap"]) if "spendingCap" in row else None,
        beyond=dict(_prefixed(row, BEYOND)),
        closed_at=instant(row, "closedAt"),
        is_void="void" in row,
        pinned=str(row["terms"]),
        digest=text(row, "digest"),
    )


@dataclass(frozen=True, slots=True)
class PeriodRows:
    """A user's periods and their rows as they were read, the newest first."""

    read: Sequence[Row]
    periods: tuple[Period, ...]


def period_bounds(of: Period) -> Cells:
    """Return a period's row as it begins, without its key and its counters."""
    return {
        "periodEnd": of.end,
        "terms": terms_text(of.terms),
        "spendingCap": of.spending_cap,
    }


def timeline_text(timeline: Sequence[Stretch]) -> str:
    """Write a user's timeline as one attribute."""
    told = [[iso(each.start), iso(each.end), each.subscription_id] for each in timeline]
    return json.dumps(told, separators=(",", ":"))


def timeline(text: str) -> tuple[Stretch, ...]:
    """Read what `timeline_text` wrote."""
    return tuple(
        Stretch(parse_iso(start), parse_iso(end), subscription_id)
        for start, end, subscription_id in json.loads(text)
    )


def subscription_cells(of: Subscription) -> Cells:
    """Return the part of a user's row that says what Stripe said of their subscription."""
    method = of.payment_method
    card = method.card if method else None
    return {
        "stripeCustomerId": of.customer_id,
        "stripeSubscriptionId": of.id,
        "subscriptionTier": of.plan,
        "pendingPlan": of.pending_plan,
        "subscriptionStatus": of.status.value,
        "subscriptionCreatedAt": of.created,
        "subscriptionPeriodStart": of.period_start,
        "subscriptionPeriodEnd": of.period_end,
        "trialEndsAt": of.trial_end,
        "cancelAt": of.cancel_at,
        "endedAt": of.ended_at,
        "pastDueSince": of.past_due_since,
        "canceledFor": of.canceled_for.value if of.canceled_for else None,
        "paymentMethodType": method.type if method else None,
        "cardBrand": card.brand if card else None,
        "cardLast4": card.last4 if card else None,
        "cardExpMonth": card.exp_month if card else None,
        "cardExpYear": card.exp_year if card else None,
    }


def user(user_id: str, profile: Row | None, periods: tuple[Period, ...]) -> User:
    """Read a user's row, which may not exist, beside the periods found with it."""
    row = profile or {}
    return User(
        user_id=user_id,
        rev=int(row.get("rev", 0)),
        customer_id=text(row, "stripeCustomerId"),
        subscription=_subscription(row) if "stripeSubscriptionId" in row else None,
        trial_used=bool(row.get("trialUsed", False)),
        spending_cap=int(row["spendingCap"]) if "spendingCap" in row else None,
        timeline=timeline(str(row["timeline"])) if "timeline" in row else (),
        decision=decision_rows.decision(row),
        periods=periods,
        asked_at=instant(row, "askedAt"),
    )


def _subscription(row: Mapping[str, Value]) -> Subscription:
    return Subscription(
        id=str(row["stripeSubscriptionId"]),
        customer_id=str(row["stripeCustomerId"]),
        plan=str(row["subscriptionTier"]),
        pending_plan=text(row, "pendingPlan"),
        status=Status(str(row["subscriptionStatus"])),
        created=parse_iso(str(row["subscriptionCreatedAt"])),
        period_start=parse_iso(str(row["subscriptionPeriodStart"])),
        period_end=parse_iso(str(row["subscriptionPeriodEnd"])),
        trial_end=instant(row, "trialEndsAt"),
        cancel_at=instant(row, "cancelAt"),
        ended_at=instant(row, "endedAt"),
        past_due_since=instant(row, "pastDueSince"),
        canceled_for=Cause(str(row["canceledFor"])) if "canceledFor" in row else None,
        payment_method=_payment_method(row) if "paymentMethodType" in row else None,
    )


def _payment_method(row: Mapping[str, Value]) -> PaymentMethod:
    return PaymentMethod(str(row["paymentMethodType"]), _card(row) if "cardLast4" in row else None)


def _card(row: Mapping[str, Value]) -> Card:
    return Card(
        brand=str(row["cardBrand"]),
        last4=str(row["cardLast4"]),
        exp_month=int(row["cardExpMonth"]),
        exp_year=int(row["cardExpYear"]),
    )


def used(row: Row) -> dict[str, int]:
    """Read what the row of a day or a period has counted, by metric."""
    return dict(_prefixed(row, USED))


def text(row: Mapping[str, Value], name: str) -> str | None:
    """Read an attribute that may be absent."""
    value = row.get(name)
    return None if value is None else str(value)


def instant(row: Mapping[str, Value], name: str) -> datetime | None:
    """Read an instant that may be absent."""
    value = row.get(name)
    return None if value is None else parse_iso(str(value))


def _prefixed(row: Mapping[str, Value], prefix: str) -> Iterator[tuple[str, int]]:
    return ((name.removeprefix(prefix), int(value)) for name, value in row.items() if name.startswith(prefix))
