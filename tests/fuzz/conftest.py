"""How many requests were made, and how they were answered, is told at the end."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.fuzz.house import House

ANSWERS = pytest.StashKey[Counter[str]]()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Where a subscriber on trial lives."""
    with House() as house:
        yield house


@pytest.fixture(scope="session")
def answers(pytestconfig: pytest.Config) -> Counter[str]:
    """What was tried and how often, by what came of it."""
    return pytestconfig.stash.setdefault(ANSWERS, Counter())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell it."""
    if answers := config.stash.get(ANSWERS, None):
        told = ", ".join(f"{count:,} {what}" for what, count in sorted(answers.items()))
        terminalreporter.write_line(f"{answers.total():,} tried: {told}")
