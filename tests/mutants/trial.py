"""One fault, tried: a process that has loaded all but the project's own code is forked, and runs tests."""

import importlib
import importlib.abc
import importlib.util
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, ModuleType

import hypothesis
import pytest

from tests.mutants.faults import ROOT, Fault
from tests.mutants.touches import LAST, InMemory, Touches

LOADED = (
    "aws_lambda_powertools.event_handler",
    "boto3",
    "fastapi",
    "hypothesis.strategies",
    "jinja2",
    "moto.dynamodb.models",
    "pydantic",
    "rich.table",
    "starlette.applications",
    "stripe",
    "uvicorn",
    "yaml",
)
"""What tests import that is not the project's: it is loaded once, for all trials."""

ENOUGH = 30.0
"""How many seconds of tests are run at most, as they took while they were watched."""
CPU_SECONDS, WALL_SECONDS = 120, 400.0
"""After which a trial is ended: the fault made something endless, which nobody could miss."""

PASSED = 0


@dataclass(frozen=True)
class Verdict:
    """Whether tests noticed a fault; `by` is what did, or how many did not."""

    fault: Fault
    noticed: bool
    by: str
    seconds: float


class Planted(SourceFileLoader):
    """Loads a module as it is with the fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.module, str(ROOT / fault.file))
        self._source = fault.source

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - there is but one
        """Return the code with the fault, under the file's own name."""
        code: CodeType = compile(self._source, self.path, "exec", dont_inherit=True)
        return code


class Planting(importlib.abc.MetaPathFinder):
    """Finds the module that has the fault, before anybody else does."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the fault says where
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Return the module with the fault; None for every other."""
        if fullname != self._fault.module:
            return None
        file = ROOT / self._fault.file
        inside = [str(file.parent)] if file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname, file, loader=Planted(self._fault), submodule_search_locations=inside
        )


class FirstFailure:
    """A plugin of pytest's that tells the first failure, whatever example of Hypothesis it may be."""

    def __init__(self, into: Path) -> None:
        self._into = into

    def pytest_configure(self) -> None:
        """Take the profile of the tests, without looking for the smallest example."""
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        swift = hypothesis.settings(hypothesis.settings(), phases=phases, database=None, derandomize=True)
        hypothesis.settings.register_profile("swift", swift)
        hypothesis.settings.load_profile("swift")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell it."""
        if report.failed and not self._into.exists():
            self._into.write_text(report.nodeid)


def load() -> None:
    """Import what every trial needs."""
    for name in LOADED:
        importlib.import_module(name)


def tried(fault: Fault, touches: Touches) -> Verdict:
    """Run the tests that touch a fault's line, the fastest first and the simulation last, until one fails.

    Raises:
        RuntimeError: they do not even run without the fault: what touches what was seen in another state.
    """
    tests: list[str] = []
    seconds = 0.0
    for test in touches.tests(fault.file, fault.line):
        seconds += touches.seconds[test]
        if tests and seconds > ENOUGH:
            break
        tests.append(test)
    if touches.is_lived(fault.file, fault.line):
        tests.append(LAST)
    if not tests:
        return Verdict(fault, noticed=False, by="no test touches it", seconds=0.0)
    begun = time.monotonic()
    status, failure = _trial(fault, tests)
    if status > PASSED and not failure:
        untouched = replace(fault, source=(ROOT / fault.file).read_text())
        if _trial(untouched, tests)[0] != PASSED:
            raise RuntimeError(f"Without the fault they do not run either: {', '.join(tests)}")
        failure = "not even collected"
    noticed = status != PASSED
    by = failure or ("no end" if noticed else f"{len(tests)} tests passed")
    return Verdict(fault, noticed, by, time.monotonic() - begun)


def _trial(fault: Fault, tests: Sequence[str]) -> tuple[int, str]:
    """Run tests upon a fault; return pytest's exit code, negative if it had to be ended, and what failed."""
    with TemporaryDirectory() as folder:
        told = Path(folder, "failure")
        child = os.fork()
        if child == 0:
            _run(fault, tests, told)
        status = _ended(child)
        return status, told.read_text() if told.exists() else ""


def _run(fault: Fault, tests: Sequence[str], told: Path) -> None:
    """Be the trial, and never return."""
    code = 1
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        quiet = os.open(told.with_name("output"), os.O_WRONLY | os.O_CREAT)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(told.with_name("hypothesis"))
        sys.meta_path.insert(0, Planting(fault))
        plain = ["-x", "-q", "-p", "no:cacheprovider", "--tb=no", "--no-header"]
        code = int(pytest.main([*tests, *plain], plugins=[InMemory(), FirstFailure(told)]))
    finally:
        os._exit(code)


def _ended(child: int) -> int:
    """Wait for a trial, and return its exit code; negative for one that had to be ended."""
    deadline = time.monotonic() + WALL_SECONDS
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL
