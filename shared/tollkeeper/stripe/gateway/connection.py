"""What the gateway's nouns share: the SDK's client, and the mark by which a deployment knows its own."""

import stripe
from stripe import StripeClient

from tollkeeper.catalogue import Catalogue


class Connection:
    """One deployment's access to a Stripe account.

    `deployment` marks what it creates, so that deployments sharing an account leave each other's alone.
    `livemode` is the mode of its key.
    """

    def __init__(
        self, client: StripeClient, catalogue: Catalogue, deployment: str, *, livemode: bool = False
    ) -> None:
        self._client = client
        self._catalogue = catalogue
        self._deployment = deployment
        self._livemode = livemode
        self._account_id: str | None = None
        self._portal_configuration_id: str | None = None
        self._price_ids: dict[str, str] = {}
        self._overage_prices: dict[str, stripe.Price] = {}

    def _user(self, of: stripe.Customer | stripe.Subscription) -> str | None:
        """Return the user whom this deployment noted on an object; None on one that it did not make."""
        noted = of.metadata.to_dict() if of.metadata else {}
        return noted.get("userId") if noted.get("deployment") == self._deployment else None
