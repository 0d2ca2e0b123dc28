"""Meters and their events (docs.stripe.com/api/billing/meter, …/meter-event)."""

from collections.abc import Collection

import stripe

from tollkeeper.rules.metering import MeterEvent
from tollkeeper.rules.times import epoch
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import translated


class MeterEventsGateway(Connection):
    """The port's MeterEvents."""

    def send_meter_event(self, event: MeterEvent) -> None:
        """Create a meter event; Stripe refuses an identifier that it remembers."""
        with translated():
            try:
                self._client.v1.billing.meter_events.create(
                    {
                        "event_name": event.name,
                        "identifier": event.identifier,
                        "payload": {"stripe_customer_id": event.customer_id, "value": str(event.value)},
                        "timestamp": epoch(event.timestamp),
                    }
                )
            except stripe.InvalidRequestError as error:
                if "already exists with identifier" not in str(error):
                    raise

    def showing_meters(self, names: Collection[str]) -> frozenset[str]:
        """Return those of some meters that are active and used by no active price: a call for each."""
        with translated():
            meters = self._client.v1.billing.meters.list({"status": "active", "limit": 100})
            ids = {each.event_name: each.id for each in meters.auto_paging_iter() if each.event_name in names}
            return frozenset(name for name, meter in ids.items() if not self._is_billed_by(meter))

    def _is_billed_by(self, meter_id: str) -> bool:
        using = self._client.v1.prices.list({"active": True, "recurring": {"meter": meter_id}, "limit": 1})
        return bool(using.data)
