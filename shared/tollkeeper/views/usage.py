"""What is shown of usage over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tollkeeper.rules.series import Granularity, Step


@dataclass(frozen=True, slots=True)
class UsageView:
    """Usage from the first to the last day, step by step, and what it comes to; of one facility or of all."""

    first: date
    last: date
    granularity: Granularity
    facility_id: str | None
    series: Sequence[Step]
    total: Mapping[str, int]
