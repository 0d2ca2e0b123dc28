"""Meter events (docs.stripe.com/api/billing/meter-event)."""

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
