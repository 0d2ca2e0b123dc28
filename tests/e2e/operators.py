"""Who operates a running stack: somebody with rights in its account, and the project's command."""

import os
import subprocess

from infra.local.places import ROOT, Home


def operate(home: Home, *arguments: str, code: int = 0) -> str:
    """Run `tollkeeper` as an operator does, on the local stack; return what it prints."""
    found = subprocess.run(  # noqa: S603 - the command is ours
        [ROOT / "infra" / "operate" / "tollkeeper", *arguments, "--stack", "local"],
        env={"PATH": os.environ["PATH"], "TOLLKEEPER_LOCAL": str(home.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert code == found.returncode, found.stdout + found.stderr
    return found.stdout
