"""The stand-in's README, held to the code."""

import re
from collections import defaultdict
from pathlib import Path

from starlette.routing import Route

from infra.stripe_standin.app import NOUNS, create_app
from infra.stripe_standin.clocks.sandbox_clock import SandboxClock
from tests.standin.harness import Host, Receiver

README = Path(__file__).parents[2] / "infra" / "stripe_standin" / "README.md"
TEXT = README.read_text()


def test_readme_says_where_each_noun_lives() -> None:
    """Its table has every path that is answered, beside the folder that answers it."""
    expected: dict[str, set[str]] = defaultdict(set)
    for noun in NOUNS:
        folder = noun.__name__.split(".")[-2]
        expected[folder] |= {route.path.partition("/{")[0] for route in noun.routes.all}
    rows = re.findall(r"^\| \[(\w+)/\]\(\1\)[^|]*\| (`/v[^|]*) \|", TEXT, re.MULTILINE)
    assert expected == {folder: set(re.findall(r"`([^`]+)`", paths)) for folder, paths in rows}


def test_readme_shows_every_folder_and_file() -> None:
    """Each folder, and each file beside them, is linked, and no link leads nowhere."""
    inside = {file.relative_to(README.parent) for file in README.parent.rglob("*.py")}
    expected = {path.parts[0] for path in inside} - {"__init__.py", "__main__.py"}
    linked = [Path(link) for link in re.findall(r"\]\((?!https://)([^)]+)\)", TEXT)]
    assert expected == {link.parts[0] for link in linked}
    assert [] == [link for link in linked if not (README.parent / link).exists()]


def test_readme_lists_the_sandboxs_endpoints(host: Host) -> None:
    """Its table has every endpoint under `/_sandbox/`, with its methods."""
    app = create_app(clock=SandboxClock(), public_url=host.url)
    expected: dict[str, set[str]] = defaultdict(set)
    for route in app.routes:
        if isinstance(route, Route) and route.path.startswith("/_sandbox/"):
            expected[route.path] |= set(route.methods or ()) - {"HEAD"}
    listed: dict[str, set[str]] = defaultdict(set)
    for methods, path in re.findall(r"^\| ([^|/]*)(/_sandbox/[^`]*)`", TEXT, re.MULTILINE):
        listed[path] |= set(re.findall(r"[A-Z]+", methods))
    assert expected == listed


def test_readmes_examples_run(host: Host, receiver: Receiver) -> None:
    """The examples, read from the top, do what they say, and what was listened for is delivered."""
    example = "\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
    app = create_app(clock=SandboxClock(), public_url=host.url)
    with host.serving(app) as url:
        addresses = {"http://127.0.0.1:12111": url, "http://127.0.0.1:4242/webhook": receiver.url}
        for written, actual in addresses.items():
            assert written in example
            example = example.replace(written, actual)
        exec(compile(example, README, "exec"), {})  # noqa: S102 - our own
    assert receiver.received
