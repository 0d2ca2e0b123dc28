"""A stack of the tests' own: deployed into a folder, and stopped afterwards."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.places import ROOT, Home


@contextmanager
def deployed(folder: Path) -> Iterator[Home]:
    """Have a stack on free ports, which keeps its files, its logs among them, in a folder."""
    home = Home(folder)
    _run(home, "up")
    try:
        yield home
    finally:
        _run(home, "down")


def _run(home: Home, command: str) -> None:
    # In a process of its own, for it points the AWS SDK of its process at the emulator.
    subprocess.run(  # noqa: S603 - the command is ours
        [sys.executable, "-m", "infra.local", command],
        env=os.environ | {"TOLLKEEPER_LOCAL": str(home.folder)},
        cwd=ROOT,
        check=True,
    )
