"""Where a local stack keeps its files, and how others find out where it listens."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from infra.local.errors import LocalError
from infra.local.processes import Process

ROOT = Path(__file__).resolve().parents[2]

WEB_APPLICATION = "http://localhost:3000"
"""The origin of the deployer's own web application, which a local stack allows."""


@dataclass(frozen=True)
class Stack:
    """Addresses and names of a running stack: what `stack.json` tells."""

    api: str
    webhook: str
    stripe: str
    issuer: str
    userAudience: str  # noqa: N815 - the file's own spelling
    serviceAudience: str  # noqa: N815
    table: str
    usageQueue: str  # noqa: N815
    region: str
    awsEndpoint: str  # noqa: N815


@dataclass(frozen=True)
class Home:
    """The folder of one local stack. Stacks with different folders run side by side."""

    folder: Path

    @classmethod
    def chosen(cls) -> Self:
        """The folder named by TOLLKEEPER_LOCAL, else `.local` in the repository."""
        return cls(ROOT / os.environ.get("TOLLKEEPER_LOCAL", ".local"))

    @property
    def ministack(self) -> Process:
        """The AWS emulator."""
        return Process("ministack", self.folder)

    @property
    def sandbox(self) -> Process:
        """The stand-in for Stripe and the token issuer."""
        return Process("sandbox", self.folder)

    @property
    def example_host(self) -> Process:
        """The example host, if there is one."""
        return Process("host", self.folder)

    @property
    def host_file(self) -> Path:
        """Holds the example host's address."""
        return self.folder / "host.url"

    @property
    def emulator_files(self) -> Path:
        """What MiniStack writes; removed when it stops."""
        return self.folder / "ministack"

    @property
    def signing_key(self) -> Path:
        """The private key of the token issuer."""
        return self.folder / "issuer.pem"

    @property
    def build(self) -> Path:
        """What `sam build` makes."""
        return self.folder / "build"

    @property
    def layer(self) -> Path:
        """The packages that are deployed as the layer, the catalogue among them."""
        return self.build / "Layer" / "python"

    @property
    def catalogue(self) -> Path:
        """What is sold: the file that was deployed."""
        return self.layer / "tollkeeper" / "catalogue" / "catalogue.toml"

    @property
    def sam_log(self) -> Path:
        """What the SAM CLI printed last."""
        return self.folder / "sam.log"

    @property
    def functions_log(self) -> Path:
        """What the functions logged until the stack was stopped."""
        return self.folder / "functions.log"

    @property
    def stack_file(self) -> Path:
        """Where a running stack is described."""
        return self.folder / "stack.json"

    @property
    def running(self) -> bool:
        """Whether a stack was brought up here and not taken down."""
        return self.stack_file.exists() and self.ministack.running and self.sandbox.running

    @property
    def stack(self) -> Stack:
        """The running stack.

        Raises:
            LocalError: there is none.
        """
        if not self.running:
            raise LocalError("No stack is running. Start one with: make up")
        return Stack(**json.loads(self.stack_file.read_text()))

    def announce(self, stack: Stack) -> None:
        """Write `stack.json`."""
        self.stack_file.write_text(json.dumps(asdict(stack), indent=2) + "\n")

    def retract(self) -> None:
        """Remove `stack.json`."""
        self.stack_file.unlink(missing_ok=True)
