"""The two event destinations through which Stripe tells a stack's webhook of what has happened.

Stripe tells a destination's signing secret once, when it makes it. So each is marked once its secret is
stored: one that is ours and has no mark, or whose secret is gone, signs with what nobody knows, and is made
anew. What Stripe sends meanwhile the sweep follows.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stripe import StripeClient

from tollkeeper.stripe.event_types import Style, of_style

NAME = "Tollkeeper"
DEPLOYMENT = "tollkeeper_deployment"
STORED = "tollkeeper_secret"
"""In a destination's metadata: whose it is, and the digest of the secret that was stored."""

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination in Stripe. `secret` is the digest of the secret that was stored, if one was."""

    id: str
    style: Style
    events: frozenset[str]
    enabled: bool
    deployment: str | None
    secret: str | None


@dataclass(frozen=True, slots=True)
class Connect:
    """Make a destination, in place of one whose secret nobody knows."""

    style: Style
    replaces: Destination | None = None

    def __str__(self) -> str:
        if self.replaces:
            old = f"{self.style} events ({self.replaces.id})"
            return f"~ renew the destination of {old}: its secret is not stored"
        return f"+ create the destination of {self.style} events"


@dataclass(frozen=True, slots=True)
class Retune:
    """Have a destination send what this version follows, and send at all."""

    found: Destination

    def __str__(self) -> str:
        wanted = {*of_style(self.found.style)}
        changes = [f"{len(wanted - self.found.events)} types more", f"{len(self.found.events - wanted)} less"]
        return (
            f"~ change {self.found.id}: {', '.join([*changes, *([] if self.found.enabled else ['enabled'])])}"
        )


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing to do."""

    found: Destination

    def __str__(self) -> str:
        return f"= unchanged the destination of {self.found.style} events ({self.found.id})"


@dataclass(frozen=True, slots=True)
class Stranger:
    """A destination at the webhook's address that nobody here made: events would come twice."""

    found: Destination

    def __str__(self) -> str:
        return (
            f"! {self.found.id} sends events to the webhook already, and is not this command's: delete it in "
            "Stripe, then apply again"
        )


type DestinationStep = Connect | Retune | Leave | Stranger


def plan_destinations(
    found: Sequence[Destination], deployment: str, *, has_secrets: bool
) -> Iterator[DestinationStep]:
    """Return what there is to do, so that Stripe sends both styles of events, each once.

    `found` are the destinations at the webhook's address; `has_secrets` is whether any secret is stored.
    """
    for style in Style:
        of = [each for each in found if each.style is style]
        own = next((each for each in of if each.deployment == deployment), None)
        yield from (Stranger(each) for each in of if each is not own)
        if own is None or not own.secret or not has_secrets:
            yield Connect(style, own)
        elif own.events != {*of_style(style)} or not own.enabled:
            yield Retune(own)
        else:
            yield Leave(own)


class Destinations:
    """The destinations of one Stripe account at one address.

    Every method raises `stripe.StripeError` when Stripe refuses or cannot be reached.
    """

    def __init__(self, client: StripeClient, url: str, deployment: str) -> None:
        self._client = client
        self._url = url
        self._deployment = deployment

    def found(self) -> list[Destination]:
        """Return what is sent to the address."""
        snapshots = self._client.v1.webhook_endpoints.list({"limit": _PAGE}).auto_paging_iter()
        thin = self._client.v2.core.event_destinations.list(
            {"limit": _PAGE, "include": ["webhook_endpoint.url"]}
        ).auto_paging_iter()
        return [
            *(_read(each, Style.SNAPSHOT) for each in snapshots if each.url == self._url),
            *(
                _read(each, Style.THIN)
                for each in thin
                if each.event_payload == "thin"
                and each.webhook_endpoint
                and each.webhook_endpoint.url == self._url
            ),
        ]

    def create(self, style: Style) -> tuple[str, str]:
        """Make a destination; return its id and its signing secret, which Stripe tells now and not again."""
        if style is Style.SNAPSHOT:
            made = self._client.v1.webhook_endpoints.create(
                {
                    "url": self._url,
                    "enabled_events": of_style(style),  # type: ignore[typeddict-item]  # literals
                    "description": NAME,
                    "metadata": {DEPLOYMENT: self._deployment},
                }
            )
            return made.id, str(made.secret)
        thin = self._client.v2.core.event_destinations.create(
            {
                "name": NAME,
                "type": "webhook_endpoint",
                "event_payload": "thin",
                "enabled_events": [*of_style(style)],
                "metadata": {DEPLOYMENT: self._deployment},
                "webhook_endpoint": {"url": self._url},
                "include": ["webhook_endpoint.signing_secret"],
            }
        )
        return thin.id, str(thin.webhook_endpoint and thin.webhook_endpoint.signing_secret)

    def mark(self, style: Style, destination_id: str, secret: str) -> None:
        """Note on a destination that its secret is stored."""
        noted: dict[str, Any] = {DEPLOYMENT: self._deployment, STORED: digest(secret)}
        if style is Style.SNAPSHOT:
            self._client.v1.webhook_endpoints.update(destination_id, {"metadata": noted})
        else:
            self._client.v2.core.event_destinations.update(destination_id, {"metadata": noted})

    def retune(self, found: Destination) -> None:
        """Have a destination send what is followed."""
        events: Any = [*of_style(found.style)]
        if found.style is Style.SNAPSHOT:
            self._client.v1.webhook_endpoints.update(found.id, {"enabled_events": events, "disabled": False})
            return
        self._client.v2.core.event_destinations.update(found.id, {"enabled_events": events})
        if not found.enabled:
            self._client.v2.core.event_destinations.enable(found.id)

    def remove(self, found: Destination) -> None:
        """Have a destination send nothing any more."""
        if found.style is Style.SNAPSHOT:
            self._client.v1.webhook_endpoints.delete(found.id)
        else:
            self._client.v2.core.event_destinations.delete(found.id)


def digest(secret: str) -> str:
    """Return what tells a secret from others without telling it."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def _read(found: Any, style: Style) -> Destination:  # noqa: ANN401 - one of two classes of the SDK
    noted: Mapping[str, str] = found.metadata.to_dict() if found.metadata else {}
    return Destination(
        id=found.id,
        style=style,
        events=frozenset(found.enabled_events),
        enabled=found.status == "enabled",
        deployment=noted.get(DEPLOYMENT),
        secret=noted.get(STORED),
    )
