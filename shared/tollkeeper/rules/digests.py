"""What a closed period's row said, in one short text: a later change of it is found (DESIGN rule 13)."""

import json
from hashlib import sha256

from tollkeeper.rules.periods import Period
from tollkeeper.rules.times import iso


def digest(period: Period) -> str:
    """Return the digest of all that a closed period's charges come from.

    Its bounds, its terms as they are written, what was used of each metric that has a price, what an upgrade
    froze, the spending cap and what an earlier one kept from being billed, and when it closed.
    """
    told = [
        iso(period.start),
        iso(period.end) if period.end else None,
        period.subscription_id,
        iso(period.closed_at) if period.closed_at else None,
        period.pinned,
        {metric: period.used[metric] for metric in period.terms.prices if metric in period.used},
        dict(period.incurred),
        period.spending_cap,
        dict(period.beyond),
    ]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def is_unchanged(period: Period) -> bool:
    """Whether a period's row is what it was when it closed; one without a digest is not judged."""
    return period.digest is None or period.digest == digest(period)
