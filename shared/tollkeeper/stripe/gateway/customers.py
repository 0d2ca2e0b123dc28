"""Customers (docs.stripe.com/api/customers)."""

from hashlib import sha256

import stripe

from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import is_replayed, translated

MOST_KEYS = 8


class CustomersGateway(Connection):
    """The port's Customers."""

    def create_customer(self, user_id: str, replacing: str | None = None) -> str:
        """Create a customer under an idempotency key that the user decides.

        Stripe repeats its first answer to a key for a day, even a 500 or a lock timeout: then the next key is
        tried.
        """
        # Hashed, for a key has at most 255 characters.
        fact = "\n".join(("customer", self._deployment, user_id, replacing or ""))
        key = sha256(fact.encode()).hexdigest()
        with translated():
            for attempt in range(MOST_KEYS):
                try:
                    customer = self._client.v1.customers.create(
                        {"metadata": {"userId": user_id, "deployment": self._deployment}},
                        {"idempotency_key": f"{key}-{attempt}", "max_network_retries": 0},
                    )
                except (stripe.APIError, stripe.RateLimitError) as error:
                    if not is_replayed(error):
                        raise
                else:
                    return customer.id
        raise StripeUnavailableError(f"Stripe failed to create a customer under each of {MOST_KEYS} keys")

    def has_customer(self, customer_id: str) -> bool:
        """Retrieve a customer: of a deleted one Stripe says that it is."""
        with translated():
            return not getattr(self._client.v1.customers.retrieve(customer_id), "deleted", False)

    def user_of(self, customer_id: str) -> str | None:
        """Return the user noted on a customer or, if that is deleted, on one of its subscriptions."""
        with translated():
            customer = self._client.v1.customers.retrieve(customer_id)
            if not getattr(customer, "deleted", False):
                return self._user(customer)
            bought = self._client.v1.subscriptions.list(
                {"customer": customer_id, "status": "all", "limit": 100}
            )
            return next((user for each in bought.auto_paging_iter() if (user := self._user(each))), None)
