"""The mirror: Stripe's meters are shown each day's usage, and nothing is billed by it (DESIGN rule 18).

A day is sent, then taken off the index. Who dies in between sends it again, under identifiers that Stripe
still knows, and so shows it once.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import batched
from typing import Protocol

from tollkeeper.catalogue import Catalogue
from tollkeeper.ledger.history import History
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.shown_days import DayToShow, ShownDays
from tollkeeper.ledger.users import Users
from tollkeeper.rules.metering import MeterEvent, may_be_shown, meter_events
from tollkeeper.rules.series import Span
from tollkeeper.rules.users import User
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError
from tollkeeper.stripe.port import MeterEvents
from tollkeeper.telemetry import logger

DAYS_AT_ONCE = 256
"""Days that are handed to the workers together: so many that few workers wait for the last."""

SECONDS_FOR_A_DAY = 120.0
"""Time without which none is begun: there may be a call for each metric, and Stripe may be slow."""

STRIPE_PATIENCE_SECONDS = 30.0
"""Of waiting in one call while Stripe limits calls: nobody waits for the mirror."""

MOST_SILENCES = 8
"""How often Stripe may give no answer before it is left in peace until the next run."""

type Worker = Callable[[tuple[User, list[DayToShow]]], Counter[str]]


class Several(Protocol):
    """How several users are worked on at once: `map`, or that of an executor."""

    def __call__(
        self, worker: Worker, days: Iterable[tuple[User, list[DayToShow]]], /
    ) -> Iterable[Counter[str]]:
        """Work on each."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What is shown of a day: whose customer it is, and what they used."""

    users: Users
    history: History
    catalogue: Catalogue
    deployment: str

    @property
    def meters(self) -> list[str]:
        """The names of the meters that it is shown by."""
        return [metric.usage_meter_name for metric in self.catalogue.mirrored_metrics]

    def with_users(self, days: Sequence[DayToShow]) -> Iterator[tuple[User, list[DayToShow]]]:
        """Return days by their users, whose rows are read together."""
        of_users: dict[str, list[DayToShow]] = defaultdict(list)
        for each in days:
            of_users[each.user_id].append(each)
        return ((user, of_users[user.user_id]) for user in self.users.profiles(of_users))

    def events(self, shown: DayToShow, customer_id: str) -> list[MeterEvent]:
        """Return what is sent of a day, facilities summed.

        Raises:
            UnavailableError: the ledger could not be read.
        """
        used: Counter[str] = Counter()
        for each in self.history.days(shown.user_id, Span(shown.day, shown.day)):
            for metric, units in each.used.items():
                used[metric] += units
        return meter_events(shown.user_id, customer_id, shown.day, used, self.catalogue, self.deployment)


class UsageMirror:
    """Shows what is due. Whatever a run leaves undone, the next one finds; two do no harm."""

    def __init__(
        self, days: ShownDays, mirrored: Mirrored, stripe: MeterEvents, several: Several = map
    ) -> None:
        self._days = days
        self._mirrored = mirrored
        self._stripe = stripe
        self._several = several
        self._silences = 0

    def run(self, now: datetime, patience: Patience) -> Counter[str]:
        """Show every day that is due, as long as there is time; say in numbers what became of it.

        `sent` are events, and so are `rejected` ones: Stripe refuses them, or their meter is not to be used.
        `shown` are days, and so are those `skipped`, which come too late or have no customer any more,
        `failed`, and `postponed` to the next run, like those about which there were `silences` of Stripe's.
        `unusable` are meters.
        """
        self._silences = 0
        report: Counter[str] = Counter()
        meters: frozenset[str] | None = None
        for together in batched(self._days.due(now), DAYS_AT_ONCE, strict=False):
            if self._is_over(patience):
                report.update(postponed=len(together))
                break
            if meters is None:
                try:
                    meters = self._meters(report)
                except StripeUnavailableError:
                    logger.warning("Stripe did not say which meters there are", exc_info=True)
                    return Counter(silences=1)
            of_users = list(self._mirrored.with_users(together))
            several = self._several if len(of_users) > 1 else map
            work = partial(self._show_all, now=now, meters=meters, patience=patience)
            for each in several(work, of_users):
                report.update(each)
        return report

    def _is_over(self, patience: Patience) -> bool:
        """Whether no other day is begun: time is short, or Stripe is left in peace until the next run."""
        return self._silences >= MOST_SILENCES or not patience.lasts(SECONDS_FOR_A_DAY)

    def _meters(self, report: Counter[str]) -> frozenset[str]:
        """Return the meters that may be told: those that are there, and that no price bills by."""
        wanted = self._mirrored.meters
        found = self._stripe.showing_meters(wanted)
        if unusable := [name for name in wanted if name not in found]:
            logger.error("Meters are missing, or an active price uses them", extra={"meters": unusable})
            report["unusable"] = len(unusable)
        return found

    def _show_all(
        self,
        those: tuple[User, list[DayToShow]],
        now: datetime,
        meters: frozenset[str],
        patience: Patience,
    ) -> Counter[str]:
        """Show a user's days; say what became of them."""
        user, days = those
        report: Counter[str] = Counter()
        for each in days:
            if self._is_over(patience):
                report.update(postponed=1)
                continue
            try:
                report.update(self._show(each, user.customer_id, now, meters))
            except StripeUnavailableError:
                logger.warning("Stripe took no usage", extra=_of(each), exc_info=True)
                self._silences += 1
                report.update(silences=1)
            except Exception:  # noqa: BLE001 - one user's trouble is not another's
                logger.exception("A day could not be shown", extra=_of(each))
                report.update(failed=1)
        return report

    def _show(
        self, shown: DayToShow, customer_id: str | None, now: datetime, meters: frozenset[str]
    ) -> Counter[str]:
        """Send what is to be sent of a day, and take it off."""
        if customer_id is None or not may_be_shown(shown.day, now):
            logger.warning("A day is not shown: it is too late, or has no customer", extra=_of(shown))
            report = Counter(skipped=1)
        else:
            events = self._mirrored.events(shown, customer_id)
            report = Counter("sent" if self._send(each, meters) else "rejected" for each in events)
            report["shown"] = 1
        self._days.take_off(shown)
        return report

    def _send(self, event: MeterEvent, meters: frozenset[str]) -> bool:
        """Send an event; say whether Stripe took it."""
        if event.name not in meters:
            return False
        try:
            self._stripe.send_meter_event(event)
        except StripeRefusedError:
            logger.warning("Stripe refused usage", extra={"meter": event.name}, exc_info=True)
            return False
        self._silences = 0
        return True


def _of(shown: DayToShow) -> dict[str, str]:
    return {"userId": shown.user_id, "day": shown.day.isoformat()}
