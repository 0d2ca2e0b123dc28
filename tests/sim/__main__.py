"""`make sim`: live many seeds, audit each, and say what was lived, found and reached."""

import argparse
import logging
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from multiprocessing import Pool

from tests.sim.planted import PLANTED, WITHIN, living
from tests.sim.shrinking import shrunk
from tests.sim.simulation import Lived, live

RARE = (
    "table timeouts after",
    "table timeouts before",
    "Stripe: 429 before",
    "Stripe: 500 after",
    "Stripe: 500 before",
    "Stripe: endpoint-concurrency before",
    "Stripe: lock_timeout after",
    "Stripe: lock_timeout before",
    "Stripe: lost after",
    "Stripe: lost before",
    "answers 503",
    "audited: OVERAGE_VOIDED",
    "audited: OVERAGE_WAIVED",
    "bills that left an invoice",
    "bills that moved",
    "calls while DynamoDB is away",
    "calls while Stripe is away",
    "caps at the close",
    "changes of the stream that came again",
    "conflicts",
    "days shown to Stripe",
    "deaths after Stripe",
    "deaths after a queue",
    "deaths after a write",
    "deaths after the bus",
    "deaths before Stripe",
    "deaths before a queue",
    "deaths before the bus",
    "deaths before the table",
    "duplicate subscriptions",
    "edits of the catalogue",
    "events that the bus refused",
    "functions that a message stopped",
    "holds that ran out",
    "jumps of 1 days",
    "jumps of 3 days",
    "jumps of 36 days",
    "late records",
    "lines asked for without an answer",
    "lines found by reading after a crash",
    "messages delivered again",
    "messages redriven",
    "messages taken alone",
    "messages that SQS refused",
    "own invoices",
    "periods closed before they settled",
    "rows repaired by the sweep",
    "stale revisions",
    "throttles",
    "waived lines",
    "webhooks delivered again",
    "webhooks never delivered",
)
"""Paths that a full run must reach."""

ENOUGH = 5
FULL_RUN = 500
"""So many seeds are a full run, which fails if a rare path was reached fewer than five times."""

EVERY = 20
"""After so many seeds it is told how far a run has come."""


def main() -> int:
    """Live the seeds that were asked for."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--seed", type=int, help="live this one, and print its story")
    wanted.add_argument("--seeds", type=int, default=100)
    wanted.add_argument("--first", type=int, default=1)
    wanted.add_argument("--years", type=float, help="go on until so many customer-years are lived")
    wanted.add_argument("--plant", choices=[*PLANTED, "all"], help="put a fault in, and find it")
    wanted.add_argument("--workers", type=int, default=2)
    asked = wanted.parse_args()
    logging.disable(logging.CRITICAL)
    if asked.plant:
        faults = [*PLANTED] if asked.plant == "all" else [asked.plant]
        return max(_find(fault, asked.first, asked.workers) for fault in faults)
    if asked.seed is not None:
        return _one(asked.seed)
    return _many(asked.first, asked.seeds, asked.years, asked.workers)


def _one(seed: int) -> int:
    lived = live(seed)
    if lived.findings:
        lived = shrunk(lived)
    _say("\n".join(lived.story))
    _say(_described(lived))
    return 1 if lived.findings else 0


def _find(fault: str, first: int, workers: int) -> int:
    """Live seeds with a fault in the product until one finds it."""
    with Pool(workers) as pool:
        for lived in pool.imap(living(fault), range(first, first + WITHIN)):
            if lived.findings:
                _say(f"{fault}: found by seed {lived.seed}: {lived.findings[0]}")
                return 0
    _say(f"{fault}: not found by {WITHIN} seeds")
    return 1


def _many(first: int, seeds: int, years: float | None, workers: int) -> int:
    failed, number, lived_years, seconds, began = 0, 0, 0.0, 0.0, time.monotonic()
    reached: Counter[str] = Counter()
    # A seed lives a fifth of a year at least.
    wanted = range(first, first + (round(years * 6) if years else seeds))
    with Pool(workers) as pool, suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, _stop)
        for lived in pool.imap_unordered(live, wanted):
            number += 1
            lived_years += lived.customer_years
            seconds += lived.seconds
            reached += lived.marks + lived.seen
            if lived.findings:
                failed += 1
                _say(f"{_described(lived)}\n  its story: make sim SEED={lived.seed}")
            if number % EVERY == 0:
                few = ", ".join(f"{reached[name]} {name}" for name in RARE if reached[name] < ENOUGH)
                _say(
                    f"{number:,} of {len(wanted):,} seeds, {lived_years:,.1f} customer-years, {failed} failed"
                )
                _say(f"  reached little yet: {few or 'nothing'}")
            if years and lived_years >= years:
                break
    for name, times in sorted(reached.items()):
        _say(f"{times:>10,}  {name}")
    _say(
        f"{number:,} seeds, {lived_years:,.1f} customer-years, {(time.monotonic() - began) / 60:,.0f} min, "
        f"{seconds:,.0f} seconds of a processor, "
        f"{lived_years * 365 / (seconds or 1) * 60:,.0f} customer-days a minute of it, {failed} with findings"
    )
    missed = [name for name in RARE if reached[name] < ENOUGH] if number >= FULL_RUN else []
    if missed:
        _say(f"Reached fewer than {ENOUGH} times: {', '.join(missed)}")
    return 1 if failed or missed else 0


def _stop(*_: object) -> None:
    """Say what was lived so far, when time is up."""
    raise KeyboardInterrupt


def _described(lived: Lived) -> str:
    features = ", ".join(lived.features.on) or "nothing"
    head = f"seed {lived.seed}, {lived.days} days of {lived.people}, with {features}"
    return "\n".join([head, *(f"  FOUND {each}" for each in lived.findings[:10])])


def _say(what: str) -> None:
    print(what, flush=True)  # noqa: T201 - a command line prints


if __name__ == "__main__":
    sys.exit(main())
