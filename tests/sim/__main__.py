"""`make sim`: live many seeds, audit each, and say what was lived, found and reached."""

import argparse
import logging
import sys
from collections import Counter
from contextlib import suppress
from multiprocessing import Pool

from tests.sim.shrinking import shrunk
from tests.sim.simulation import Lived, live

RARE = (
    "audited: OVERAGE_VOIDED",
    "audited: OVERAGE_WAIVED",
    "bills that left an invoice",
    "bills that moved",
    "calls while DynamoDB is away",
    "calls while Stripe is away",
    "caps at the close",
    "duplicate subscriptions",
    "late records",
    "lines asked for without an answer",
    "messages redriven",
    "messages taken alone",
    "own invoices",
    "rows repaired by the sweep",
    "stale revisions",
    "webhooks never delivered",
)
"""Paths that a full run must reach."""

ENOUGH = 5
FULL_RUN = 500
"""So many seeds are a full run, which fails if a rare path was reached fewer than five times."""


def main() -> int:
    """Live the seeds that were asked for."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, help="live this one, and print its story")
    wanted.add_argument("--seeds", type=int, default=100)
    wanted.add_argument("--first", type=int, default=1)
    wanted.add_argument("--years", type=float, help="go on until so many customer-years are lived")
    wanted.add_argument("--workers", type=int, default=2)
    asked = wanted.parse_args()
    logging.disable(logging.CRITICAL)
    if asked.seed is not None:
        return _one(asked.seed)
    return _many(asked.first, asked.seeds, asked.years, asked.workers)


def _one(seed: int) -> int:
    lived = live(seed)
    if lived.findings:
        lived = shrunk(lived)
    print("\n".join(lived.story))  # noqa: T201 - a command line prints
    print(_described(lived))  # noqa: T201 - the same
    return 1 if lived.findings else 0


def _many(first: int, seeds: int, years: float | None, workers: int) -> int:
    failed, number, lived_years, seconds = 0, 0, 0.0, 0.0
    reached: Counter[str] = Counter()
    # A seed lives a fifth of a year of one to three customers.
    wanted = range(first, first + (round(years * 6) if years else seeds))
    with Pool(workers) as pool, suppress(KeyboardInterrupt):
        for lived in pool.imap_unordered(live, wanted):
            number += 1
            lived_years += lived.customer_years
            seconds += lived.seconds
            reached += lived.marks + lived.seen
            if lived.findings:
                failed += 1
                print(f"{_described(lived)}\n  its story: make sim SEED={lived.seed}", flush=True)  # noqa: T201 - a command line prints
            if years and lived_years >= years:
                break
    for name, times in sorted(reached.items()):
        print(f"{times:>10,}  {name}")  # noqa: T201 - the same
    print(  # noqa: T201 - the same
        f"{number:,} seeds, {lived_years:,.1f} customer-years, {seconds:,.0f} seconds of a processor, "
        f"{lived_years * 365 / (seconds or 1) * 60:,.0f} customer-days a minute, {failed} with findings"
    )
    missed = [name for name in RARE if reached[name] < ENOUGH] if number >= FULL_RUN else []
    if missed:
        print(f"Reached fewer than {ENOUGH} times: {', '.join(missed)}")  # noqa: T201 - the same
    return 1 if failed or missed else 0


def _described(lived: Lived) -> str:
    features = ", ".join(lived.features.on) or "nothing"
    head = f"seed {lived.seed}, {lived.days} days of {lived.people}, with {features}"
    return "\n".join([head, *(f"  FOUND {each}" for each in lived.findings[:10])])


if __name__ == "__main__":
    sys.exit(main())
