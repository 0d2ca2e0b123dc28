"""Events (docs.stripe.com/api/events, docs.stripe.com/api/v2/core/events)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import merge
from itertools import batched
from typing import TYPE_CHECKING, Any

from tollkeeper.rules.times import epoch
from tollkeeper.stripe.event_types import EventType
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import translated
from tollkeeper.stripe.port import MeterRejection

if TYPE_CHECKING:
    from stripe.params import EventListParams

MOST_TYPES = 20
"""By how many types events can be listed at once."""


class EventsGateway(Connection):
    """The port's Events."""

    def undelivered_events(
        self, since: datetime, types: Sequence[EventType], until: datetime | None = None
    ) -> Iterator[StripeEvent]:
        """List the events that some destination has not taken, page by page; several lists as one."""
        lists = [
            self._events({"delivery_success": False, "types": list(some)}, since, until)
            for some in batched(types, MOST_TYPES, strict=False)
        ]
        return merge(*lists, key=lambda event: event.at, reverse=True)

    def endings(self, since: datetime, until: datetime | None = None) -> Iterator[StripeEvent]:
        """List the events of one type, page by page."""
        return self._events({"type": EventType.CUSTOMER_SUBSCRIPTION_DELETED}, since, until)

    def rejections(self, event_id: str) -> list[MeterRejection]:
        """Retrieve the whole of a thin event."""
        with translated():
            data: Any = self._client.v2.core.events.retrieve(event_id).to_dict().get("data", {})
        return [
            MeterRejection(
                kind["code"], kind["error_count"], [_sample(each) for each in kind["sample_errors"]]
            )
            for kind in data.get("reason", {}).get("error_types", [])
        ]

    def _events(
        self, which: "EventListParams", since: datetime, until: datetime | None
    ) -> Iterator[StripeEvent]:
        """Return events as Stripe lists them: the newest first."""
        which = {**which, "created": {"gte": epoch(since)}, "limit": 100}
        if until is not None:
            which["created"] = {"gte": epoch(since), "lte": epoch(until)}
        with translated():
            for each in self._client.v1.events.list(which).auto_paging_iter():
                yield StripeEvent.of(each.to_dict())


def _sample(error: Any) -> str:  # noqa: ANN401 - a part of Stripe's JSON
    return f"{error['request']['identifier']}: {error['error_message']}"
