"""What `pip install` of this repository brings: client and catalogue, for Python 3.11, nothing else."""

import ast
import subprocess
import sys
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest

import tollkeeper.client

ROOT = Path(__file__).parents[3]
LAYER = ROOT / "shared" / "tollkeeper"
SHARED = sorted([*(LAYER / "client").glob("*.py"), *(LAYER / "catalogue").glob("*.py")])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as pip would build it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - our own interpreter
    (file,) = folder.glob("*.whl")
    return file


def test_the_wheel_holds_client_and_catalogue_and_nothing_else(wheel: Path) -> None:
    """Of the layer it has these two rooms, the package's own file, and the mark that it is typed."""
    names = {each for each in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in each}
    files = {str(each.relative_to(LAYER.parent)) for each in SHARED}
    catalogue = "tollkeeper/catalogue/catalogue.toml"
    assert files | {"tollkeeper/__init__.py", "tollkeeper/py.typed", catalogue} == names


def test_the_wheel_needs_nothing_and_brings_one_command(wheel: Path) -> None:
    """boto3 is an extra, for the door to SQS."""
    archive = zipfile.ZipFile(wheel)
    (folder,) = {each.split("/")[0] for each in archive.namelist() if ".dist-info/" in each}
    metadata = BytesParser().parsebytes(archive.read(f"{folder}/METADATA"))
    assert (">=3.11", "tollkeeper") == (metadata["Requires-Python"], metadata["Name"])
    assert ["boto3; extra == 'sqs'"] == metadata.get_all("Requires-Dist")
    scripts = archive.read(f"{folder}/entry_points.txt").decode()
    expected = "[console_scripts]\ntollkeeper-audit = tollkeeper.client.audit_command:main"
    assert expected == scripts.strip()


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    """Its version is told once, in the package; licence and README are in it."""
    archive = zipfile.ZipFile(wheel)
    folder = f"tollkeeper-{tollkeeper.__version__}.dist-info"
    metadata = BytesParser().parsebytes(archive.read(f"{folder}/METADATA"))
    assert (tollkeeper.__version__, "Apache-2.0") == (metadata["Version"], metadata["License-Expression"])
    assert archive.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert "text/markdown" == metadata["Description-Content-Type"]
    assert (ROOT / "README.md").read_bytes() == metadata.get_payload(decode=True)
    classifiers = set(metadata.get_all("Classifier", []))
    assert {"Typing :: Typed", "Programming Language :: Python :: 3.11"} <= classifiers
    assert not [each for each in classifiers if each.startswith("License ::")], "SPDX says it"


def test_what_the_client_exports_is_what_hosts_may_use() -> None:
    """These names stay; each is described."""
    expected = [
        "AsgiMiddleware",
        "ClientCredentials",
        "NotAllowedError",
        "Pending",
        "Permission",
        "PermissionState",
        "RequestOutcome",
        "Seen",
        "TokenError",
        "Tokens",
        "Tollkeeper",
        "UncountableError",
        "WsgiMiddleware",
        "lambda_middleware",
    ]
    assert expected == tollkeeper.client.__all__
    assert [] == [name for name in expected if not getattr(tollkeeper.client, name).__doc__]


@pytest.mark.parametrize("file", SHARED, ids=lambda each: f"{each.parent.name}/{each.name}")
def test_the_client_is_written_for_older_hosts(file: Path) -> None:
    """It has no syntax that came after Python 3.11."""
    ast.parse(file.read_text(), feature_version=(3, 11))
