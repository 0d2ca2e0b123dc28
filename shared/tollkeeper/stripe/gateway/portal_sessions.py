"""Stripe's portal for customers (docs.stripe.com/api/customer_portal/sessions)."""

from typing import TYPE_CHECKING

import stripe

from tollkeeper.stripe.customer_port import PORTAL_MARK, PortalFlow
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import translated

if TYPE_CHECKING:
    from stripe.params.billing_portal import SessionCreateParams


class PortalSessionsGateway(Connection):
    """The port's PortalSessions."""

    def create_portal_session(self, customer_id: str, return_url: str, flow: PortalFlow | None) -> str:
        """Create a session under the configuration that the catalogue command keeps."""
        try:
            return self._open(customer_id, return_url, flow)
        except StripeRefusedError:
            self._portal_configuration_id = None  # perhaps it is in force no more
            return self._open(customer_id, return_url, flow)

    def _open(self, customer_id: str, return_url: str, flow: PortalFlow | None) -> str:
        asked: SessionCreateParams = {
            "customer": customer_id,
            "configuration": self._portal_configuration(),
            "return_url": return_url,
        }
        if flow:
            asked["flow_data"] = {
                "type": flow.value,
                "after_completion": {"type": "redirect", "redirect": {"return_url": return_url}},
            }
        with translated():
            return self._client.v1.billing_portal.sessions.create(asked).url

    def _portal_configuration(self) -> str:
        """Return the id of the oldest active configuration with our mark, asked once in a function's life."""
        if self._portal_configuration_id is None:
            with translated():
                found = self._client.v1.billing_portal.configurations.list({"active": True, "limit": 100})
                marked = [each for each in found.auto_paging_iter() if _is_ours(each)]
            if not marked:
                raise StripeRefusedError(
                    "Stripe has no active configuration of the portal; run: make stripe-apply"
                )
            self._portal_configuration_id = min(marked, key=lambda each: (each.created, each.id)).id
        return self._portal_configuration_id


def _is_ours(configuration: stripe.billing_portal.Configuration) -> bool:
    noted = configuration.metadata.to_dict() if configuration.metadata else {}
    key, value = PORTAL_MARK
    return noted.get(key) == value
