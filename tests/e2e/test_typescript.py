"""What docs/nextjs.md shows: type-checked by the API's description, and run against the stack."""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from infra.local import issuer
from infra.local.places import ROOT, Home, Stack
from infra.local.processes import free_port
from tests.e2e.callers import Callers

TOOLS = ROOT / ".tools" / "typescript"
SOURCES = ROOT / "tests" / "e2e" / "typescript"
OPENAPI = ROOT / "shared" / "tollkeeper" / "api" / "openapi.json"

GOOD, BAD = '{"name": "one"}', "{}"

if not (TOOLS / ".ready").exists():
    pytest.skip("make test-typescript brings Node and the compiler", allow_module_level=True)


def run(folder: Path, *command: str, **environment: str) -> str:
    """Run something of Node's in a folder, and return what it prints."""
    done = subprocess.run(  # noqa: S603 - Node, and what the page says
        [str(TOOLS / "bin" / "node"), *command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert 0 == done.returncode, f"{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's code beside the types that are made of the API's description: it has no error of a type."""
    folder = tmp_path_factory.mktemp("nextjs")
    page = (ROOT / "docs" / "nextjs.md").read_text()
    for name, code in re.findall(r"```ts\n// (\S+)\n(.*?)```", page, re.DOTALL):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code)
    for name in ("drive.ts", "tsconfig.json"):
        shutil.copy(SOURCES / name, folder)
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")
    modules = TOOLS / "node_modules"
    types = str(folder / "lib" / "tollkeeper-api.d.ts")
    run(folder, str(modules / "openapi-typescript" / "bin" / "cli.js"), str(OPENAPI), "-o", types)
    run(folder, str(modules / "typescript" / "bin" / "tsc"))
    return folder


@pytest.fixture(scope="module")
def token_url(home: Home, stack: Stack) -> Iterator[str]:
    """Where a service has its tokens from."""
    body = json.dumps(
        {"access_token": issuer.service_token(home.signing_key, stack.issuer), "expires_in": 3_600}
    ).encode()

    class Tokens(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Give a token."""
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Tokens)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/token"
    server.shutdown()


def test_its_handler_counts_what_succeeds(
    built: Path, token_url: str, stack: Stack, callers: Callers, user: str
) -> None:
    """A failed request gives its design back, and the fourth of three is answered 402."""
    assert (
        200 == callers.consume(f"{user}-before", "designsCreated", "one").status_code
    )  # and the function is up
    bodies = [BAD, GOOD, BAD, GOOD, GOOD, GOOD, GOOD]
    printed = run(
        built,
        "built/drive.js",
        user,
        *bodies,
        TOLLKEEPER_URL=stack.api,
        TOKEN_URL=token_url,
        CLIENT_ID="host",
    )
    assert [422, 200, 422, 200, 200, 402, 402] == json.loads(printed)
    assert 3 == callers.quota(user, "designsCreated")["current"]


def test_its_handler_goes_on_while_tollkeeper_is_away(built: Path, token_url: str, user: str) -> None:
    """Nobody is refused."""
    away = f"http://127.0.0.1:{free_port()}"
    printed = run(built, "built/drive.js", user, GOOD, BAD, GOOD, TOLLKEEPER_URL=away, TOKEN_URL=token_url)
    assert [200, 422, 200] == json.loads(printed)


def test_a_body_that_the_api_does_not_take_is_no_typescript(built: Path, tmp_path: Path) -> None:
    """The types are those of the API: a field of another name does not compile."""
    shutil.copytree(built, tmp_path / "wrong", symlinks=True)
    file = tmp_path / "wrong" / "lib" / "tollkeeper.ts"
    file.write_text(
        file.read_text().replace("{ userId, id, quantity: 1 }", "{ user: userId, id, quantity: 1 }")
    )
    with pytest.raises(AssertionError, match="TS2"):
        run(tmp_path / "wrong", str(TOOLS / "node_modules" / "typescript" / "bin" / "tsc"))
