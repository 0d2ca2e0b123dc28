"""Usage by day or by month."""

from datetime import date
from typing import Annotated

from pydantic import Field

from tollkeeper.api.bodies.model import Body
from tollkeeper.rules.series import Granularity


class UsageStepOut(Body):
    """What was used of every metric from one day of a series until the next step, or its end."""

    start: date
    usage: dict[str, int]


class UsageOut(Body):
    """Usage by day or by month (UTC), every one of the range and every metric in it, and what it comes to."""

    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    granularity: Granularity
    facility_id: str | None
    series: list[UsageStepOut]
    total: dict[str, int]
