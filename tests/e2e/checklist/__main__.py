"""`make checklist`: run the checklist on a stack of its own, and print its lines with ticks."""

import sys

import pytest

from tests.e2e.checklist.lines import FOLDER, Line, printed


class Checklist:
    """A plugin of pytest's that notes of each line whether its test passed."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        """Note every line, in the order of the list."""
        self.lines = {item.nodeid: Line.of(item.obj, item.module.SECTION) for item in items}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tick a line off."""
        if report.when == "call":
            self.lines[report.nodeid].holds = report.passed


def main() -> int:
    """Return 0 if every line holds."""
    checklist = Checklist()
    code = pytest.main([str(FOLDER), "-q", "--tb=short"], plugins=[checklist])
    lines = checklist.lines.values()
    print("", *printed(lines), "", sep="\n")  # noqa: T201 - that is what it is for
    print(f"{sum(line.holds for line in lines)} of {len(lines)} lines hold.")  # noqa: T201 - the same
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
