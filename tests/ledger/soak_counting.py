"""Many histories against the model: `python -m tests.ledger.soak_counting`, or `make soak-counting`.

Each is a sequence of up to thirty steps of one user on a table in memory. At the end stands how often each
rare thing came about. A sequence that comes out otherwise than in the model is printed, and the run fails.
"""

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from time import monotonic

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.ledger.counting_machine import CountingMachine

AT_ONCE = 200
"""Sequences of one seed: what a search remembers of those that it has tried costs more, the more they are."""

STEPS = 30


def main() -> int:
    """Try so many sequences; print what came about in them, also if it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.ledger.soak_counting")
    parser.add_argument("--sequences", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, help="processes; one for each core, if not given")
    arguments = parser.parse_args()
    began, marks = monotonic(), Counter[str]()
    parts = -(-arguments.sequences // AT_ONCE)
    with ProcessPoolExecutor(arguments.workers) as workers:
        waiting = [workers.submit(marks_of, arguments.seed + number) for number in range(parts)]
        try:
            for part in as_completed(waiting):
                marks.update(part.result())
                sys.stderr.write(f"{marks['sequences']:,} sequences, {monotonic() - began:,.0f} seconds\n")
        except KeyboardInterrupt:
            workers.shutdown(wait=False, cancel_futures=True)
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise
    lines = [
        f"{marks['sequences']:,} sequences, {marks['steps']:,} steps, {monotonic() - began:,.0f} seconds"
    ]
    lines += [f"{times:>12,}  {what}" for what, times in sorted(marks.items())]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def marks_of(number: int) -> Counter[str]:
    """Try the sequences of one seed; return what came about in them."""
    CountingMachine.marks.clear()
    run_state_machine_as_test(
        seed(number)(CountingMachine),
        settings=settings(
            max_examples=AT_ONCE,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    return Counter(CountingMachine.marks)


if __name__ == "__main__":
    sys.exit(main())
