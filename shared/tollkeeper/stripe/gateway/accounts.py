"""The account (docs.stripe.com/api/accounts), as far as it tells ours from others'."""

from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import translated


class AccountsGateway(Connection):
    """The port's Accounts."""

    def is_of_this_account(self, event: StripeEvent) -> bool:
        """Compare the mode with the key's, and an account that is named with the key's own.

        Most events name none: Stripe says it of connected accounts, and to an organisation's destinations.
        """
        if event.livemode not in {None, self._livemode}:
            return False
        if event.account_id is None:
            return True
        if self._account_id is None:
            with translated():
                self._account_id = self._client.v1.accounts.retrieve_current().id
        return event.account_id == self._account_id
