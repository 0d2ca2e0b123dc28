"""The real `sam build` and `sam deploy` of the real template, aimed at the emulator."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from compileall import compile_dir
from pathlib import Path
from py_compile import PycInvalidationMode
from tempfile import TemporaryDirectory

import boto3

from infra.local.edition import SHIPPED
from infra.local.errors import LocalError
from infra.local.places import ROOT, Home
from infra.local.processes import in_turn, tail

STACK_NAME = "tollkeeper-local"
TOOLS = ROOT / ".venv-sam" / "bin"
ARCHITECTURE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


def build(home: Home, catalogue: Path = SHIPPED) -> None:
    """Build the layer, with this catalogue in it, and the functions for this machine.

    What `make build` compiles is compiled.
    """
    with in_turn(ROOT / ".aws-sam", "build"):  # builds share a cache
        _sam(
            home,
            "build",
            "--cached",
            "--parallel",
            "--build-dir",
            str(home.build),
            "--parameter-overrides",
            f"Arch={ARCHITECTURE}",
        )
    shutil.copyfile(catalogue, home.catalogue)
    # The times of files do not survive the layer's archive, so the bytecode is trusted unchecked.
    for part in ("Layer", "Dashboard"):
        compile_dir(
            home.build / part, quiet=1, workers=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
        )


def deploy(home: Home, parameters: Mapping[str, str]) -> dict[str, str]:
    """Deploy what was built with these template parameters, and return the stack's outputs."""
    overrides = {"Arch": ARCHITECTURE, **parameters}
    _sam(
        home,
        "deploy",
        "--template-file",
        str(home.build / "template.yaml"),
        "--stack-name",
        STACK_NAME,
        "--resolve-s3",
        "--no-confirm-changeset",
        "--no-progressbar",
        "--capabilities",
        "CAPABILITY_IAM",
        "--parameter-overrides",
        *(f"{name}={value}" for name, value in overrides.items()),
    )
    stacks = boto3.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}


def _sam(home: Home, command: str, *arguments: str) -> None:
    # SAM leaves its scratch folders behind.
    with TemporaryDirectory() as scratch, home.sam_log.open("w") as log:
        result = subprocess.run(  # noqa: S603 - the command is ours
            [TOOLS / "sam", command, *arguments],
            env=os.environ
            | {
                # sam build looks for a python3.13 with pip; the one beside it is.
                "PATH": f"{TOOLS}:{os.environ['PATH']}",
                "SAM_CLI_POLL_DELAY": "0.5",
                "SAM_CLI_TELEMETRY": "0",
                "TMPDIR": scratch,
            },
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if result.returncode:
        raise LocalError(f"sam {command} failed:\n{tail(home.sam_log)}")
