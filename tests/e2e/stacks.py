"""Stacks under test: brought up, deployed again while people use them, and taken down."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from infra.local import aws
from infra.local.customer import Customer
from infra.local.edition import SHIPPED
from infra.local.places import Home, Stack
from tests.e2e.callers import Callers
from tests.e2e.deployed import run


@dataclass(frozen=True)
class Selling:
    """The shipped catalogue with words of it replaced, and parameters of the template."""

    edits: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)

    def catalogue(self) -> str:
        """Return the file's text. An edit that changes nothing is a mistake."""
        text = SHIPPED.read_text()
        for old, new in self.edits.items():
            assert old in text
            text = text.replace(old, new)
        return text


NO_TRIAL = {"trial_days = 14": "trial_days = 0"}
OBSERVED = Selling({**NO_TRIAL, 'mode = "enforce"': 'mode = "observe"'})
"""Everything is counted, nothing is refused, and nobody owes more than their plan."""


LONGEST_TO_WRITE = 120.0
"""Seconds that MiniStack may take to write down what it holds, on a busy machine."""


class Business:
    """A SaaS that sells to organisations, and deploys what it sells as it goes."""

    PARAMETERS: Mapping[str, str] = {"UserClaim": "org_id", "BillingClaim": "org_role=admin"}

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self._deployed: Selling | None = None

    def deploy(self, wanted: Selling) -> None:
        """Let this be what is sold from now on, if it is not already."""
        if wanted == self._deployed:
            return
        file = self.home.folder / "mine.toml"
        file.write_text(wanted.catalogue())
        parameters = {**self.PARAMETERS, **wanted.parameters}
        settings = [each for name, value in parameters.items() for each in ("--set", f"{name}={value}")]
        run(self.home, "redeploy" if self._deployed else "up", "--catalogue", str(file), *settings)
        self._deployed = wanted

    @contextmanager
    def away(self) -> Iterator[None]:
        """Kill API, functions, queues and table for a while; what they held comes back, where it was."""
        port = urlsplit(self.stack.awsEndpoint).port
        self.home.ministack.stop(seconds=LONGEST_TO_WRITE)
        yield
        aws.start(self.home, port)

    @property
    def stack(self) -> Stack:
        """Where it listens."""
        return self.home.stack

    @property
    def callers(self) -> Callers:
        """Those who call it."""
        return Callers(self.home, self.stack)

    def organisation(self, name: str) -> Customer:
        """Return an organisation as the one of its members acts for it who may buy."""
        return Customer(self.home, self.stack, name, org_id=name, org_role="admin")

    def member(self, organisation: str, name: str, role: str = "member") -> httpx.Client:
        """Return a client with the token of somebody of an organisation."""
        return self.callers.user(name, org_id=organisation, org_role=role)
