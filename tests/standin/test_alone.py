"""The stand-in by itself: as a command, and without the project around it."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
STANDIN = ROOT / "infra" / "stripe_standin"
PACKAGE = "infra.stripe_standin"
NEEDED = {"httpx", "pydantic", "starlette", "stripe", "typing_extensions", "uvicorn"}


def module_of(file: Path) -> str:
    """The module that a file is."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in sorted(STANDIN.rglob("*.py"))}


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=module, names=names):
                inner = [f"{module}.{each.name}" for each in names]
                yield from [each for each in inner if each in MODULES] or [str(module)]


def test_runs_alone_on_a_free_port(tmp_path: Path) -> None:
    """`python -m infra.stripe_standin` serves on loopback and says where, alone in a folder."""
    shutil.copytree(STANDIN, tmp_path / "infra" / "stripe_standin")
    command = [sys.executable, "-m", PACKAGE, "--port", "0"]
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(command, cwd=tmp_path, env=bare, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603 - our own
        assert running.stdout
        url = running.stdout.readline().split()[-1]
        clock = httpx.get(f"{url}/_sandbox/clock", timeout=10).json()
        running.terminate()
    assert clock["frozen"] is False


def test_imports_nothing_of_the_project() -> None:
    """It knows the standard library, six packages and itself; what it is used for it does not know."""
    strangers = [
        f"{module} imports {imported}"
        for module, file in MODULES.items()
        for imported in imports(file)
        if imported not in MODULES and imported.partition(".")[0] not in NEEDED | sys.stdlib_module_names
    ]
    assert [] == strangers


def test_imports_in_no_circle() -> None:
    """Each file can be understood, and imported, after those it builds on."""
    graph = {module: [each for each in imports(file) if each in MODULES] for module, file in MODULES.items()}
    TopologicalSorter(graph).prepare()
