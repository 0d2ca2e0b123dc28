"""What Stripe's meters are told: each day's count, once, two hours after the day is over (DESIGN rule 18)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from tollkeeper.catalogue import Catalogue
from tollkeeper.rules.times import start_of_day
from tollkeeper.rules.users import User

IDENTIFIER_MEMORY = timedelta(hours=24)
"""How long Stripe surely knows a meter event by its identifier, and so takes it only once."""

SHOWN_AFTER = timedelta(hours=2)
"""How long after a day's end it is shown; what is counted of it later is not."""

LONGEST_RUN = timedelta(minutes=15)
"""How long after a run began it may still send: as long as Lambda lets a function run."""

DAY = timedelta(days=1)
NOON = timedelta(hours=12)
"""Where in its day a count is noted: on that date in nearly every time zone that a dashboard is in."""


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """What Stripe is told of a user, metric and day: how many units were used.

    Sent again it repeats its identifier, by which Stripe knows it.
    """

    identifier: str
    name: str
    customer_id: str
    value: int
    timestamp: datetime


def shown_at(day: date) -> datetime:
    """Return when the usage of a day (UTC) is shown: two hours after it is over."""
    return start_of_day(day) + DAY + SHOWN_AFTER


def may_be_shown(day: date, now: datetime) -> bool:
    """Whether a run that begins now may send a day's count.

    Not before its time. And not so late that what an earlier run sent, in its first moment perhaps, may be
    forgotten by Stripe before this run is over.
    """
    due = shown_at(day)
    return due <= now and now + LONGEST_RUN < due + IDENTIFIER_MEMORY


def shown_metrics(user: User, catalogue: Catalogue) -> frozenset[str]:
    """Return the metrics of which Stripe is shown a user's usage: none before they are its customer."""
    if user.customer_id is None:
        return frozenset()
    return frozenset(metric.name for metric in catalogue.mirrored_metrics)


def meter_events(
    user_id: str, customer_id: str, day: date, used: Mapping[str, int], catalogue: Catalogue, deployment: str
) -> list[MeterEvent]:
    """Return what is sent of a user's day: one event for each mirrored metric of which anything was used."""
    return [
        MeterEvent(
            _identifier(deployment, user_id, metric.name, day.isoformat()),
            metric.usage_meter_name,
            customer_id,
            used[metric.name],
            start_of_day(day) + NOON,
        )
        for metric in catalogue.mirrored_metrics
        if used.get(metric.name, 0) > 0
    ]


def _identifier(*names: str) -> str:
    """Return a text for some names that no others give, short enough for Stripe: 64 of 100 characters."""
    return sha256(json.dumps(names).encode()).hexdigest()
