"""Rows of the table as values of the rules, and back. No key is made here, and nothing is sent."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tollkeeper.ledger.table import Cells, Row, Value
from tollkeeper.rules.announcements import Announcement, Kind
from tollkeeper.rules.audit import Action, AuditEntry
from tollkeeper.rules.metering import MeterEvent
from tollkeeper.rules.periods import Period, Terms
from tollkeeper.rules.subscriptions import Card, Cause, Status, Subscription
from tollkeeper.rules.times import epoch, parse_iso
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.rules.users import User

RECORD_LIFETIME = timedelta(days=400)
"""How long a record's id is remembered at least."""

ANNOUNCEMENT_LIFETIME = timedelta(days=30)
"""How long an announcement made again is known to have been made: longer than Stripe repeats an event."""

USED = "used_"
INCURRED = "incurred_"


@dataclass(frozen=True, slots=True)
class PageLine:
    """One record as a page lists it."""

    id: str
    metric: str
    quantity: int
    billing_month: str


@dataclass(frozen=True, slots=True)
class CountedRecord:
    """A usage record, and how it was counted.

    `late` says that its own period was closed when it came, `unbilled` that it could not be charged for any
    more, `dropped` that it is shown but counts in no period. `released` is how much of it was taken back
    and does not count.
    """

    record: UsageRecord
    late: bool
    unbilled: bool
    dropped: bool
    released: int


def terms_text(terms: Terms) -> str:
    """Write a period's terms as one attribute, so that one condition can say that they are still the same."""
    return json.dumps(
        {
            "plan": terms.plan,
            "limits": dict(terms.limits),
            "prices": {metric: str(price) for metric, price in terms.prices.items()},
            "billed": terms.billed,
            "observed": sorted(terms.observed),
        },
        separators=(",", ":"),
    )


def terms(text: str) -> Terms:
    """Read what `terms_text` wrote."""
    values = json.loads(text)
    prices = {metric: Decimal(price) for metric, price in values["prices"].items()}
    return Terms(values["plan"], values["limits"], prices, values["billed"], frozenset(values["observed"]))


def period(row: Row) -> Period:
    """Read a period's row."""
    return Period(
        start=parse_iso(str(row["periodStart"])),
        end=_instant(row, "periodEnd"),
        subscription_id=_text(row, "subscriptionId"),
        terms=terms(str(row["terms"])),
        used=used(row),
        incurred=dict(_prefixed(row, INCURRED)),
        closed_at=_instant(row, "closedAt"),
    )


def period_bounds(user_id: str, of: Period) -> Cells:
    """Return a period's row without its counters."""
    return {
        "userId": user_id,
        "periodStart": of.start,
        "periodEnd": of.end,
        "subscriptionId": of.subscription_id,
        "terms": terms_text(of.terms),
    }


def subscription_cells(of: Subscription) -> Cells:
    """Return the part of a user's row that says what Stripe said of their subscription."""
    return {
        "stripeCustomerId": of.customer_id,
        "stripeSubscriptionId": of.id,
        "subscriptionTier": of.plan,
        "subscriptionStatus": of.status.value,
        "subscriptionCreatedAt": of.created,
        "subscriptionPeriodStart": of.period_start,
        "subscriptionPeriodEnd": of.period_end,
        "trialEndsAt": of.trial_end,
        "cancelAt": of.cancel_at,
        "endedAt": of.ended_at,
        "pastDueSince": of.past_due_since,
        "canceledFor": of.canceled_for.value if of.canceled_for else None,
        "cardBrand": of.card.brand if of.card else None,
        "cardLast4": of.card.last4 if of.card else None,
        "cardExpMonth": of.card.exp_month if of.card else None,
        "cardExpYear": of.card.exp_year if of.card else None,
    }


def user(user_id: str, profile: Row | None, periods: tuple[Period, ...]) -> User:
    """Read a user's row, which may not exist, beside the periods found with it."""
    row = profile or {}
    return User(
        user_id=user_id,
        rev=int(row.get("rev", 0)),
        customer_id=_text(row, "stripeCustomerId"),
        subscription=_subscription(row) if "stripeSubscriptionId" in row else None,
        trial_used=bool(row.get("trialUsed", False)),
        spending_cap=int(row["spendingCap"]) if "spendingCap" in row else None,
        periods=periods,
    )


def _subscription(row: Mapping[str, Value]) -> Subscription:
    return Subscription(
        id=str(row["stripeSubscriptionId"]),
        customer_id=str(row["stripeCustomerId"]),
        plan=str(row["subscriptionTier"]),
        status=Status(str(row["subscriptionStatus"])),
        created=parse_iso(str(row["subscriptionCreatedAt"])),
        period_start=parse_iso(str(row["subscriptionPeriodStart"])),
        period_end=parse_iso(str(row["subscriptionPeriodEnd"])),
        trial_end=_instant(row, "trialEndsAt"),
        cancel_at=_instant(row, "cancelAt"),
        ended_at=_instant(row, "endedAt"),
        past_due_since=_instant(row, "pastDueSince"),
        canceled_for=Cause(str(row["canceledFor"])) if "canceledFor" in row else None,
        card=_card(row) if "cardLast4" in row else None,
    )


