"""What users are shown of themselves, and services of any user."""

import json
from datetime import date, datetime

from tollkeeper.api.models import (
    AuditEntryOut,
    AuditTrailOut,
    SubscriptionOut,
    UsageOut,
    UsageRecordOut,
    UsageRecordsOut,
    UsageStepOut,
)
from tollkeeper.clock import Clock
from tollkeeper.ledger.history import History, ListedRecord, UnknownCursorError
from tollkeeper.ledger.users import Users
from tollkeeper.rules.audit import AuditEntry
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.series import MOST_DAYS, Granularity, series, span_of, total
from tollkeeper.rules.usage import known_metric
from tollkeeper.views.subscription import overview


class Reader:
    """Answers questions about one user. Whoever asks has shown that they may."""

    def __init__(self, users: Users, history: History, offer: Offer, clock: Clock) -> None:
        self._accounts = users
        self._history = history
        self._offer = offer
        self._clock = clock

    def subscription(self, user_id: str) -> SubscriptionOut:
        """Return where a user stands in the present period."""
        now = self._clock.now()
        return overview(self._accounts.read(user_id, since=now), self._offer.catalogue, self._offer, now)

    def usage(
        self,
        user_id: str,
        first: date | None,
        last: date | None,
        granularity: Granularity,
        facility_id: str | None,
    ) -> UsageOut:
        """Return what a user used on the days from `first` to `last`, of all facilities or of one.

        Raises:
            InvalidFieldError: the days are in the wrong order, or too many.
        """
        span = span_of(first, last, self._clock.now().date())
        if span.first > span.last:
            raise InvalidFieldError("from", f"{span.first} is after {span.last}, the last day asked for")
        if len(span) > MOST_DAYS:
            raise InvalidFieldError(
                "from", f"{len(span)} days are too many; ask for at most {MOST_DAYS} at once"
            )
        days = self._history.days(user_id, span, facility_id)
        steps = series(span, granularity, days, self._offer.catalogue.metrics)
        return UsageOut(
            first=span.first,
            last=span.last,
            granularity=granularity,
            facility_id=facility_id,
            series=[UsageStepOut(start=step.start, usage=dict(step.usage)) for step in steps],
            total=total(steps),
        )

    def records(
        self,
        user_id: str,
        period: datetime | None,
        billing_month: str | None,
        metric: str | None,
        cursor: str | None,
    ) -> UsageRecordsOut:
        """Return some of the records counted in a period, or stamped in a month, of one metric or of all.

        Raises:
            InvalidFieldError: neither or both are said, the metric is unknown, or the cursor is not ours.
        """
        if metric is not None:
            known_metric(metric, self._offer.catalogue.metrics)
        try:
            match period, billing_month:
                case datetime(), None:
                    part = self._history.of_period(user_id, period, metric, cursor)
                case None, str():
                    part = self._history.of_month(user_id, billing_month, metric, cursor)
                case _:
                    raise InvalidFieldError("period", "give either period or billingMonth, not both")
        except UnknownCursorError as error:
            raise _unknown_cursor() from error
        return UsageRecordsOut(records=[_record(each) for each in part.entries], cursor=part.cursor)

    def audit(self, user_id: str, cursor: str | None) -> AuditTrailOut:
        """Return some of what was changed of a user, the newest first.

        Raises:
            InvalidFieldError: the cursor is not ours.
        """
        try:
            part = self._history.audit(user_id, cursor)
        except UnknownCursorError as error:
            raise _unknown_cursor() from error
        return AuditTrailOut(entries=[_entry(each) for each in part.entries], cursor=part.cursor)


def _unknown_cursor() -> InvalidFieldError:
    message = "does not belong to these parameters; begin again without it, or with the parameters it came of"
    return InvalidFieldError("cursor", message)


def _record(of: ListedRecord) -> UsageRecordOut:
    line = of.line
    if of.counted is None:
        return UsageRecordOut(
            id=line.id, event_type=line.metric, quantity=line.quantity, billing_month=line.billing_month
        )
    record = of.counted.record
    return UsageRecordOut(
        id=record.id,
        event_type=record.metric,
        quantity=record.quantity,
        billing_month=record.billing_month,
        timestamp=record.timestamp,
        facility_id=record.facility_id,
        event_data=None if record.event_data is None else json.loads(record.event_data),
        late=of.counted.late,
        unbilled=of.counted.unbilled,
        dropped=of.counted.dropped,
        released=of.counted.released,
        accepted_at=record.accepted_at,
        reason=record.reason,
        actor=record.actor,
    )


def _entry(of: AuditEntry) -> AuditEntryOut:
    return AuditEntryOut(
        at=of.at,
        actor=of.actor,
        action=of.action,
        entity_type=of.entity_type,
        entity_id=of.entity_id,
        details=of.details,
        event_id=of.event_id,
    )
