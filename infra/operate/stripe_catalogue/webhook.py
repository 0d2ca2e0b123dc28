"""What ties a stack to its Stripe account: the key that its functions read, and the two destinations."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.operate.stripe_catalogue.destinations import (
    Connect,
    Destination,
    Destinations,
    DestinationStep,
    Leave,
    Retune,
    Stranger,
    digest,
    plan_destinations,
)

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


@dataclass(frozen=True, slots=True)
class StoreKey:
    """Store Stripe's key where the functions read it."""

    parameter: str

    def __str__(self) -> str:
        return f"+ store the key as {self.parameter}"


@dataclass(frozen=True, slots=True)
class KeepKey:
    """Leave the key that is stored: it may be another one on purpose, with fewer rights."""

    parameter: str

    def __str__(self) -> str:
        return f"= unchanged the key in {self.parameter}"


type TieStep = StoreKey | KeepKey | DestinationStep

UNCHANGED = (KeepKey, Leave)
OBSTACLES = (Stranger,)


class StoredSecrets:
    """The SecureString parameters of one stack, which its functions read within five minutes."""

    def __init__(self, client: "SSMClient") -> None:
        self._client = client

    def read(self, parameter: str) -> str:
        """Return what a parameter holds; nothing if there is none."""
        try:
            found = self._client.get_parameter(Name=parameter, WithDecryption=True)
        except self._client.exceptions.ParameterNotFound:
            return ""
        return found["Parameter"]["Value"]

    def write(self, parameter: str, value: str) -> None:
        """Have a parameter hold a value."""
        self._client.put_parameter(Name=parameter, Value=value, Type="SecureString", Overwrite=True)


@dataclass(frozen=True, slots=True)
class Tie:
    """One stack, and the account whose key is given."""

    secrets: StoredSecrets
    destinations: Destinations
    deployment: str
    key: str
    key_parameter: str
    webhook_parameter: str

    def plan(self) -> Iterator[TieStep]:
        """Return what there is to do."""
        stored = self.secrets.read(self.key_parameter)
        yield KeepKey(self.key_parameter) if stored else StoreKey(self.key_parameter)
        has_secrets = bool(self.secrets.read(self.webhook_parameter))
        yield from plan_destinations(self.destinations.found(), self.deployment, has_secrets=has_secrets)

    def take(self, step: TieStep) -> None:
        """Take a step; those that change nothing are skipped."""
        match step:
            case StoreKey(parameter):
                self.secrets.write(parameter, self.key)
            case Connect(style, replaces):
                if replaces:
                    self.destinations.remove(replaces)
                destination_id, secret = self.destinations.create(style)
                self._store(secret, replaces)
                self.destinations.mark(style, destination_id, secret)
            case Retune(found):
                self.destinations.retune(found)
            case _:
                pass

    def _store(self, secret: str, replaces: Destination | None) -> None:
        """Add a secret to those that are accepted, and drop that of the destination it replaces."""
        gone = replaces.secret if replaces else None
        kept = [
            each
            for each in self.secrets.read(self.webhook_parameter).split(",")
            if each and digest(each) != gone
        ]
        self.secrets.write(self.webhook_parameter, ",".join([*kept, secret]))
