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
    operate_locally(home, "up")
    try:
        yield home
    finally:
        operate_locally(home, "down")


def operate_locally(home: Home, *command: str) -> None:
    """Run a command of the local stack. One that fails raises."""
    # In a process of its own, for it points the AWS SDK of its process at the emulator.
    subprocess.run(  # noqa: S603 - the command is ours
        [sys.executable, "-m", "infra.local", *command],
        env=os.environ | {"TOLLKEEPER_LOCAL": str(home.folder)},
        cwd=ROOT,
        check=True,
    )
