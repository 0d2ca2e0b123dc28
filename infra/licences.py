"""The licences of what ships in the layer and with the usage page, as docs/licences.md lists them.

`python -m infra.licences` prints that page. A package's own metadata says its licence.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "shared" / "requirements.txt", ROOT / "functions" / "dashboard" / "requirements.txt"

HEAD = """# Licences of what ships

What `sam build` puts into the layer, and beside the usage page, with Tollkeeper itself, which is
under [Apache-2.0](../LICENSE). Each package brings its licence's text along, in its `.dist-info`.
`make licences` writes this page, and a test holds it to what is locked. `make sbom` writes the same
as a CycloneDX document, `.aws-sam/sbom.json`.

| package | version | licence |
|---|---|---|
"""


def shipped() -> Iterator[tuple[str, str, str]]:
    """Return each package that ships, its version and its licence, in the order of the requirements."""
    locked = "".join(each.read_text() for each in REQUIREMENTS)
    for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", locked, re.MULTILINE):
        yield name, version, licence(metadata(name))


def licence(of: PackageMetadata) -> str:
    """Return what a package says of its licence: an expression, one line, or its classifiers."""
    told = of.get("License-Expression") or of.get("License") or ""
    if told and "\n" not in told:
        return str(told)
    classified = [each.rpartition(" :: ")[2] for each in of.get_all("Classifier", []) if "License" in each]
    return ", ".join(classified)


def page() -> str:
    """Return the page."""
    return HEAD + "".join(f"| {name} | {version} | {licence} |\n" for name, version, licence in shipped())


if __name__ == "__main__":
    sys.stdout.write(page())
