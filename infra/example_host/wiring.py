"""The one place where the host and Tollkeeper meet."""

from collections.abc import MutableMapping
from typing import Any

from fastapi import FastAPI

from infra.example_host.endpoints import host
from tollkeeper.client import AsgiMiddleware, Tollkeeper


def metered_host(tollkeeper: Tollkeeper) -> FastAPI:
    """Return the host with every request of it counted."""
    app = host()
    app.add_middleware(AsgiMiddleware, tollkeeper=tollkeeper, user=user_of)
    return app


def user_of(scope: MutableMapping[str, Any]) -> str | None:
    """Return who makes a request: here whoever the header `x-user` names, in yours whoever is signed in."""
    named = dict(scope["headers"]).get(b"x-user")
    return named.decode("latin-1") if named else None
