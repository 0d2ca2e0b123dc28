"""The client on the oldest Python that it is for, installed from its wheel, with nothing else beside it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.tollkeeper_api import TollkeeperApi
from tollkeeper import __version__

ROOT = Path(__file__).parents[2]
HOST = Path(__file__).with_name("oldest_host.py")
OLDEST = "3.11"


def run(*command: object) -> str:
    """Run a command; return what it printed."""
    words = [str(each) for each in command]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert 0 == done.returncode, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of the oldest Python with the wheel in it, made without a network."""
    tools = ROOT / ".tools" / "bin" / "uv"
    uv = tools if tools.exists() else shutil.which("uv")
    if uv is None:
        pytest.skip("there is no uv to make an environment with: run the tests by make")
    found = subprocess.run(  # noqa: S603 - the same
        [uv, "python", "find", OLDEST, "--no-python-downloads", "--no-project"],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        pytest.skip(f"there is no Python {OLDEST} on this machine")
    folder = tmp_path_factory.mktemp("oldest")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (wheel,) = folder.glob("*.whl")
    run(uv, "venv", "--quiet", "--python", found.stdout.strip(), folder / "venv")
    run(uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", folder / "venv", wheel)
    return folder / "venv" / "bin" / "python"


def test_a_host_on_the_oldest_python_counts_exactly(python: Path, api: TollkeeperApi) -> None:
    """By WSGI, ASGI and Lambda, threads, tasks and a fork; what fails and what is refused does not count."""
    told = json.loads(run(python, "-I", HOST, api.url))
    assert (True, 8) == (told["sent"], told["metrics"])
    assert Path(told["where"]).is_relative_to(python.parents[1])
    assert told["counted"] == {metric: api.counted("ada", metric) for metric in told["counted"]}
    assert [] == api.conflicts
    assert {f"tollkeeper-client/{__version__}"} == {*api.agents}
    assert api.agents.total() == api.tokens + api.calls.total()


def test_the_installed_command_audits_a_host(python: Path, tmp_path: Path) -> None:
    """It is on the path of the environment, and reads a host's OpenAPI document."""
    document = tmp_path / "host.json"
    document.write_text('{"paths": {"/api/designs": {"post": {}}}}')
    assert "designsCreated" in run(python.with_name("tollkeeper-audit"), "--openapi", document)
