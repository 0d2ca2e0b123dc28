"""What is sold, by the design's own table (§2): plans by their monthly cents, limits, cents a unit beyond."""

PLANS = {2_900: "starter", 9_900: "professional", 29_900: "enterprise"}
"""Which plan costs so much a month, in cents."""

LIMITS: dict[str, dict[str, int]] = {
    "free": {"apiCalls": 100, "aiQueries": 10, "exports": 5, "designsCreated": 3, "mlPredictions": 10},
    "starter": {
        "apiCalls": 1_000,
        "aiQueries": 100,
        "exports": 50,
        "designsCreated": 50,
        "mlPredictions": 100,
    },
    "professional": {"apiCalls": 10_000, "aiQueries": 1_000, "exports": 500, "mlPredictions": 1_000},
    "enterprise": {},
}
"""What a plan includes of each metric; what is not named is unlimited."""

PRICES = {"apiCalls": 1, "aiQueries": 10, "exports": 50}
"""Cents for each unit over the limit, in the catalogue's order; what is not named has a hard limit."""


def over(plan: str, metric: str, used: int) -> int:
    """Return how much is used beyond a plan's limit."""
    limit = LIMITS[plan].get(metric)
    return 0 if limit is None else max(0, used - limit)
