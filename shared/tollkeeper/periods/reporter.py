"""How a period ends: closed as it stands, its overage frozen, and Stripe told (DESIGN rules 11 and 12)."""

from dataclasses import dataclass
from datetime import datetime

from tollkeeper.ledger.closing import Closing, EndedPeriod, PeriodMovedError
from tollkeeper.ledger.users import Users
from tollkeeper.periods.settling import Settling
from tollkeeper.rules.metering import IDENTIFIER_MEMORY, meter_events
from tollkeeper.rules.settling import SETTLING, Settled
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError
from tollkeeper.stripe.port import MeterEvents
from tollkeeper.telemetry import logger

MOST_ATTEMPTS = 8


@dataclass(slots=True)
class Report:
    """What one run did, in numbers of periods and of meter events.

    `unsettled` periods were closed although usage of theirs may still be on the queue; `settling` ones wait.
    """

    closed: int = 0
    settling: int = 0
    unsettled: int = 0
    sent: int = 0
    waiting: int = 0
    failed: int = 0


class Reporter:
    """Closes what has ended and empties the outbox. Whatever a run leaves undone, the next one finds."""

    def __init__(
        self,
        users: Users,
        closing: Closing,
        stripe: MeterEvents,
        settling: Settling,
        deployment: str,
    ) -> None:
        self._users = users
        self._closing = closing
        self._stripe = stripe
        self._settling = settling
        self._deployment = deployment

    def run(self, now: datetime) -> Report:
        """Close the periods that ended long enough ago for their usage to have arrived, then tell Stripe."""
        report = Report()
        ended_by_now = list(self._closing.ended(until=now - SETTLING))
        settled = self._settling.ends(now) if ended_by_now else None
        for ended in ended_by_now:
            try:
                if settled:
                    self._close(ended, settled, report)
            except Exception:  # noqa: BLE001 - one user's trouble is not another's, and the alarm rings
                logger.exception("A period could not be closed", extra={"userId": ended.user_id})
                report.failed += 1
        for unsent in self._closing.unsent(until=now):
            if now - unsent.frozen_at >= IDENTIFIER_MEMORY:
                # Stripe may have forgotten a first sending by now: another could be billed twice.
                logger.error(
                    "A meter event is too old to send blindly", extra={"identifier": unsent.event.identifier}
                )
                report.waiting += 1
                continue
            try:
                self._stripe.send_meter_event(unsent.event)
            except (StripeRefusedError, StripeUnavailableError):
                logger.exception("A meter event was not taken", extra={"identifier": unsent.event.identifier})
                report.waiting += 1
                continue
            self._closing.note_sent(unsent, now)
            report.sent += 1
        return report

    def _close(self, ended: EndedPeriod, settled: Settled, report: Report) -> None:
        for _ in range(MOST_ATTEMPTS):
            user = self._users.with_period(ended.user_id, ended.period_id)
            period = next(iter(user.periods), None)
            if period is None or period.end is None or not period.is_open or user.customer_id is None:
                return
            if period.end > settled.at - SETTLING:
                return  # Stripe has said a later end since the index was read, which lags behind the table
            has_settled = settled.has(period.end)
            if not has_settled and not settled.is_given_up(period.end):
                report.settling += 1
                return
            events = meter_events(self._deployment, user, period)
            try:
                self._closing.close(ended.user_id, period, events, settled.at)
            except PeriodMovedError:
                continue
            report.closed += 1
            report.unsettled += not has_settled
            return
        logger.warning(
            "A period is still being counted in; it is closed later", extra={"userId": ended.user_id}
        )
