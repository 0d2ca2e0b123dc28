"""Events (docs.stripe.com/api/events, docs.stripe.com/api/v2/core/events)."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tollkeeper.rules.times import epoch
from tollkeeper.stripe.event_types import EventType
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import translated
from tollkeeper.stripe.port import MeterRejection

if TYPE_CHECKING:
    from stripe.params import EventListParams


class EventsGateway(Connection):
    """The port's Events."""

    def undelivered_events(self, since: datetime, types: Sequence[EventType]) -> list[StripeEvent]:
        """List the events that some destination has not taken."""
        return self._events({"delivery_success": False, "types": [*types], "created": {"gte": epoch(since)}})

    def endings(self, since: datetime) -> list[StripeEvent]:
        """List the events of one type."""
        ending = EventType.CUSTOMER_SUBSCRIPTION_DELETED
        return self._events({"type": ending, "created": {"gte": epoch(since)}})

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

    def _events(self, which: "EventListParams") -> list[StripeEvent]:
        """Return events oldest first, where Stripe lists the newest first."""
        with translated():
            found = self._client.v1.events.list({**which, "limit": 100})
            return [StripeEvent.of(each.to_dict()) for each in found.auto_paging_iter()][::-1]


def _sample(error: Any) -> str:  # noqa: ANN401 - a part of Stripe's JSON
    return f"{error['request']['identifier']}: {error['error_message']}"
