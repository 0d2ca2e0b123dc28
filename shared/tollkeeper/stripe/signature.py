"""Whether Stripe sent a webhook: its signature scheme, without the SDK.

The SDK would take a quarter of the webhook's cold start, accepts timestamps from the future, and has its own
test against this one. The scheme: docs.stripe.com/webhooks#verify-manually.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from tollkeeper.rules.times import epoch

TOLERANCE = timedelta(minutes=5)


def is_signed(payload: bytes, header: str, secrets: Sequence[str], now: datetime) -> bool:
    """Whether a payload carries a signature made with one of the secrets within five minutes of now.

    While a secret is rolled there are two, and Stripe signs with both.
    """
    if not header.isascii():
        return False
    pairs = [part.strip().partition("=") for part in header.split(",")]
    timestamps = [value for name, _, value in pairs if name == "t"]
    signatures = [value for name, _, value in pairs if name == "v1"]
    if len(timestamps) != 1 or not timestamps[0].isascii() or not timestamps[0].isdigit():
        return False
    if abs(int(timestamps[0][:12]) - epoch(now)) > TOLERANCE.total_seconds():
        return False
    signed = timestamps[0].encode() + b"." + payload
    expected = [hmac.new(secret.encode(), signed, sha256).hexdigest() for secret in secrets]
    return any(
        hmac.compare_digest(ours.encode(), theirs.encode()) for ours in expected for theirs in signatures
    )
