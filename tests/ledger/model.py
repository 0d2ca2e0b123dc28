"""The rules of counting as plain Python, to compare the ledger with: no transaction, no key, no retry."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tollkeeper.rules.usage import UsageRecord


@dataclass
class Stretch:
    """A period of the model: a subscription's, or (without `subscription`) a calendar month."""

    subscription: str | None
    start: datetime
    end: datetime | None
    closed: bool = False
    used: Counter[str] = field(default_factory=Counter)

    def holds(self, instant: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.start <= instant and (self.end is None or instant < self.end)


@dataclass
class Model:
    """One user: their subscription's present bounds, their periods, and what was counted."""

    subscription: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    stops: bool = False
    stretches: list[Stretch] = field(default_factory=list)
    counted: dict[str, UsageRecord] = field(default_factory=dict)
    days: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def begin(self, subscription: str, start: datetime, end: datetime) -> None:
        """Stripe says that a subscription's period is `[start, end)`."""
        for stretch in self.stretches:
            if stretch.subscription == subscription and stretch.start < start and not stretch.closed:
                stretch.end = min(stretch.end or start, start)
        known = self._find(subscription, start)
        if known is None:
            self.stretches.append(Stretch(subscription, start, end))
        elif not known.closed:
            known.end = end
        self.subscription, self.start, self.end, self.stops = subscription, start, end, False

    def finish(self, ended_at: datetime) -> None:
        """Stripe says that the subscription has ended."""
        assert self.subscription
        assert self.start
        assert self.end
        known = self._find(self.subscription, self.start)
        if known and not known.closed:
            known.end = min(self.end, ended_at)
        for stretch in self.stretches:
            if stretch.subscription == self.subscription and stretch.end is None:
                stretch.end = stretch.start
        self.stops = True

    def close(self, until: datetime) -> None:
        """Close what has ended."""
        for stretch in self.stretches:
            if stretch.subscription and stretch.end and stretch.end <= until:
                stretch.closed = True

    def count(self, record: UsageRecord, now: datetime) -> None:
        """Count a record, once."""
        earlier = self.counted.get(record.id)
        if earlier:
            if (earlier.metric, earlier.quantity) != (record.metric, record.quantity):
                self.refused["id_conflict"] += 1
            return
        stretch = self._at(record.timestamp)
        if stretch.closed:
            stretch = self._at(now)
            if stretch.closed:
                stretch = self._month(now)
        if record.quantity < 0 and stretch.used[record.metric] + record.quantity < 0:
            self.refused["below_zero"] += 1
            return
        if stretch not in self.stretches:
            self.stretches.append(stretch)
        stretch.used[record.metric] += record.quantity
        self.counted[record.id] = record
        self.days[record.timestamp.date().isoformat(), record.facility_id or "", record.metric] += (
            record.quantity
        )

    def _at(self, instant: datetime) -> Stretch:
        holding = [each for each in self.stretches if each.subscription and each.holds(instant)]
        if holding:
            return max(holding, key=lambda each: each.start)
        if self.subscription and self.end and not self.stops and instant >= self.end:
            return Stretch(self.subscription, self.end, None)
        return self._month(instant)

    def _month(self, instant: datetime) -> Stretch:
        start = datetime(instant.year, instant.month, 1, tzinfo=UTC)
        known = self._find(None, start)
        return known or Stretch(None, start, (start + timedelta(days=31)).replace(day=1))

    def _find(self, subscription: str | None, start: datetime) -> Stretch | None:
        found = (each for each in self.stretches if each.subscription == subscription and each.start == start)
        return next(found, None)
