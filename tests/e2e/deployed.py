"""A stack of the tests' own, deployed into a folder and stopped afterwards, and the fixtures of its tests."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local.places import ROOT, Home, Stack
from tests.e2e.callers import Callers


@contextmanager
def deployed(folder: Path) -> Iterator[Home]:
    """Have a stack on free ports, which keeps its files, its logs among them, in a folder."""
    home = Home(folder)
    run(home, "up")
    try:
        yield home
    finally:
        run(home, "down")


def run(home: Home, command: str, *arguments: str) -> None:
    """Run a command on a stack, in a process of its own: it points that process's AWS SDK at the emulator."""
    subprocess.run(  # noqa: S603 - the command is ours
        [sys.executable, "-m", "infra.local", command, *arguments],
        env=os.environ | {"TOLLKEEPER_LOCAL": str(home.folder)},
        cwd=ROOT,
        check=True,
    )


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Where the stack under test keeps its files, its logs among them."""
    with deployed(tmp_path_factory.mktemp("stack")) as home:
        yield home


@pytest.fixture(scope="session")
def stack(home: Home) -> Stack:
    """The addresses of the stack under test."""
    return home.stack


@pytest.fixture(scope="session")
def callers(home: Home, stack: Stack) -> Callers:
    """Those who call the stack under test."""
    return Callers(home, stack)
