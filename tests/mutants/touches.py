"""Which of the quick tests touch which line of the layer, and how long each takes.

Quick tests need nothing but this process: those of `unit`, and of `ledger` and `integration` what runs on the
table in memory and on the stand-in. So is the table's contract on moto: what it says of DynamoDB's requests,
no table in memory could.
"""

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).parents[2]
LAST = "tests/sim/test_simulation.py::test_every_line_is_what_the_auditor_says"
"""What is asked of a fault that no quick test has noticed: three lives of the simulation."""
QUICK = ("tests/unit", "tests/ledger", "tests/integration", LAST)
NOT_QUICK = (
    *("tests/unit/docs/*", "tests/unit/test_house_rules.py", "tests/unit/test_routes.py"),
    "tests/unit/test_template*.py",
    *("tests/ledger/*_crashes.py", "tests/ledger/*_races.py", "tests/ledger/test_event_orders.py"),
    *("tests/ledger/test_billing_months.py", "tests/ledger/test_counting_model.py"),
    *("tests/ledger/test_emptying.py", "tests/ledger/test_queue_under_load.py", "tests/ledger/test_soak.py"),
    *("tests/integration/test_decided_months.py", "tests/integration/test_random_months.py"),
)
"""What reads the code instead of running it; and what tries all orders and crashes, or much by chance."""

OUTSIDE = {"ministack_client", "ministack_endpoint", "stripe_itself"}
ON_MOTO = ("tests/ledger/test_table.py",)
"""Where moto's table is quick: elsewhere it is asked again what the one in memory was."""

LONGEST = 5.0
"""The seconds of a processor that a quick test takes at most, while it is watched."""


@dataclass(frozen=True)
class Touches:
    """What was seen: the tests of each line of each file, and the seconds of each test."""

    lines: dict[str, dict[str, list[str]]]
    seconds: dict[str, float]

    @classmethod
    def read(cls, file: Path) -> "Touches":
        """Return what was seen in an earlier run."""
        return cls(**json.loads(file.read_text()))

    def tests(self, file: str, line: int) -> list[str]:
        """Return the tests to run for a fault in a line: those of its own file first, then the fastest.

        What runs when a module is imported, no test touches: then those that touch its file, and those of its
        mirror, which may read no more than a name of it.
        """
        lines = self.lines.get(file, {})
        mirror = Path(file.replace("shared/tollkeeper", "tests/unit")).parent / f"test_{Path(file).stem}.py"
        of_file = {test for tests in lines.values() for test in tests}
        of_mirror = {test for test in self.seconds if test.startswith(f"{mirror}::")}
        found = {*lines.get(str(line), ())} or of_file | of_mirror
        quick = (test for test in found - {LAST} if self.seconds.get(test, LONGEST) < LONGEST)
        return sorted(quick, key=lambda test: (not test.startswith(str(mirror)), self.seconds[test], test))

    def is_lived(self, file: str, line: int) -> bool:
        """Return whether the simulation touches a line, or the file of one that no test touches."""
        lines = self.lines.get(file, {})
        return LAST in lines.get(str(line), [] if str(line) in lines else {*chain(*lines.values())})


class InMemory:
    """A plugin of pytest's that leaves out what needs more than this process."""

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Function]) -> None:
        """Leave them out."""
        kept = [item for item in items if not OUTSIDE & {*item.fixturenames} and not _on_another_table(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


class Watch:
    """A plugin of pytest's that notes which lines each test touches."""

    def __init__(self, into: Path) -> None:
        self._into = into
        self._coverage = coverage.Coverage(data_file=None, source=[str(ROOT / "shared" / "tollkeeper")])
        self._seconds: dict[str, float] = defaultdict(float)
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Touch lines in a test's name."""
        name, before = name_of(item.nodeid), time.process_time()
        self._coverage.switch_context(name)
        result = yield
        self._coverage.switch_context("")
        self._seconds[name] += time.process_time() - before
        return result

    def pytest_sessionfinish(self) -> None:
        """Write what was seen."""
        self._coverage.stop()
        data = self._coverage.get_data()
        lines = {
            str(Path(file).relative_to(ROOT)): {
                str(line): sorted({*tests} - {""}) for line, tests in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
        self._into.write_text(json.dumps({"lines": lines, "seconds": self._seconds}))


def watched(into: Path) -> Touches:
    """Run the quick tests once, and return what they touch. They must pass.

    Raises:
        CalledProcessError: they do not.
    """
    subprocess.run([sys.executable, "-m", "tests.mutants.touches", str(into)], cwd=ROOT, check=True)  # noqa: S603 - ours
    return Touches.read(into)


def name_of(nodeid: str) -> str:
    """Return a test's name without its parameters, which a fault might change."""
    return nodeid.partition("[")[0]


def _on_another_table(item: pytest.Function) -> bool:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    on_moto = params.get("table") == "moto" and not item.nodeid.startswith(ON_MOTO)
    return on_moto or "ministack" in params.values()


if __name__ == "__main__":
    ignored = [f"--ignore-glob={ROOT / each}" for each in NOT_QUICK]
    into, *some = sys.argv[1:]
    plugins = [InMemory(), Watch(Path(into))]
    sys.exit(pytest.main([*(some or QUICK), *ignored, "-q", "-p", "no:cacheprovider"], plugins=plugins))
