"""What users are shown of themselves, and services of any user."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from tollkeeper.clock import Clock
from tollkeeper.ledger.history import History, Part, UnknownCursorError
from tollkeeper.ledger.users import Users
from tollkeeper.rules.audit import AuditEntry
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.series import MOST_DAYS, Granularity, series, span_of, total
from tollkeeper.rules.times import start_of_day
from tollkeeper.rules.usage import OLDEST, known_metric
from tollkeeper.views.metrics import Figures
from tollkeeper.views.records import RecordQuestion, RecordsView, RecordView, shown
from tollkeeper.views.subscription import SubscriptionView, overview
from tollkeeper.views.usage import UsageView


class ForeignCursorError(InvalidFieldError):
    """A cursor that was given for another list, or never."""

    def __init__(self) -> None:
        super().__init__("cursor", "does not continue this list; begin again without it")


class Reader:
    """Answers questions about one user. Whoever asks has shown that they may."""

    def __init__(self, users: Users, history: History, offer: Offer, clock: Clock) -> None:
        self._users = users
        self._history = history
        self._offer = offer
        self._clock = clock

    def subscription(self, user_id: str) -> SubscriptionView:
        """Return where a user stands in the present period."""
        now = self._clock.now()
        return overview(self._users.read(user_id, now), self._offer, now)

    def usage(
        self,
        user_id: str,
        first: date | None,
        last: date | None,
        granularity: Granularity,
        facility_id: str | None,
    ) -> UsageView:
        """Return what a user used on the days from `first` to `last`, of all facilities or of one.

        Raises:
            InvalidFieldError: the days are in the wrong order, or too many.
        """
        span = span_of(first, last, self._clock.now().date())
        if span.first > span.last:
            raise InvalidFieldError("from", f"{span.first} is after {span.last}, the last day asked for")
        if len(span) > MOST_DAYS:
            message = f"{len(span)} days are too many; ask for at most {MOST_DAYS} at once"
            raise InvalidFieldError("from", message)
        days = self._history.days(user_id, span, facility_id)
        steps = series(span, granularity, days, self._offer.catalogue.metrics)
        return UsageView(span.first, span.last, granularity, facility_id, steps, total(steps))

    def records(
        self,
        user_id: str,
        period: datetime | None,
        billing_month: str | None,
        metric: str | None,
        cursor: str | None,
    ) -> RecordsView:
        """Return some of the records counted in a period, or stamped in a month, of one metric or of all.

        Raises:
            InvalidFieldError: neither or both are given.
            UnknownMetricError: the catalogue has no such metric.
            ForeignCursorError: the cursor was not given for this list.
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
                    raise InvalidFieldError("period", "give either period or billingMonth, and only one")
        except UnknownCursorError as error:
            raise ForeignCursorError from error
        return RecordsView([shown(each) for each in part.entries], part.cursor)

    def precise(self, user_id: str, question: RecordQuestion) -> RecordQuestion:
        """Return a question with the present period, if it names neither a period nor days."""
        if question.span is not None or question.period is not None:
            return question
        return replace(question, period=self.subscription(user_id).current_period_start)

    def asked_for(self, user_id: str, question: RecordQuestion, cursor: str | None) -> RecordsView:
        """Return some of the records that a question asks for, or none of them and where they go on.

        Days are read month by month, the newest first. Late records are among theirs, in whichever period
        each was counted, as they are in the days' sums.

        Raises:
            UnknownMetricError: the catalogue has no such metric.
            ForeignCursorError: the cursor was not given for this list.
        """
        if question.span is None:
            return self.records(user_id, question.period, None, question.metric, cursor)
        months = sorted({f"{day:%Y-%m}" for day in question.span}, reverse=True)
        month, _, inner = (cursor or f"{months[0]}.").partition(".")
        if month not in months:
            raise ForeignCursorError
        found = self.records(user_id, None, month, question.metric, inner or None)
        older = months[months.index(month) + 1 :]
        following = f"{month}.{found.cursor}" if found.cursor else f"{older[0]}." if older else None
        return RecordsView([each for each in found.records if _is_of(each, question)], following)

    def figures(self, user_id: str, question: RecordQuestion) -> Figures:
        """Return whether what a precise question's records come to may still change.

        Of a period it may until that is closed; of days also as long as late usage of theirs is taken.
        """
        periods, span = self._users.history(user_id).periods, question.span
        if span is None:
            asked_for = [each for each in periods if each.start == question.period]
        else:
            first, end = start_of_day(span.first), start_of_day(span.last + timedelta(1))
            if self._clock.now() <= end + OLDEST:
                return Figures.PROVISIONAL
            asked_for = [
                each for each in periods if each.start < end and (each.end is None or first < each.end)
            ]
        is_over = asked_for and all(each.closed_at or each.is_void for each in asked_for)
        return Figures.FINAL if is_over else Figures.PROVISIONAL

    def audit(self, user_id: str, cursor: str | None) -> Part[AuditEntry]:
        """Return some of what was changed of a user, the newest first.

        Raises:
            ForeignCursorError: the cursor was not given for this user's trail.
        """
        try:
            return self._history.audit(user_id, cursor)
        except UnknownCursorError as error:
            raise ForeignCursorError from error


def _is_of(record: RecordView, question: RecordQuestion) -> bool:
    span, facility_id = question.span, question.facility_id
    if span is None or record.timestamp is None or not span.first <= record.timestamp.date() <= span.last:
        return False
    return facility_id is None or facility_id == (record.facility_id or "")