def _card(row: Mapping[str, Value]) -> Card:
    return Card(
        brand=str(row["cardBrand"]),
        last4=str(row["cardLast4"]),
        exp_month=int(row["cardExpMonth"]),
        exp_year=int(row["cardExpYear"]),
    )


def audit_entry(of: AuditEntry) -> Cells:
    """Return an audit entry's row, without its key."""
    return {
        "userId": of.user_id,
        "at": of.at,
        "actor": of.actor,
        "action": of.action.value,
        "entityType": of.entity_type,
        "entityId": of.entity_id,
        "details": json.dumps(of.details),
        "eventId": of.event_id,
    }


def read_audit_entry(row: Row) -> AuditEntry:
    """Read an audit entry's row."""
    return AuditEntry(
        user_id=str(row["userId"]),
        at=parse_iso(str(row["at"])),
        actor=str(row["actor"]),
        action=Action(str(row["action"])),
        entity_type=str(row["entityType"]),
        entity_id=str(row["entityId"]),
        details=json.loads(str(row["details"])),
        event_id=_text(row, "eventId"),
    )


def announcement(of: Announcement) -> Cells:
    """Return an announcement's row, without its key."""
    return {
        "userId": of.user_id,
        "id": of.id,
        "kind": of.kind.value,
        "at": of.at,
        "detail": json.dumps(of.detail, separators=(",", ":")),
        "expiresAt": epoch(of.at + ANNOUNCEMENT_LIFETIME),
    }


def read_announcement(row: Row) -> Announcement:
    """Read an announcement's row."""
    return Announcement(
        id=str(row["id"]),
        kind=Kind(str(row["kind"])),
        user_id=str(row["userId"]),
        at=parse_iso(str(row["at"])),
        detail=json.loads(str(row["detail"])),
    )


def used(row: Row) -> dict[str, int]:
    """Read what the row of a day or a period has counted, by metric."""
    return dict(_prefixed(row, USED))


def record_cells(of: UsageRecord, period_id: str, *, late: bool, unbilled: bool, dropped: bool) -> Cells:
    """Return a usage record's row, without its key, in the period that counted it."""
    return {
        "userId": of.user_id,
        "id": of.id,
        "eventType": of.metric,
        "quantity": of.quantity,
        "timestamp": of.timestamp,
        "acceptedAt": of.accepted_at,
        "billingMonth": of.billing_month,
        "facilityId": of.facility_id,
        "eventData": of.event_data,
        "reason": of.reason,
        "actor": of.actor,
        "period": period_id,
        "late": late or None,
        "unbilled": unbilled or None,
        "dropped": dropped or None,
        "expiresAt": epoch(of.accepted_at + RECORD_LIFETIME),
    }


def page(records: Sequence[UsageRecord]) -> Cells:
    """Return the list of the records that one transaction counted: ids and quantities by metric."""
    listed: dict[str, dict[str, int]] = {}
    for of in records:
        listed.setdefault(of.metric, {})[of.id] = of.quantity
    return {
        "billingMonth": records[0].billing_month,
        "records": json.dumps(listed, separators=(",", ":"), ensure_ascii=False),
    }


def lines(row: Row) -> Iterator[PageLine]:
    """Read what a page lists."""
    listed: dict[str, dict[str, int]] = json.loads(str(row["records"]))
    return (
        PageLine(record_id, metric, quantity, str(row["billingMonth"]))
        for metric, those in listed.items()
        for record_id, quantity in those.items()
    )


def counted_record(row: Row) -> CountedRecord:
    """Read a usage record's row with how it was counted."""
    return CountedRecord(
        record(row),
        late="late" in row,
        unbilled="unbilled" in row,
        dropped="dropped" in row,
        released=int(row.get("released", 0)),
    )


def record(row: Row) -> UsageRecord:
    """Read a usage record's row."""
    return UsageRecord(
        id=str(row["id"]),
        user_id=str(row["userId"]),
        metric=str(row["eventType"]),
        quantity=int(row["quantity"]),
        timestamp=parse_iso(str(row["timestamp"])),
        accepted_at=parse_iso(str(row["acceptedAt"])),
        facility_id=_text(row, "facilityId"),
        event_data=_text(row, "eventData"),
        reason=_text(row, "reason"),
        actor=_text(row, "actor"),
    )


def meter_event_cells(of: MeterEvent) -> Cells:
    """Return a meter event as the outbox keeps it."""
    return {
        "identifier": of.identifier,
        "eventName": of.name,
        "stripeCustomerId": of.customer_id,
        "value": of.value,
        "timestamp": of.timestamp,
    }


def meter_event(row: Row) -> MeterEvent:
    """Read a meter event from the outbox."""
    return MeterEvent(
        identifier=str(row["identifier"]),
        name=str(row["eventName"]),
        customer_id=str(row["stripeCustomerId"]),
        value=int(row["value"]),
        timestamp=parse_iso(str(row["timestamp"])),
    )


def _text(row: Mapping[str, Value], name: str) -> str | None:
    value = row.get(name)
    return None if value is None else str(value)


def _instant(row: Mapping[str, Value], name: str) -> datetime | None:
    value = row.get(name)
    return None if value is None else parse_iso(str(value))


def _prefixed(row: Mapping[str, Value], prefix: str) -> Iterator[tuple[str, int]]:
    return ((name.removeprefix(prefix), int(value)) for name, value in row.items() if name.startswith(prefix))
