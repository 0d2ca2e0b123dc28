"""What a function finds where it runs: Lambda's own packages and the layer, and nothing else."""

import subprocess
from pathlib import Path

import pytest

from infra.local.places import ROOT, Home
from tests.ledger.tables import template

PYTHON = ROOT / ".venv-runtime" / "bin" / "python"
FUNCTIONS = [
    name
    for name, resource in template()["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
]
IMPORT_ALL = """
import importlib, pkgutil, tollkeeper
for each in pkgutil.walk_packages(tollkeeper.__path__, "tollkeeper."):
    importlib.import_module(each.name)
print(*tollkeeper.__path__)
"""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_needs_only_what_lambda_and_the_layer_have(function: str, home: Home) -> None:
    """The emulator runs functions beside all that the project's own tools need, and so cannot tell."""
    program = "import app, tollkeeper; print(app.handler.__name__, *tollkeeper.__path__)"
    assert f"handler {layer(home) / 'tollkeeper'}\n" == run(program, home.build / function, layer(home))


def test_the_layer_needs_only_what_lambda_has(home: Home) -> None:
    """Much of it is imported when it is first called for, which a function's start does not show.

    What makes pages stands on packages that come with the one function that shows them.
    """
    assert f"{layer(home) / 'tollkeeper'}\n" == run(IMPORT_ALL, layer(home), home.build / "Dashboard")


def layer(home: Home) -> Path:
    """Where the layer was built, as it will lie in /opt/python."""
    return home.build / "Layer" / "python"


def run(program: str, *path: Path) -> str:
    """Run a program where there is nothing but Lambda's packages and what is on the path."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [PYTHON, "-c", program],
        env={"AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": ":".join(map(str, path))},
        cwd=path[0],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "" == done.stderr
    return done.stdout
