"""Customers (docs.stripe.com/api/customers)."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus

import stripe

from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import is_replayed, translated

MOST_KEYS = 8

KEYS_LIVE = timedelta(days=3)
"""Longer than Stripe keeps an idempotency key: it forgets them once they are a day old."""

MOST_CUSTOMERS = 10_000
"""Looked through for one that was made under a key. An account that gains more in three days asks again."""


class CustomersGateway(Connection):
    """The port's Customers."""

    def create_customer(self, user_id: str, replacing: str | None = None) -> str:
        """Create a customer under an idempotency key that names user, deployment, and whom it replaces.

        Stripe repeats its first answer to a key for a day, even a failure, and refuses the key where the
        parameters are others, as after a release that notes more on a customer. Neither tells whether there
        is a customer, and the next key would make a second one. So they are looked through first: the list
        is consistent at once, which the search by metadata is not. Only if it is not there is the next key
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
                except (stripe.APIError, stripe.RateLimitError, stripe.IdempotencyError) as error:
                    if not _is_spent(error):
                        raise
                    if made := self._lately_made(user_id, replacing):
                        return made
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
            try:
                customer = self._client.v1.customers.retrieve(customer_id)
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
                return None
            if not getattr(customer, "deleted", False):
                return self._user(customer)
            bought = self._client.v1.subscriptions.list(
                {"customer": customer_id, "status": "all", "limit": 100}
            )
            return next((user for each in bought.auto_paging_iter() if (user := self._user(each))), None)

    def _lately_made(self, user_id: str, replacing: str | None) -> str | None:
        """Return the oldest of a user's customers that may have been made under a key that Stripe remembers.

        Raises:
            StripeUnavailableError: there are too many customers to know.
        """
        found = [each.id for each in self._newest() if each.id != replacing and self._user(each) == user_id]
        return found[-1] if found else None

    def _newest(self) -> Iterator[stripe.Customer]:
        """Return the customers, the newest first, back to longer than Stripe remembers a key."""
        newest = None
        for number, customer in enumerate(self._client.v1.customers.list({"limit": 100}).auto_paging_iter()):
            newest = newest or customer.created
            # The newest was made by now at the latest: this goes back at least as far as it must.
            if customer.created < newest - KEYS_LIVE.total_seconds():
                return
            if number == MOST_CUSTOMERS:
                raise StripeUnavailableError("Too many new customers to know whether a user has one")
            yield customer


def _is_spent(error: stripe.StripeError) -> bool:
    """Whether a key has had an answer that it will have again, or was used for something else.

    That another call is at the same key just now is no such answer, nor that Stripe limits calls.
    """
    if isinstance(error, stripe.IdempotencyError):
        return error.http_status == HTTPStatus.BAD_REQUEST
    return is_replayed(error)
