"""Who operates a running stack: somebody with rights in its account, and the project's commands."""

import os
import subprocess
import sys

from infra.local.places import ROOT, Stack
from tests.ledger.tables import CREDENTIALS


def operate(stack: Stack, command: str, *arguments: str) -> str:
    """Run a command that an operator runs; return what it prints. One that fails raises."""
    found = subprocess.run(  # noqa: S603 - the command is ours
        [sys.executable, "-m", f"infra.operate.{command}", *arguments],
        env={
            "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
            "AWS_DEFAULT_REGION": CREDENTIALS["region_name"],
            "AWS_ENDPOINT_URL": stack.awsEndpoint,
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
            "PATH": os.environ["PATH"],
            "PYTHONPATH": "shared",
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout
