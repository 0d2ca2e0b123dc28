"""What can go wrong with Stripe, apart from its gateway so that nobody imports the SDK to name an error."""


class StripeUnavailableError(Exception):
    """Stripe did not answer, or asks for patience. The same call may succeed in a moment."""


class StripeRefusedError(Exception):
    """Stripe understood the call and refuses it. The same call will be refused again."""


class StripeFailedError(Exception):
    """Stripe answered that a call failed, and will say so again to its idempotency key.

    Whether the call took effect is not known by that: read, and only then try under another key.
    """
