"""Tokens of a service, by OAuth client credentials: fetched when they are needed, renewed before they end."""

import json
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Protocol

from tollkeeper.client.exchange import USER_AGENT
from tollkeeper.client.forks import forget_in_children

EARLY = 60.0
"""Seconds before its end at which a token is renewed, or a tenth of its life if that is less."""

MOST_ANSWER_BYTES = 1_000_000


class TokenError(Exception):
    """The identity provider gave no token."""


class Tokens(Protocol):
    """Where a service's tokens come from."""

    def current(self, timeout: float) -> str:
        """Return a token, within so many seconds.

        Raises:
            TokenError: there is none.
        """

    def forget_token(self, token: str) -> None:
        """Fetch another one next time: this one was refused."""


class ClientCredentials:
    """A service's tokens from its identity provider's token endpoint.

    `audience` and `scope` are sent if the provider wants them: Auth0 an audience, Cognito a scope.
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        audience: str | None = None,
        scope: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not token_url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError(f"a secret is sent over https alone, not to {token_url}")
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
            "audience": audience,
            "scope": scope,
        }
        self._url = token_url
        self._form = urllib.parse.urlencode({name: value for name, value in form.items() if value}).encode()
        self._clock = clock
        self._token: str | None = None
        self._renew_at = 0.0
        self.forget()
        forget_in_children(self)

    def forget(self) -> None:
        """Take a lock of one's own; the token itself is good in every process."""
        self._lock = threading.Lock()

    def current(self, timeout: float) -> str:
        """Return a token, the same until shortly before its end.

        Raises:
            TokenError: the provider did not answer in time, or refused.
        """
        if not self._lock.acquire(timeout=timeout):
            raise TokenError("the token is still being fetched")
        try:
            if self._token is None or self._clock() >= self._renew_at:
                self._token, lifetime = self._fetch(timeout)
                self._renew_at = self._clock() + lifetime - min(EARLY, lifetime / 10)
            return self._token
        finally:
            self._lock.release()

    def forget_token(self, token: str) -> None:
        """Fetch another one next time, unless somebody has."""
        if self._token == token:
            self._token = None

    def _fetch(self, timeout: float) -> tuple[str, float]:
        headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
        request = urllib.request.Request(self._url, self._form, headers)  # noqa: S310 - checked above
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - the same
                body = json.loads(answer.read(MOST_ANSWER_BYTES))
            token = str(body["access_token"])
            if not token.isascii() or not token.isprintable():
                raise ValueError("it cannot stand in a header")  # noqa: TRY301 - told with the others
            return token, float(body.get("expires_in", 300))
        except (OSError, LookupError, TypeError, ValueError) as error:
            raise TokenError(f"{self._url} gave no token: {error}") from error
