"""`make mutants`: put small faults into the product, and see which of them the quick tests notice."""

import argparse
import multiprocessing
import os
import sys
import tomllib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants.faults import ROOT, Fault, sample
from tests.mutants.page import page, score
from tests.mutants.touches import Touches, watched
from tests.mutants.trial import Verdict, load, tried

PAGE = ROOT / "docs" / "mutants.md"
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
REACH = 0.95


def main(arguments: Sequence[str]) -> int:
    """Return 0 if as much is noticed as should be."""
    asked = _asked(arguments)
    with TemporaryDirectory() as folder:
        touches = Touches.read(asked.touches) if asked.touches else watched(Path(folder, "touches.json"))
    named = tomllib.loads(EQUIVALENT.read_text()).get("equivalent", [])
    reasons = {(each["before"], each["after"]): each["reason"] for each in named}
    drawn = sample(asked.count, asked.seed, asked.only)
    equal = [each for each in drawn if (each.before, each.after) in reasons]
    verdicts = _tried([each for each in drawn if each not in equal], touches, asked.jobs)
    if asked.write:
        PAGE.write_text(page(verdicts, equal, reasons, asked.seed))
    _say(f"{sum(each.noticed for each in verdicts)} of {len(verdicts)} noticed: {score(verdicts):.1%}")
    return 0 if score(verdicts) >= REACH else 1


def _tried(faults: Sequence[Fault], touches: Touches, jobs: int) -> list[Verdict]:
    load()
    verdicts = []
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for each in pool.imap(partial(tried, touches=touches), faults):
            verdicts.append(each)
            mark = "✔" if each.noticed else "✘"
            where = f"{each.fault.file}:{each.fault.line}"
            _say(f"{mark} {where} [{each.fault.kind}] {each.seconds:.1f} s, {each.by}")
            if not each.noticed:
                _say(f"    {each.fault.before}\n    {each.fault.after}")
    return verdicts


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - whoever waits sees what goes on


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=330, help="how many faults")
    parser.add_argument("--seed", type=int, default=1, help="which faults")
    parser.add_argument("--only", default="", help="in files whose name has this in it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at once")
    parser.add_argument("--touches", type=Path, help="what tests.mutants.touches wrote: it is not run again")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
